// SPDX-License-Identifier: Apache-2.0
// The etcdv3 driver on a real etcd: the contract, a server that dies and comes back, certificates, users.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "datastore/etcdv3/etcdv3_client.h"
#include "datastore/testing/client_contract.h"
#include "datastore/testing/etcd_server.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using testing::ClientContract;
using testing::EtcdServer;
using testing::EventLog;
using ::testing::HasSubstr;
using testing::StoreFactory;
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

// One server for the whole contract; each test starts with an empty one.
class EtcdUnderTest final : public testing::StoreUnderTest {
 public:
  EtcdUnderTest() { server().Ctl({"del", "", "--prefix"}); }
  static EtcdServer& server() {
    static EtcdServer one;
    return one;
  }
  Client& client() override { return *client_; }
  std::unique_ptr<Client> OpenAnother() override { return Open(To(server())); }
  void Compact() override {
    const auto listed = client_->List("/calico/");
    server().Ctl({"compact", std::to_string(listed->revision)});
  }

 private:
  const std::unique_ptr<Client> client_ = Open(To(server()));
};
INSTANTIATE_TEST_SUITE_P(EtcdV3, ClientContract,
                         ::testing::Values(StoreFactory{"etcdv3",
                                                        [] { return std::make_unique<EtcdUnderTest>(); }}));

TEST(EtcdV3, NamesEveryEndpointWhenNoneAnswers) {
  EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:1", "http://127.0.0.1:2"};
  options.call_timeout = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto result = Open(options)->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message(), HasSubstr("etcd http://127.0.0.1:1,http://127.0.0.1:2"));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 2s);
}

TEST(EtcdV3, UsesTheEndpointThatAnswers) {
  const EtcdServer server;
  EtcdOptions options = To(server);
  options.endpoints.insert(options.endpoints.begin(), "http://127.0.0.1:1");
  EXPECT_TRUE(Open(options)->Create("/calico/a", "x").has_value());
}

TEST(EtcdV3, RefusesEndpointsThatAreNoUrls) {
  EtcdOptions options;
  for (const char* endpoint : {"ftp://a:1", "http://", "http://a:port"}) {
    options.endpoints = {endpoint};
    const auto client = OpenEtcdV3(options);
    ASSERT_FALSE(client.has_value());
    EXPECT_THAT(client.error().message(), HasSubstr(endpoint));
  }
}

TEST(EtcdV3, AKilledServerIsReportedAndFoundAgainWithItsData) {
  EtcdServer server;
  const auto client = Open(To(server));
  const Revision revision = *client->Create("/calico/a", "one");
  EventLog log;
  auto watch = client->StartWatch("/calico/", revision, log.Callbacks());
  ASSERT_TRUE(client->Put("/calico/b", "x").has_value());
  ASSERT_EQ(log.WaitFor(1).size(), 1U);

  server.Kill();
  const auto error = log.WaitForError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kUnavailable);
  EXPECT_THAT(error->message(), HasSubstr(server.endpoint()));
  const auto soon = client->WithDeadline(std::chrono::steady_clock::now() + 300ms);
  const auto down = soon->Get("/calico/a");
  ASSERT_FALSE(down.has_value());
  EXPECT_EQ(down.error().code(), ErrorCode::kUnavailable);

  server.Start();
  const auto again = client->Get("/calico/a");
  ASSERT_TRUE(again.has_value()) << again.error().message();
  EXPECT_EQ(again->value, "one");
  EventLog second;
  watch = client->StartWatch("/calico/", revision, second.Callbacks());
  EXPECT_EQ(second.WaitFor(1).size(), 1U) << "what came after the revision is replayed";
}

TEST(EtcdV3, ACallEndsByItsDeadline) {
  EtcdServer server;
  const auto client = Open(To(server));
  ASSERT_TRUE(client->Put("/calico/a", "x").has_value());
  server.Kill();
  const auto begin = std::chrono::steady_clock::now();
  const auto result = client->WithDeadline(begin + 500ms)->Put("/calico/a", "y");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
}

class EtcdV3Tls : public ::testing::Test {
 protected:
  EtcdV3Tls()
      : certificates_(place_.directory()),
        server_({certificates_.ca, certificates_.server_cert, certificates_.server_key}) {}
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
  EXPECT_THAT(result.error().message(),
              HasSubstr("the server's certificate is refused: unable to get local issuer certificate"));
}

TEST_F(EtcdV3Tls, SaysThatTheServerRefusesOurCertificate) {
  EtcdOptions options = Options();
  options.cert_file = certificates_.other_cert;
  options.key_file = certificates_.other_key;
  const auto result = Open(options)->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message(), HasSubstr("the server refuses our certificate"));
}

TEST_F(EtcdV3Tls, NamesTheFileAndTheReasonBeforeConnecting) {
  const auto message = [](const EtcdOptions& options) { return OpenEtcdV3(options).error().message(); };
  EtcdOptions options = Options();
  options.cert_file = certificates_.expired_cert;
  options.key_file = certificates_.expired_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.expired_cert + ": the certificate expired on"));
  options = Options();
  options.key_file = certificates_.other_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.other_key + ": does not belong to the certificate " +
                                          certificates_.client_cert));
  options = Options();
  options.ca_file = "/nowhere/ca.pem";
  EXPECT_THAT(message(options), HasSubstr("/nowhere/ca.pem"));
  options = Options();
  options.ca_file = certificates_.client_key;
  EXPECT_THAT(message(options), HasSubstr(certificates_.client_key + ": holds no PEM certificate"));
}

TEST(EtcdV3Users, NeedTheRightPassword) {
  EtcdServer server;
  server.Ctl({"user", "add", "root:secret"});
  server.Ctl({"auth", "enable"});
  EtcdOptions options = To(server);
  const auto without = Open(options)->Put("/calico/a", "x");
  ASSERT_FALSE(without.has_value());
  EXPECT_EQ(without.error().code(), ErrorCode::kUnsupported) << without.error().message();
  options.username = "root";
  options.password = "wrong";
  const auto wrong = Open(options)->Put("/calico/a", "x");
  ASSERT_FALSE(wrong.has_value());
  EXPECT_THAT(wrong.error().message(), HasSubstr("authentication failed"));
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

}  // namespace
}  // namespace calico::datastore
