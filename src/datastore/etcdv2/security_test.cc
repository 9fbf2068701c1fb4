// SPDX-License-Identifier: Apache-2.0
// TLS and users of the etcdv2 driver on a real etcd: each thing that can be wrong has an error that names the
// file, or the user, and the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "datastore/etcdv2/etcdv2_client.h"
#include "datastore/testing/etcd_server.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using testing::EtcdCluster;
using testing::EtcdServer;
using testing::EtcdSettings;
using testing::EventLog;
using ::testing::HasSubstr;
using testing::TestCertificates;

std::unique_ptr<Client> Open(const EtcdOptions& options) {
  auto client = OpenEtcdV2(options);
  if (!client.has_value()) ADD_FAILURE() << client.error().message();
  return client.has_value() ? std::move(*client) : nullptr;
}

class EtcdV2Tls : public ::testing::Test {
 protected:
  EtcdV2Tls()
      : certificates_(place_.directory()),
        server_(EtcdSettings{
            {certificates_.ca, certificates_.server_cert, certificates_.server_key}, true, {}}) {}
  EtcdOptions Options() const {
    EtcdOptions options;
    options.endpoints = {server_.endpoint()};
    options.call_timeout = 2s;
    options.ca_file = certificates_.ca;
    options.cert_file = certificates_.client_cert;
    options.key_file = certificates_.client_key;
    return options;
  }
  static std::string Reason(const EtcdOptions& options) {
    const auto result = Open(options)->Get("/calico/a");
    return result.has_value() ? "works" : result.error().message();
  }

  const EtcdServer place_;  // only its directory is used
  const TestCertificates certificates_;
  const EtcdServer server_;
};

TEST_F(EtcdV2Tls, WorksWithFilesAndInlineForCallsAndWatches) {
  const auto client = Open(Options());
  const auto put = client->Put("/calico/a", "x");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  EtcdOptions options = Options();
  options.ca_pem = *ReadFile(options.ca_file);
  options.cert_pem = *ReadFile(options.cert_file);
  options.key_pem = *ReadFile(options.key_file);
  options.ca_file = options.cert_file = options.key_file = "";
  const auto inline_client = Open(options);
  EXPECT_TRUE(inline_client->Get("/calico/a").has_value());
  EventLog log;
  const auto watch = inline_client->StartWatch("/calico/", *put, log.Callbacks());
  ASSERT_TRUE(client->Put("/calico/b", "x").has_value());
  EXPECT_EQ(log.WaitFor(1).size(), 1U);
}

TEST_F(EtcdV2Tls, SaysWhyTheServersCertificateIsRefused) {
  EtcdOptions options = Options();
  options.ca_file = certificates_.other_ca;
  EXPECT_THAT(
      Reason(options),
      HasSubstr("the server's certificate is refused: unable to get local issuer certificate, checked "
                "with the etcd CA certificate " +
                certificates_.other_ca));
}

TEST_F(EtcdV2Tls, SaysThatTheServerRefusesOurCertificateOrWantsOne) {
  EtcdOptions options = Options();
  options.cert_file = certificates_.other_cert;
  options.key_file = certificates_.other_key;
  EXPECT_THAT(Reason(options),
              HasSubstr("the server refuses the etcd certificate " + certificates_.other_cert + ": "));
  options.cert_file = options.key_file = "";
  EXPECT_THAT(Reason(options), HasSubstr("the server wants a client certificate"));
}

TEST_F(EtcdV2Tls, NamesTheSchemeThatFits) {
  EtcdOptions options = Options();
  options.endpoints = {"http://" + server_.endpoint().substr(8)};
  EXPECT_THAT(Reason(options), HasSubstr("the server speaks TLS: the endpoint should be https://"));
  const EtcdServer plain(EtcdSettings{{}, true, {}});
  options.endpoints = {"https://" + plain.endpoint().substr(7)};
  EXPECT_THAT(Reason(options), HasSubstr("the server does not speak TLS: the endpoint should be http://"));
}

TEST_F(EtcdV2Tls, SaysThatTheServersCertificateHasExpiredOrIsForAnother) {
  const EtcdServer expired(
      EtcdSettings{{certificates_.ca, certificates_.expired_cert, certificates_.expired_key}, true, {}});
  EtcdOptions options = Options();
  options.endpoints = {expired.endpoint()};
  EXPECT_THAT(Reason(options), HasSubstr("the server's certificate is refused: certificate has expired"));
  const EtcdServer other(
      EtcdSettings{{certificates_.ca, certificates_.elsewhere_cert, certificates_.elsewhere_key}, true, {}});
  options.endpoints = {other.endpoint()};
  EXPECT_THAT(Reason(options), HasSubstr("it is not for 127.0.0.1 but for DNS:etcd.example"));
}

TEST_F(EtcdV2Tls, NamesTheFileAndTheReasonBeforeConnecting) {
  EtcdOptions options = Options();
  options.cert_file = certificates_.expired_cert;
  options.key_file = certificates_.expired_key;
  const auto client = OpenEtcdV2(options);
  ASSERT_FALSE(client.has_value());
  EXPECT_THAT(client.error().message(),
              HasSubstr(certificates_.expired_cert + ": the certificate expired on"));
}

void Etcdctl2(const EtcdServer& server, std::vector<std::string> arguments) {
  std::vector<std::string> argv{"env", "ETCDCTL_API=2", "etcdctl", "--endpoints", server.endpoint()};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto output = RunProcess(argv, 20s);
  ASSERT_TRUE(output.has_value() && output->exit_code == 0)
      << (output.has_value() ? output->out + output->err : output.error().message());
}

TEST(EtcdV2Users, NeedTheRightPasswordAndMayDoWhatTheirRoleSays) {
  const EtcdServer server(EtcdSettings{{}, true, {}});
  Etcdctl2(server, {"user", "add", "root:secret"});
  Etcdctl2(server, {"user", "add", "reader:secret"});
  Etcdctl2(server, {"role", "add", "readers"});
  Etcdctl2(server, {"role", "grant", "readers", "--path", "/calico*", "--read"});
  Etcdctl2(server, {"user", "grant", "reader", "--roles", "readers"});
  Etcdctl2(server, {"auth", "enable"});
  Etcdctl2(server, {"-u", "root:secret", "role", "revoke", "guest", "--path", "/*", "--readwrite"});
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  const auto refusal = [&] {
    const auto put = Open(options)->Put("/calico/a", "x");
    return put.has_value() ? Error(ErrorCode::kSystem, "works") : put.error();
  };
  EXPECT_EQ(refusal().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(refusal().message(),
              HasSubstr("connection is unauthorized: no user name and password are set"));
  options.username = "root";
  options.password = "wrong";
  EXPECT_THAT(refusal().message(),
              HasSubstr("connection is unauthorized: user 'root' or the password is wrong"));
  options.password = "secret";
  const auto root = Open(options);
  const auto put = root->Put("/calico/a", "x");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  options.username = "reader";
  EXPECT_EQ(Open(options)->Get("/calico/a")->value, "x");
  EXPECT_THAT(refusal().message(), HasSubstr("user 'reader'"));
  EventLog log;
  const auto reader = Open(options);
  const auto watch = reader->StartWatch("/calico/", *put, log.Callbacks());
  ASSERT_TRUE(root->Put("/calico/b", "x").has_value());
  EXPECT_EQ(log.WaitFor(1).size(), 1U);
}

TEST(EtcdV2Users, DoNoHarmOnAStoreWithoutUsers) {
  const EtcdServer server(EtcdSettings{{}, true, {}});
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.username = "calico";
  options.password = "secret";
  const auto put = Open(options)->Put("/calico/a", "x");
  EXPECT_TRUE(put.has_value()) << put.error().message();
}

}  // namespace
}  // namespace calico::datastore
