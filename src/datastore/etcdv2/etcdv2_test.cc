// SPDX-License-Identifier: Apache-2.0
// The etcdv2 driver on a real etcd: the contract, a server that dies, a cluster, watches that fall behind.
#include <atomic>
#include <condition_variable>
#include <mutex>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/event_loop.h"
#include "datastore/etcdv2/etcdv2_client.h"
#include "datastore/etcdv2/raw_store.h"
#include "datastore/syncer.h"
#include "datastore/testing/client_contract.h"
#include "datastore/testing/etcd_server.h"
#include "datastore/testing/event_log.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using etcdv2::Condition;
using etcdv2::RawStore;
using testing::ClientContract;
using testing::EtcdCluster;
using testing::EtcdServer;
using testing::EtcdSettings;
using testing::EventLog;
using ::testing::HasSubstr;
using testing::StoreFactory;

constexpr int kHistory = 1000;  // events that etcd v2 remembers

EtcdSettings WithV2() {
  EtcdSettings settings;
  settings.v2 = true;
  return settings;
}

std::unique_ptr<Client> Open(const EtcdOptions& options) {
  auto client = OpenEtcdV2(options);
  if (!client.has_value()) ADD_FAILURE() << client.error().message();
  return client.has_value() ? std::move(*client) : nullptr;
}
EtcdOptions To(const EtcdServer& server) {
  EtcdOptions options;
  options.endpoints = {server.endpoint()};
  options.call_timeout = 5s;
  return options;
}
RawStore RawOf(const EtcdOptions& options) {
  return RawStore(*etcdv2::Transport::Open(options), std::nullopt);
}
void WriteElsewhere(const RawStore& raw, int count) {
  for (int i = 0; i < count; ++i)
    ASSERT_TRUE(raw.Put("/elsewhere", std::to_string(i), Condition::None()).has_value());
}

// One server for the whole contract; each test starts with an empty one.
class EtcdV2UnderTest final : public testing::StoreUnderTest {
 public:
  EtcdV2UnderTest() {
    const Status emptied = RawOf(To(server())).Delete("/calico", std::nullopt, true);
    static_cast<void>(emptied);  // absent in the first test
  }
  static EtcdServer& server() {
    static EtcdServer one(WithV2());
    return one;
  }
  Client& client() override { return *client_; }
  std::unique_ptr<Client> OpenAnother() override { return Open(To(server())); }
  void Compact() override { WriteElsewhere(RawOf(To(server())), kHistory + 1); }
  bool holds_any_bytes() const override { return false; }
  bool keys_have_keys_below() const override { return false; }

 private:
  const std::unique_ptr<Client> client_ = Open(To(server()));
};
INSTANTIATE_TEST_SUITE_P(EtcdV2, ClientContract,
                         ::testing::Values(StoreFactory{"etcdv2",
                                                        [] { return std::make_unique<EtcdV2UnderTest>(); }}));

// Three members, the first of which is dead: all calls and watches start there.
class EtcdV2ClusterUnderTest final : public testing::StoreUnderTest {
 public:
  EtcdV2ClusterUnderTest() {
    const Status emptied = RawOf(Options()).Delete("/calico", std::nullopt, true);
    static_cast<void>(emptied);
  }
  static EtcdOptions Options() {
    static EtcdCluster cluster(3, WithV2());
    static const bool killed = (cluster.Kill(0), true);
    EXPECT_TRUE(killed);
    EtcdOptions options;
    options.endpoints = cluster.endpoints();
    options.call_timeout = 10s;
    return options;
  }
  Client& client() override { return *client_; }
  std::unique_ptr<Client> OpenAnother() override { return Open(Options()); }
  void Compact() override { WriteElsewhere(RawOf(Options()), kHistory + 1); }
  bool holds_any_bytes() const override { return false; }
  bool keys_have_keys_below() const override { return false; }

 private:
  const std::unique_ptr<Client> client_ = Open(Options());
};
INSTANTIATE_TEST_SUITE_P(EtcdV2Cluster, ClientContract,
                         ::testing::Values(StoreFactory{
                             "etcdv2_cluster", [] { return std::make_unique<EtcdV2ClusterUnderTest>(); }}));

TEST(EtcdV2Members, OneThatDiesUnderWayIsReplacedAndNothingIsMissed) {
  EtcdCluster cluster(3, WithV2());
  EtcdOptions options;
  options.endpoints = cluster.endpoints();
  options.call_timeout = 10s;
  const auto client = Open(options);
  ASSERT_TRUE(client->Create("/calico/a", "one").has_value());
  const Revision from = client->List("/calico/")->revision;
  EventLog log;
  auto watch = client->StartWatch("/calico/", from, log.Callbacks());
  ASSERT_TRUE(client->Put("/calico/b", "1").has_value());
  ASSERT_EQ(log.WaitFor(1).size(), 1U);
  cluster.Kill(0);
  const auto error = log.WaitForError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kUnavailable);
  const auto read = client->Get("/calico/a");
  ASSERT_TRUE(read.has_value()) << read.error().message();
  // While the others elect a leader a write may fail, and is not sent again by itself.
  const TimePoint give_up = std::chrono::steady_clock::now() + 30s;
  auto written = client->Put("/calico/c", "2");
  while (!written.has_value() && std::chrono::steady_clock::now() < give_up)
    written = client->Put("/calico/c", "2");
  ASSERT_TRUE(written.has_value()) << written.error().message();
  // As the syncer does: a watch that fails is started again.
  std::vector<WatchEvent> events;
  std::vector<std::unique_ptr<EventLog>> logs;
  while (events.size() < 2 && std::chrono::steady_clock::now() < give_up) {
    logs.push_back(std::make_unique<EventLog>());
    watch = client->StartWatch("/calico/", from, logs.back()->Callbacks());
    events = logs.back()->WaitFor(2);
  }
  watch.reset();
  ASSERT_GE(events.size(), 2U);
  EXPECT_EQ(events.front().kv.key, "/calico/b");
  EXPECT_EQ(events.back().kv.key, "/calico/c");
}

// --- servers that go and come

TEST(EtcdV2, NamesEveryEndpointWhenNoneAnswers) {
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

TEST(EtcdV2, UsesTheEndpointThatAnswersForReadsAndWrites) {
  const EtcdServer server(WithV2());
  EtcdOptions options = To(server);
  options.endpoints.insert(options.endpoints.begin(), "http://127.0.0.1:1");
  EXPECT_TRUE(Open(options)->Create("/calico/a", "x").has_value());
  EXPECT_TRUE(Open(options)->Get("/calico/a").has_value());
}

TEST(EtcdV2, RefusesEndpointsThatAreNoUrls) {
  EtcdOptions options;
  for (const char* endpoint : {"ftp://a:1", "http://", "http://a:port"}) {
    options.endpoints = {endpoint};
    const auto client = OpenEtcdV2(options);
    ASSERT_FALSE(client.has_value());
    EXPECT_THAT(client.error().message(), HasSubstr(endpoint));
  }
}

TEST(EtcdV2, SaysWhenTheServerDoesNotServeV2) {
  const EtcdServer server;
  const auto result = Open(To(server))->Get("/calico/a");
  ASSERT_FALSE(result.has_value());
  EXPECT_THAT(result.error().message(), HasSubstr("start etcd with --enable-v2=true"));
}

TEST(EtcdV2, AKilledServerIsReportedAndFoundAgainWithItsData) {
  EtcdServer server(WithV2());
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
  const auto down = client->WithDeadline(std::chrono::steady_clock::now() + 300ms)->Get("/calico/a");
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

TEST(EtcdV2, ACallToAHangingServerEndsByItsDeadline) {
  EtcdServer server(WithV2());
  const auto client = Open(To(server));
  ASSERT_TRUE(client->Put("/calico/a", "x").has_value());
  server.Kill();
  const auto begin = std::chrono::steady_clock::now();
  const auto result = client->WithDeadline(begin + 500ms)->Put("/calico/a", "y");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().code(), ErrorCode::kUnavailable);
  EXPECT_LT(std::chrono::steady_clock::now() - begin, 1500ms);
}

// --- watches

constexpr char kNodes[] = "/calico/resources/v3/projectcalico.org/nodes/";

class EtcdV2Watch : public ::testing::Test {
 protected:
  EtcdV2Watch() {
    const Status emptied = raw_.Delete("/calico", std::nullopt, true);
    static_cast<void>(emptied);
  }
  void PutRaw(const std::string& key, const std::string& value) {
    ASSERT_TRUE(raw_.Put(key, value, Condition::None()).has_value());
  }
  Revision Now() { return client_->List("/calico/resources/v3/")->revision; }

  const std::unique_ptr<Client> client_ = Open(To(EtcdV2UnderTest::server()));
  const RawStore raw_ = RawOf(To(EtcdV2UnderTest::server()));
};

// "put <last part of the path>" or "delete …"
std::vector<std::string> Told(const std::vector<WatchEvent>& events) {
  std::vector<std::string> told;
  for (const WatchEvent& event : events) {
    told.push_back((event.type == WatchEvent::Type::kPut ? "put " : "delete ") +
                   event.kv.key.substr(event.kv.key.rfind('/') + 1));
  }
  return told;
}

TEST_F(EtcdV2Watch, TellsObjectsOfSeveralKeysOnceTheyExistAndUntilTheyAreGone) {
  EventLog log;
  const auto watch = client_->StartWatch("/calico/resources/v3/", Now(), log.Callbacks());
  // Once it has told something it has read the state that it starts from.
  PutRaw("/calico/v1/policy/tier/default/policy/start", "{}");
  ASSERT_EQ(log.WaitFor(1).size(), 1U);
  PutRaw("/calico/v1/policy/profile/p/labels", "{}");  // no tags yet: no profile
  PutRaw("/calico/v1/policy/profile/p/tags", R"(["p"])");
  PutRaw("/calico/v1/policy/profile/p/rules", R"({"inbound_rules":[{}]})");
  PutRaw("/calico/v1/policy/profile/p/rules", R"({"inbound_rules":[{}]})");  // a new revision
  PutRaw("/calico/v1/unheard/of", "x");
  PutRaw("/calico/ipam/v2/config", "{}");
  ASSERT_TRUE(raw_.Delete("/calico/v1/policy/profile/p", std::nullopt, true).has_value());
  PutRaw("/calico/v1/host/h/workload/cni/c/endpoint/e", "{}");
  PutRaw("/calico/bgp/v1/host/h/ip_addr_v4", "10.0.0.1");
  ASSERT_TRUE(raw_.Delete("/calico/bgp/v1/host/h", std::nullopt, true).has_value());
  ASSERT_TRUE(raw_.Delete("/calico/v1/host/h", std::nullopt, true).has_value());
  EXPECT_EQ(Told(log.WaitFor(11)),
            (std::vector<std::string>{"put start", "put p", "put p", "put p", "delete p", "put h-cni-c-e",
                                      "put h", "put h", "put h", "delete h", "delete h-cni-c-e"}));
}

TEST_F(EtcdV2Watch, ReplaysWhatCameBeforeItStarted) {
  const Revision from = Now();
  PutRaw("/calico/v1/policy/tier/default/policy/a", R"({"order":1})");
  PutRaw("/calico/v1/policy/tier/default/policy/a", R"({"order":2})");
  PutRaw("/calico/v1/policy/tier/default/policy/b", "{");  // broken, but it must not seem absent
  PutRaw("/calico/v1/ipam/v4/pool/10.0.0.0-8", "{");
  PutRaw("/calico/v1/config/LogSeverityScreen", "info");
  PutRaw("/calico/v1/config/LogSeverityScreen", "debug");
  EventLog log;
  const auto watch = client_->StartWatch("/calico/resources/v3/", from, log.Callbacks());
  const auto events = log.WaitFor(5);
  EXPECT_EQ(Told(events),
            (std::vector<std::string>{"put a", "put a", "put b", "delete 10-0-0-0-8", "put default"}));
  EXPECT_THAT(events[0].kv.value, HasSubstr("\"order\":1"));
  EXPECT_THAT(events[4].kv.value, HasSubstr("Debug"));
  PutRaw("/calico/v1/config/LogSeverityScreen", "error");
  EXPECT_EQ(log.WaitFor(6).size(), 6U);
}

TEST_F(EtcdV2Watch, ListsAgainWhenADirectoryWentBeforeItStarted) {
  PutRaw("/calico/v1/policy/profile/p/tags", "[]");
  const Revision from = Now();
  ASSERT_TRUE(raw_.Delete("/calico/v1/policy/profile/p", std::nullopt, true).has_value());
  EventLog log;
  const auto watch = client_->StartWatch("/calico/resources/v3/", from, log.Callbacks());
  const auto error = log.WaitForError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
}

TEST_F(EtcdV2Watch, TellsKeysOfADirectoryThatExpires) {
  EventLog log;
  const auto watch = client_->StartWatch("/calico/felix/", Now(), log.Callbacks());
  ASSERT_TRUE(raw_.Put("/calico/felix/v1/host/h/status", "{}", Condition::None(), 1).has_value());
  EXPECT_EQ(Told(log.WaitFor(2)), (std::vector<std::string>{"put status", "delete status"}));
}

TEST_F(EtcdV2Watch, AnIdleOneOutlivesTheHistoryOfTheStore) {
  EventLog log;
  const auto watch = client_->StartWatch("/calico/resources/v3/", Now(), log.Callbacks());
  WriteElsewhere(raw_, 2 * kHistory);
  PutRaw("/calico/v1/policy/tier/default/policy/a", "{}");
  EXPECT_EQ(Told(log.WaitFor(1)), std::vector<std::string>{"put a"});
}

// The consumer is busy while so much happens that etcd forgets what the watch has not read yet.
TEST_F(EtcdV2Watch, AnOverrunOneSaysSoAndAListShowsTheRest) {
  std::mutex mutex;
  std::condition_variable changed;
  bool entered = false, go_on = false;
  EventLog log;
  WatchCallbacks callbacks = log.Callbacks();
  const auto record = callbacks.on_events;
  callbacks.on_events = [&](std::vector<WatchEvent> events) {
    std::unique_lock lock(mutex);
    entered = true;
    changed.notify_all();
    changed.wait(lock, [&] { return go_on; });
    record(std::move(events));
  };
  const auto watch = client_->StartWatch("/calico/resources/v3/", Now(), callbacks);
  PutRaw("/calico/v1/policy/tier/default/policy/first", "{}");
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, 10s, [&] { return entered; }));
  }
  PutRaw("/calico/v1/policy/tier/default/policy/missed", "{}");
  WriteElsewhere(raw_, 5 * kHistory);
  {
    const std::lock_guard lock(mutex);
    go_on = true;
    changed.notify_all();
  }
  const auto error = log.WaitForError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kNotFound);
  EXPECT_EQ(Told(log.WaitFor(1)), std::vector<std::string>{"put first"});
  EXPECT_EQ(client_->List("/calico/resources/v3/")->items.size(), 2U);
}

TEST_F(EtcdV2Watch, ANodesRevisionTellsAChangeOfAnyOfItsKeys) {
  PutRaw("/calico/v1/host/h/metadata", "{}");
  PutRaw("/calico/bgp/v1/host/h/ip_addr_v4", "10.0.0.1");
  const auto before = client_->Get(std::string(kNodes) + "h");
  PutRaw("/calico/bgp/v1/host/h/as_num", "65000");
  const auto after = client_->Get(std::string(kNodes) + "h");
  EXPECT_GT(after->revision, before->revision);
  EXPECT_EQ(client_->Update(before->key, before->value, before->revision).error().code(),
            ErrorCode::kConflict);
}

// A key of a node that goes while nobody watches leaves the revision of the others: the value tells.
TEST(EtcdV2Syncer, NoticesAKeyThatWentWhileItWasAway) {
  EtcdServer server(WithV2());
  const RawStore raw = RawOf(To(server));
  ASSERT_TRUE(raw.Put("/calico/bgp/v1/host/h/as_num", "65000", Condition::None()).has_value());
  ASSERT_TRUE(raw.Put("/calico/v1/host/h/metadata", "{}", Condition::None()).has_value());
  ASSERT_TRUE(raw.Put("/calico/bgp/v1/host/h/ip_addr_v4", "10.0.0.1", Condition::None()).has_value());
  const auto client = Open(To(server));
  LoopThread loop("consumer");
  loop.Start();
  Syncer::Options options;
  options.prefixes = {"/calico/resources/v3/"};
  options.retry_initial = options.retry_max = 4s;
  std::mutex mutex;
  std::condition_variable changed;
  std::vector<bool> has_number;
  Syncer syncer(loop.loop(), *client, options, [&](const model::UpdateBatch& batch) {
    const std::lock_guard lock(mutex);
    for (const auto& [key, object] : batch.updates) {
      if (object != nullptr) has_number.push_back(std::get<model::Node>(*object).bgp->as_number.has_value());
    }
    changed.notify_all();
  });
  syncer.Start();
  const auto told = [&](std::size_t count) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 30s, [&] { return has_number.size() == count; });
  };
  ASSERT_TRUE(told(1));
  server.Kill();
  server.Start();
  ASSERT_TRUE(raw.Delete("/calico/bgp/v1/host/h/as_num", std::nullopt, false).has_value());
  WriteElsewhere(raw, kHistory + 1);
  ASSERT_TRUE(told(2));
  EXPECT_EQ(has_number, (std::vector<bool>{true, false}));
  loop.StopAndJoin();
}

// Its reader, a migration say, has to tell of it; a value that is passed over is lost without a word.
TEST(EtcdV2, HandsOnAnIpamValueThatCannotBeRead) {
  EtcdServer server(WithV2());
  const std::string key = "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26";
  ASSERT_TRUE(RawOf(To(server)).Put(key, "garbage", Condition::None()).has_value());
  const auto listed = Open(To(server))->List("/calico/ipam/v2/");
  ASSERT_TRUE(listed.has_value());
  ASSERT_EQ(listed->items.size(), 1U);
  EXPECT_EQ(listed->items[0].key, key);
  EXPECT_EQ(listed->items[0].value, "garbage");
}

}  // namespace
}  // namespace calico::datastore
