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
#include "base/text.h"
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

EtcdCluster::EtcdCluster(std::size_t members, EtcdSettings settings) : settings_(std::move(settings)) {
  char pattern[] = "/tmp/calico-etcd-XXXXXX";
  directory_ = mkdtemp(pattern);
  const char* scheme = settings_.tls.cert.empty() ? "http" : "https";
  for (std::size_t i = 0; i < members; ++i) {
    members_.push_back({fmt::format("etcd{}", i), fmt::format("{}://127.0.0.1:{}", scheme, FreePort()),
                        fmt::format("http://127.0.0.1:{}", FreePort()), -1});
  }
  // All at once: the first one serves only when a majority has come.
  for (Member& member : members_) Launch(member);
  for (const Member& member : members_) WaitUntilItServes(member);
}

EtcdCluster::~EtcdCluster() {
  for (std::size_t i = 0; i < members_.size(); ++i) Kill(i);
  std::filesystem::remove_all(directory_);
}

void EtcdCluster::Start(std::size_t member) {
  Launch(members_[member]);
  WaitUntilItServes(members_[member]);
}

void EtcdCluster::Launch(Member& member) {
  std::string all;
  for (const Member& one : members_)
    all += fmt::format("{}{}={}", all.empty() ? "" : ",", one.name, one.peer);
  std::vector<std::string> argv{"etcd",
                                "--name",
                                member.name,
                                "--data-dir",
                                directory_ + "/" + member.name,
                                "--listen-client-urls",
                                member.client,
                                "--advertise-client-urls",
                                member.client,
                                "--listen-peer-urls",
                                member.peer,
                                "--initial-advertise-peer-urls",
                                member.peer,
                                "--initial-cluster",
                                all,
                                "--logger",
                                "zap"};
  const EtcdSettings::Tls& tls = settings_.tls;
  if (!tls.cert.empty()) {
    argv.insert(argv.end(), {"--cert-file", tls.cert, "--key-file", tls.key, "--trusted-ca-file", tls.ca,
                             "--client-cert-auth"});
  }
  if (settings_.v2) argv.emplace_back("--enable-v2=true");
  argv.insert(argv.end(), settings_.arguments.begin(), settings_.arguments.end());
  auto started = StartDetached(argv, Log(member));
  ASSERT_TRUE(started.has_value()) << started.error().message();
  member.pid = started->pid;
}

// etcd opens the port of its clients when it has joined the cluster and there is a leader.
void EtcdCluster::WaitUntilItServes(const Member& member) const {
  for (int i = 0; i < 3000 && !Listens(member.client); ++i) SleepFor(10ms);
  ASSERT_TRUE(Listens(member.client)) << ReadFile(Log(member)).value_or("");
}

void EtcdCluster::Kill(std::size_t index) {
  Member& member = members_[index];
  if (member.pid <= 0) return;
  ::kill(member.pid, SIGKILL);
  ::waitpid(member.pid, nullptr, 0);
  member.pid = -1;
}

std::vector<std::string> EtcdCluster::endpoints() const {
  std::vector<std::string> urls;
  for (const Member& member : members_) urls.push_back(member.client);
  return urls;
}

std::size_t EtcdCluster::Leader() {
  // "http://127.0.0.1:2379, 8e9e05c52164694d, 3.4.23, 20 kB, true, false, 2, 4, 4, "
  const std::vector<std::string> lines = Split(Ctl({"endpoint", "status"}), '\n');
  for (const std::string& line : lines) {
    const std::vector<std::string> fields = Split(line, ',');
    if (fields.size() < 5 || Trim(fields[4]) != "true") continue;
    for (std::size_t i = 0; i < members_.size(); ++i) {
      if (members_[i].client == fields[0]) return i;
    }
  }
  ADD_FAILURE() << "no leader: " << Join(lines, "\n");
  return 0;
}

std::string EtcdCluster::Ctl(const std::vector<std::string>& arguments) {
  std::vector<std::string> up;
  for (const Member& member : members_) {
    if (member.pid > 0) up.push_back(member.client);
  }
  std::vector<std::string> argv{"env", "ETCDCTL_API=3", "etcdctl", "--endpoints", Join(up, ",")};
  const EtcdSettings::Tls& tls = settings_.tls;
  if (!tls.cert.empty()) argv.insert(argv.end(), {"--cacert", tls.ca, "--cert", tls.cert, "--key", tls.key});
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
  EXPECT_TRUE(WriteFileAtomically(directory + "/elsewhere", "subjectAltName=DNS:etcd.example\n").has_value());
  const auto make = [&](const std::string& name, const std::string& ca_name,
                        const std::vector<std::string>& dates, const std::string& extensions = "/ext") {
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
                                  directory + extensions,
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
  elsewhere_cert = make("elsewhere-host", "ca", valid, "/elsewhere") + ".pem";
  elsewhere_key = directory + "/elsewhere-host.key";
  encrypted_key = directory + "/encrypted.key";
  OpenSsl({"pkcs8", "-topk8", "-in", client_key, "-out", encrypted_key, "-passout", "pass:secret"});
}

}  // namespace calico::datastore::testing
