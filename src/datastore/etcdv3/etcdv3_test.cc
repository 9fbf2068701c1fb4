// SPDX-License-Identifier: Apache-2.0
// The etcdv3 driver on a real etcd: the contract, alone and on a cluster that has lost a member; servers that
// die and come back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/etcdv3/etcdv3_client.h"
#include "datastore/testing/client_contract.h"
#include "datastore/testing/etcd_server.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using testing::ClientContract;
using testing::EtcdCluster;
using testing::EtcdServer;
using testing::EventLog;
using ::testing::HasSubstr;
using testing::StoreFactory;

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

EtcdOptions To(const EtcdCluster& cluster) {
  EtcdOptions options;
  options.endpoints = cluster.endpoints();
  options.call_timeout = 5s;
  return options;
}

// One store for the whole contract; each test starts with an empty one.
class EtcdUnderTest final : public testing::StoreUnderTest {
 public:
  explicit EtcdUnderTest(EtcdCluster& cluster) : cluster_(cluster) { cluster.Ctl({"del", "", "--prefix"}); }
  Client& client() override { return *client_; }
  std::unique_ptr<Client> OpenAnother() override { return Open(To(cluster_)); }
  void Compact() override {
    const auto listed = client_->List("/calico/");
    cluster_.Ctl({"compact", std::to_string(listed->revision)});
  }

 private:
  EtcdCluster& cluster_;
  const std::unique_ptr<Client> client_ = Open(To(cluster_));
};

std::unique_ptr<testing::StoreUnderTest> Alone() {
  static EtcdCluster one(1);
  return std::make_unique<EtcdUnderTest>(one);
}
// The first endpoint of the list is the one that is dead.
std::unique_ptr<testing::StoreUnderTest> ClusterWithADeadMember() {
  static const auto cluster = [] {
    auto three = std::make_unique<EtcdCluster>(3);
    three->Kill(0);
    return three;
  }();
  return std::make_unique<EtcdUnderTest>(*cluster);
}
INSTANTIATE_TEST_SUITE_P(EtcdV3, ClientContract,
                         ::testing::Values(StoreFactory{"alone", Alone},
                                           StoreFactory{"cluster", ClusterWithADeadMember}));

TEST(EtcdV3, NamesEveryEndpointWhenNoneAnswers) {
  EtcdOptions options;
  options.endpoints = {"http://127.0.0.1:1", "http://127.0.0.1:2"};
  options.call_timeout = 300ms;
  const auto begin = std::chrono::steady_clock::now();
  const auto result = Open(options)->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_THAT(result.error().message(), HasSubstr("etcd http://127.0.0.1:1,http://127.0.0.1:2"));
  EXPECT_THAT(result.error().message(), HasSubstr("http://127.0.0.1:2: cannot connect: Connection refused"));
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

// A watch ends with its member; calls and the next watch go to another one, and nothing is lost in between.
TEST(EtcdV3Cluster, GoesOnWithoutAnyOneOfItsMembers) {
  EtcdCluster cluster(3);
  EtcdOptions options = To(cluster);
  // What is under way to a leader that dies is lost; etcd itself gives it up after 7 s.
  options.call_timeout = 15s;
  const auto client = Open(options);
  Revision revision = *client->Put("/calico/a", "0");
  for (std::size_t member = 0; member < 3; ++member) {
    EventLog log;
    const auto watch = client->StartWatch("/calico/", revision - 1, log.Callbacks());
    ASSERT_EQ(log.WaitFor(1).size(), 1U);
    cluster.Kill(member);
    // A write that was under way has an unknown outcome and is not repeated by itself; the next is a new one.
    auto put = client->Put("/calico/a", std::to_string(member + 1));
    for (int i = 0; i < 3 && !put.has_value(); ++i)
      put = client->Put("/calico/a", std::to_string(member + 1));
    ASSERT_TRUE(put.has_value()) << put.error().message();
    const auto read = client->Get("/calico/a");
    ASSERT_TRUE(read.has_value()) << read.error().message();
    EXPECT_EQ(read->value, std::to_string(member + 1));
    EventLog second;
    const auto next = client->StartWatch("/calico/", revision, second.Callbacks());
    EXPECT_GE(second.WaitFor(1).size(), 1U);
    revision = *put;
    cluster.Start(member);
  }
}

TEST(EtcdV3Cluster, WithoutAMajorityNothingIsWrittenOrRead) {
  EtcdCluster cluster(3);
  const auto client = Open(To(cluster));
  ASSERT_TRUE(client->Put("/calico/a", "x").has_value());
  cluster.Kill(0);
  cluster.Kill(1);
  const auto begin = std::chrono::steady_clock::now();
  const auto hurried = client->WithDeadline(begin + 1s);
  EXPECT_EQ(hurried->Put("/calico/a", "y").error().code(), ErrorCode::kUnavailable);
  EXPECT_EQ(hurried->Get("/calico/a").error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 3s);
  cluster.Start(1);
  const auto again = client->Get("/calico/a");
  EXPECT_TRUE(again.has_value()) << again.error().message();
}

}  // namespace
}  // namespace calico::datastore
