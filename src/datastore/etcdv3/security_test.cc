// SPDX-License-Identifier: Apache-2.0
// TLS and users of the etcdv3 driver on a real etcd: each thing that can be wrong has an error that names the
// file, or the user, and the reason.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "datastore/etcdv3/etcdv3_client.h"
#include "datastore/testing/etcd_server.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using testing::EtcdCluster;
using testing::EtcdServer;
using testing::EventLog;
using ::testing::HasSubstr;
using testing::TestCertificates;

std::unique_ptr<Client> Open(const EtcdOptions& options) {
  auto client = OpenEtcdV3(options);
  if (!client.has_value()) ADD_FAILURE() << client.error().message();
  return client.has_value() ? std::move(*client) : nullptr;
}
EtcdOptions To(const EtcdServer& server) {
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.call_timeout = 5s;
  return options;
}

class EtcdV3Tls : public ::testing::Test {
 protected:
  EtcdV3Tls()
      : certificates_(place_.directory()),
        server_(EtcdServer::Tls{certificates_.ca, certificates_.server_cert, certificates_.server_key}) {}
  EtcdOptions Options() const {
    EtcdOptions options = To(server_);
    options.call_timeout = 2s;
    options.ca_file = certificates_.ca;
    options.cert_file = certificates_.client_cert;
    options.key_file = certificates_.client_key;
    return options;
  }

  const EtcdServer place_;  // only its directory is used
  const TestCertificates certificates_;
  const EtcdServer server_;
};

TEST_F(EtcdV3Tls, WorksWithFilesAndInline) {
  EXPECT_TRUE(Open(Options())->Put("/calico/a", "x").has_value());
  EtcdOptions options = Options();
  options.ca_pem = *ReadFile(options.ca_file);
  options.cert_pem = *ReadFile(options.cert_file);
  options.key_pem = *ReadFile(options.key_file);
  options.ca_file = options.cert_file = options.key_file = "";
  EXPECT_TRUE(Open(options)->Get("/calico/a").has_value());
}

TEST_F(EtcdV3Tls, SaysWhyTheServersCertificateIsRefused) {
  EtcdOptions options = Options();
  options.ca_file = certificates_.other_ca;
  const auto result = Open(options)->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(
      result.error().message(),
      HasSubstr("the server's certificate is refused: unable to get local issuer certificate, checked with "
                "the etcd CA certificate " +
                certificates_.other_ca));
}

TEST_F(EtcdV3Tls, SaysThatTheServerRefusesOurCertificate) {
  EtcdOptions options = Options();
  options.cert_file = certificates_.other_cert;
  options.key_file = certificates_.other_key;
  const auto result = Open(options)->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message(),
              HasSubstr("the server refuses the etcd certificate " + certificates_.other_cert + ": "));
}

// Waiting cannot help when the two sides do not accept each other: the answer comes at once.
TEST_F(EtcdV3Tls, DoesNotWaitForAServerItRefuses) {
  EtcdOptions options = Options();
  options.ca_file = certificates_.other_ca;
  options.call_timeout = 30s;
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_FALSE(Open(options)->Get("/calico/a").has_value());
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 10s);
}

TEST_F(EtcdV3Tls, SaysThatTheServerWantsACertificate) {
  EtcdOptions options = Options();
  options.cert_file = options.key_file = "";
  EXPECT_THAT(Open(options)->Get("/calico/a").error().message(),
              HasSubstr("the server wants a client certificate"));
}

TEST_F(EtcdV3Tls, NamesTheSchemeThatFits) {
  EtcdOptions options = Options();
  options.endpoints = {"http://" + server_.endpoint().substr(8)};
  EXPECT_THAT(Open(options)->Get("/calico/a").error().message(),
              HasSubstr("the server speaks TLS: the endpoint should be https://"));
  const EtcdServer plain;
  options.endpoints = {"https://" + plain.endpoint().substr(7)};
  EXPECT_THAT(Open(options)->Get("/calico/a").error().message(),
              HasSubstr("the server does not speak TLS: the endpoint should be http://"));
}

TEST_F(EtcdV3Tls, NamesTheHostAndWhatTheServersCertificateIsFor) {
  const EtcdServer other(
      EtcdServer::Tls{certificates_.ca, certificates_.elsewhere_cert, certificates_.elsewhere_key});
  EtcdOptions options = Options();
  options.endpoints = {other.endpoint()};
  EXPECT_THAT(
      Open(options)->Get("/calico/a").error().message(),
      HasSubstr(other.endpoint() + ": the server's certificate is refused: it is not for 127.0.0.1 but "
                                   "for DNS:etcd.example"));
}

TEST_F(EtcdV3Tls, SaysThatTheServersCertificateHasExpired) {
  const EtcdServer other(
      EtcdServer::Tls{certificates_.ca, certificates_.expired_cert, certificates_.expired_key});
  EtcdOptions options = Options();
  options.endpoints = {other.endpoint()};
  EXPECT_THAT(Open(options)->Get("/calico/a").error().message(),
              HasSubstr("the server's certificate is refused: certificate has expired"));
}

TEST_F(EtcdV3Tls, NamesTheFileAndTheReasonBeforeConnecting) {
  const auto message = [](const EtcdOptions& options) { return OpenEtcdV3(options).error().message(); };
  EtcdOptions options = Options();
  options.cert_file = certificates_.expired_cert;
  options.key_file = certificates_.expired_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.expired_cert + ": the certificate expired on"));
  options = Options();
  options.key_file = certificates_.other_key;
  EXPECT_THAT(message(options),
              HasSubstr(certificates_.other_key + ": does not belong to the etcd certificate " +
                        certificates_.client_cert));
  options = Options();
  options.ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(message(options), HasSubstr("/nowhere/ca.pem"));
  options = Options();
  options.ca_file = certificates_.client_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.client_key + ": holds no PEM certificate"));
  options = Options();
  options.key_file = certificates_.encrypted_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.encrypted_key +
                                          ": the key is encrypted; only keys without a passphrase"));
  options = Options();
  options.cert_file = place_.directory();
  EXPECT_THAT(message(options), HasSubstr(place_.directory() + ": cannot be read: Is a directory"));
  options = Options();
  options.key_file = "";
  EXPECT_THAT(message(options), HasSubstr(certificates_.client_cert + " is given without a key"));
  options = Options();
  options.key_file = certificates_.client_cert;
  EXPECT_THAT(message(options), HasSubstr(certificates_.client_cert + ": holds no PEM private key"));
}

TEST_F(EtcdV3Tls, RefusesFilesAndInlineTextsTogether) {
  const auto message = [](const EtcdOptions& options) { return OpenEtcdV3(options).error().message(); };
  EtcdOptions options = Options();
  options.ca_pem = "x";
  EXPECT_EQ(message(options), "Cannot mix inline certificate-key and certificate / key files");
  options = To(server_);
  options.cert_pem = *ReadFile(certificates_.client_cert);
  EXPECT_EQ(message(options), "Certificate and Key must both be present inline.");
}

// An old authority beside the one that counts does no harm.
TEST_F(EtcdV3Tls, TakesABundleOfAuthorities) {
  EtcdOptions options = Options();
  options.ca_pem =
      *ReadFile(certificates_.expired_cert) + *ReadFile(certificates_.other_ca) + *ReadFile(certificates_.ca);
  options.cert_pem = *ReadFile(options.cert_file);
  options.key_pem = *ReadFile(options.key_file);
  options.ca_file = options.cert_file = options.key_file = "";
  EXPECT_TRUE(Open(options)->Put("/calico/a", "x").has_value());
}

TEST(EtcdV3Users, NeedTheRightPassword) {
  EtcdServer server;
  server.Ctl({"user", "add", "root:secret"});
  server.Ctl({"auth", "enable"});
  EtcdOptions options = To(server);
  const auto without = Open(options)->Put("/calico/a", "x");
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().code(), ErrorCode::kUnsupported) << without.error().message();
  EXPECT_THAT(without.error().message(), HasSubstr("this store wants a user: set ETCD_USERNAME"));
  options.username = "root";
  options.password = "wrong";
  const auto wrong = Open(options)->Put("/calico/a", "x");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message(), HasSubstr("user root: etcdserver: authentication failed"));
  options.password = "secret";
  const auto client = Open(options);
  const auto right = client->Put("/calico/a", "x");
  ASSERT_TRUE(right.has_value()) << right.error().message();
  // A restarted server does not know its old tokens. A write that meets the broken connection is not
  // repeated.
  server.Kill();
  server.Start();
  auto later = client->Put("/calico/a", "y");
  if (!later.has_value() && later.error().code() == ErrorCode::kUnavailable)
    later = client->Put("/calico/a", "y");
  EXPECT_TRUE(later.has_value()) << later.error().message();
  EventLog log;
  const auto watch = client->StartWatch("/calico/", *right, log.Callbacks());
  EXPECT_EQ(log.WaitFor(1).size(), 1U);
}

TEST(EtcdV3Users, AreToldWhatTheyMayNotDo) {
  EtcdServer server;
  server.Ctl({"user", "add", "root:secret"});
  server.Ctl({"user", "add", "reader:secret"});
  server.Ctl({"role", "add", "readers"});
  server.Ctl({"role", "grant-permission", "readers", "read", "/calico/", "/calico0"});
  server.Ctl({"user", "grant-role", "reader", "readers"});
  server.Ctl({"auth", "enable"});
  EtcdOptions options = To(server);
  options.username = "reader";
  options.password = "secret";
  const auto client = Open(options);
  EXPECT_EQ(client->Get("/calico/a").error().code(), ErrorCode::kNotFound);
  const auto denied = client->Put("/calico/a", "x");
  ASSERT_FALSE(denied.has_value());
  EXPECT_EQ(denied.error().code(), ErrorCode::kUnsupported);
  EXPECT_THAT(denied.error().message(), HasSubstr("user reader: etcdserver: permission denied"));
  // A change of roles makes the token in use stale; the next call fetches another one.
  server.Ctl(
      {"--user", "root:secret", "role", "grant-permission", "readers", "readwrite", "/calico/", "/calico0"});
  const auto allowed = client->Put("/calico/a", "x");
  EXPECT_TRUE(allowed.has_value()) << allowed.error().message();
}

TEST(EtcdV3Users, DoNoHarmOnAStoreWithoutUsers) {
  const EtcdServer server;
  EtcdOptions options = To(server);
  options.username = "calico";
  options.password = "secret";
  const auto put = Open(options)->Put("/calico/a", "x");
  EXPECT_TRUE(put.has_value()) << put.error().message();
}

// Certificates, users and a dead member at once.
TEST_F(EtcdV3Tls, AndUsersWorkOnAClusterThatLosesAMember) {
  EtcdCluster cluster(3,
                      {{certificates_.ca, certificates_.server_cert, certificates_.server_key}, false, {}});
  cluster.Ctl({"user", "add", "root:secret"});
  cluster.Ctl({"auth", "enable"});
  EtcdOptions options = Options();
  options.endpoints = cluster.endpoints();
  options.call_timeout = 5s;
  options.username = "root";
  options.password = "secret";
  const auto client = Open(options);
  const auto put = client->Put("/calico/a", "x");
  ASSERT_TRUE(put.has_value()) << put.error().message();
  cluster.Kill(0);
  const auto read = client->Get("/calico/a");
  ASSERT_TRUE(read.has_value()) << read.error().message();
  const auto fresh = Open(options)->Get("/calico/a");
  EXPECT_TRUE(fresh.has_value()) << fresh.error().message();
}

}  // namespace
}  // namespace calico::datastore
