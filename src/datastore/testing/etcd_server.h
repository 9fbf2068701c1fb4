// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

namespace calico::datastore::testing {

struct EtcdSettings {
  struct Tls {
    std::string ca, cert, key;  // files; clients must show a certificate of the CA
  };
  Tls tls;
  bool v2 = false;  // serve etcd's v2 API as well
  std::vector<std::string> arguments;
};

// Real etcd servers that form one cluster, on free loopback ports with a directory of their own; ended by
// their process ids and removed with this object.
class EtcdCluster {
 public:
  explicit EtcdCluster(std::size_t members, EtcdSettings settings = {});
  ~EtcdCluster();
  EtcdCluster(const EtcdCluster&) = delete;
  EtcdCluster& operator=(const EtcdCluster&) = delete;

  void Kill(std::size_t member);   // SIGKILL
  void Start(std::size_t member);  // brings it back with its data; waits until it serves
  std::size_t Leader();
  std::vector<std::string> endpoints() const;
  const std::string& endpoint(std::size_t member) const { return members_[member].client; }
  const std::string& directory() const { return directory_; }
  // Runs etcdctl (API 3) against all members that are up; its output.
  std::string Ctl(const std::vector<std::string>& arguments);

 private:
  struct Member {
    std::string name, client, peer;
    pid_t pid = -1;
  };
  void Launch(Member& member);
  void WaitUntilItServes(const Member& member) const;
  std::string Log(const Member& member) const { return directory_ + "/" + member.name + ".log"; }

  const EtcdSettings settings_;
  std::string directory_;
  std::vector<Member> members_;
};

// One server alone.
class EtcdServer {
 public:
  using Tls = EtcdSettings::Tls;
  EtcdServer() : EtcdServer(EtcdSettings{}) {}
  explicit EtcdServer(const Tls& tls) : EtcdServer(EtcdSettings{tls, false, {}}) {}
  explicit EtcdServer(EtcdSettings settings) : cluster_(1, std::move(settings)) {}

  void Start() { cluster_.Start(0); }
  void Kill() { cluster_.Kill(0); }
  const std::string& endpoint() const { return cluster_.endpoint(0); }
  const std::string& directory() const { return cluster_.directory(); }
  std::string Ctl(const std::vector<std::string>& arguments) { return cluster_.Ctl(arguments); }

 private:
  EtcdCluster cluster_;
};

// A CA, and certificates for 127.0.0.1 made by it, as files in `directory`.
struct TestCertificates {
  explicit TestCertificates(const std::string& directory);
  std::string ca, server_cert, server_key, client_cert, client_key;
  std::string other_ca, other_cert, other_key;  // of a CA nobody trusts
  std::string expired_cert, expired_key;        // by the CA, valid until yesterday
  std::string elsewhere_cert, elsewhere_key;    // by the CA, but for the host etcd.example
  std::string encrypted_key;                    // the client's, with a passphrase
};

}  // namespace calico::datastore::testing
