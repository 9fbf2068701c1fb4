// SPDX-License-Identifier: Apache-2.0
#include "datastore/testing/etcd_server.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <arpa/inet.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/clock.h"
#include "base/file.h"
#include "base/subprocess.h"
#include "base/unique_fd.h"

namespace calico::datastore::testing {
namespace {

using namespace std::chrono_literals;

int FreePort() {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  auto* generic = reinterpret_cast<sockaddr*>(&address);
  EXPECT_EQ(bind(fd.get(), generic, size), 0);
  EXPECT_EQ(getsockname(fd.get(), generic, &size), 0);
  return ntohs(address.sin_port);
}

bool Listens(const std::string& endpoint) {
  const UniqueFd fd(socket(AF_INET, SOCK_STREAM, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<std::uint16_t>(std::stoi(endpoint.substr(endpoint.rfind(':') + 1))));
  return connect(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0;
}

void OpenSsl(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "openssl");
  const auto output = RunProcess(arguments, 20s);
  ASSERT_TRUE(output.has_value() && output->exit_code == 0)
      << (output.has_value() ? output->err : output.error().message());
}

}  // namespace

EtcdServer::EtcdServer(const Tls& tls) : tls_(tls) {
  char pattern[] = "/tmp/calico-etcd-XXXXXX";
  directory_ = mkdtemp(pattern);
  endpoint_ = fmt::format("{}://127.0.0.1:{}", tls.cert.empty() ? "http" : "https", FreePort());
  peer_ = fmt::format("http://127.0.0.1:{}", FreePort());
  Start();
}

EtcdServer::~EtcdServer() {
  Kill();
  std::filesystem::remove_all(directory_);
}

void EtcdServer::Start() {
  std::vector<std::string> argv{"etcd",
                                "--data-dir",
                                directory_ + "/data",
                                "--listen-client-urls",
                                endpoint_,
                                "--advertise-client-urls",
                                endpoint_,
                                "--listen-peer-urls",
                                peer_,
                                "--initial-advertise-peer-urls",
                                peer_,
                                "--initial-cluster",
                                "default=" + peer_,
                                "--unsafe-no-fsync",
                                "--logger",
                                "zap"};
  if (!tls_.cert.empty()) {
    argv.insert(argv.end(), {"--cert-file", tls_.cert, "--key-file", tls_.key, "--trusted-ca-file", tls_.ca,
                             "--client-cert-auth"});
  }
  // --unsafe-no-fsync came with 3.5; Debian 12 has 3.4.
  std::erase(argv, "--unsafe-no-fsync");
  auto started = StartDetached(argv, directory_ + "/log");
  ASSERT_TRUE(started.has_value()) << started.error().message();
  pid_ = started->pid;
  for (int i = 0; i < 1000 && !Listens(endpoint_); ++i) SleepFor(10ms);
  ASSERT_TRUE(Listens(endpoint_)) << ReadFile(directory_ + "/log").value_or("");
}

void EtcdServer::Kill() {
  if (pid_ <= 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
  pid_ = -1;
}

std::string EtcdServer::Ctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> argv{"env", "ETCDCTL_API=3", "etcdctl", "--endpoints", endpoint_};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto output = RunProcess(argv, 20s);
  if (!output.has_value() || output->exit_code != 0) {
    ADD_FAILURE() << "etcdctl: " << (output.has_value() ? output->err : output.error().message());
    return "";
  }
  return output->out;
}

TestCertificates::TestCertificates(const std::string& directory) {
  const auto make_ca = [&](const std::string& name) {
    const std::string path = directory + "/" + name;
    OpenSsl({"req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days",
             "2", "-subj", "/CN=" + name, "-keyout", path + ".key", "-out", path + ".pem"});
    return path + ".pem";
  };
  EXPECT_TRUE(WriteFileAtomically(directory + "/ext", "subjectAltName=IP:127.0.0.1\n").has_value());
  const auto make = [&](const std::string& name, const std::string& ca_name,
                        const std::vector<std::string>& dates) {
    const std::string path = directory + "/" + name, ca_path = directory + "/" + ca_name;
    OpenSsl({"req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj",
             "/CN=" + name, "-keyout", path + ".key", "-out", path + ".csr"});
    std::vector<std::string> sign{"x509",
                                  "-req",
                                  "-in",
                                  path + ".csr",
                                  "-CA",
                                  ca_path + ".pem",
                                  "-CAkey",
                                  ca_path + ".key",
                                  "-CAcreateserial",
                                  "-extfile",
                                  directory + "/ext",
                                  "-out",
                                  path + ".pem"};
    sign.insert(sign.end(), dates.begin(), dates.end());
    OpenSsl(sign);
    return path;
  };
  ca = make_ca("ca");
  other_ca = make_ca("other-ca");
  const std::vector<std::string> valid{"-days", "2"};
  server_cert = make("server", "ca", valid) + ".pem";
  server_key = directory + "/server.key";
  client_cert = make("client", "ca", valid) + ".pem";
  client_key = directory + "/client.key";
  other_cert = make("other", "other-ca", valid) + ".pem";
  other_key = directory + "/other.key";
  expired_cert = make("expired", "ca", {"-days", "-1"}) + ".pem";
  expired_key = directory + "/expired.key";
}

}  // namespace calico::datastore::testing
