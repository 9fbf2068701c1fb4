// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

namespace calico::datastore::testing {

// A real etcd on free loopback ports with a directory of its own; ended and removed with this object.
class EtcdServer {
 public:
  struct Tls {
    std::string ca, cert, key;  // files; clients must show a certificate of the CA
  };
  EtcdServer() : EtcdServer(Tls{}) {}
  explicit EtcdServer(const Tls& tls);
  ~EtcdServer();
  EtcdServer(const EtcdServer&) = delete;
  EtcdServer& operator=(const EtcdServer&) = delete;

  void Start();
  void Kill();  // SIGKILL; Start() brings it back with its data
  const std::string& endpoint() const { return endpoint_; }
  const std::string& directory() const { return directory_; }
  // Runs etcdctl (API 3) against it; its output.
  std::string Ctl(const std::vector<std::string>& arguments);

 private:
  Tls tls_;
  std::string directory_;
  std::string endpoint_, peer_;
  pid_t pid_ = -1;
};

// A CA, and certificates for 127.0.0.1 made by it, as files in `directory`.
struct TestCertificates {
  explicit TestCertificates(const std::string& directory);
  std::string ca, server_cert, server_key, client_cert, client_key;
  std::string other_ca, other_cert, other_key;  // of a CA nobody trusts
  std::string expired_cert, expired_key;
};

}  // namespace calico::datastore::testing
