// SPDX-License-Identifier: Apache-2.0
#include "datastore/testing/client_contract.h"

#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "datastore/testing/event_log.h"

namespace calico::datastore::testing {
namespace {

using namespace std::chrono_literals;

TEST_P(ClientContract, ReadsWhatWasCreated) {
  const auto created = client().Create("/calico/a", "one");
  ASSERT_TRUE(created.has_value()) << created.error().message();
  const auto read = client().Get("/calico/a");
  ASSERT_TRUE(read.has_value());
  EXPECT_EQ(*read, (KeyValue{"/calico/a", "one", *created}));
}

TEST_P(ClientContract, KeepsEveryByteOfAValue) {
  std::string value("\0\n\xff{\"a\":\"\\u0026\"}", 18);
  if (!store().holds_any_bytes()) value.erase(2, 1);
  ASSERT_TRUE(client().Create("/calico/a", value).has_value());
  EXPECT_EQ(client().Get("/calico/a")->value, value);
}

TEST_P(ClientContract, SaysNotFoundForAnAbsentKey) {
  EXPECT_EQ(client().Get("/calico/none").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client().Update("/calico/none", "x", 1).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client().Delete("/calico/none", 0).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(client().Delete("/calico/none", 7).error().code(), ErrorCode::kNotFound);
}

TEST_P(ClientContract, CreatesAKeyOnlyOnce) {
  ASSERT_TRUE(client().Create("/calico/a", "one").has_value());
  EXPECT_EQ(client().Create("/calico/a", "two").error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(client().Get("/calico/a")->value, "one");
}

TEST_P(ClientContract, CreatesManyKeysAndSaysWhichExisted) {
  constexpr int kItems = 200;  // more than a driver writes in one transaction
  ASSERT_TRUE(client().Create("/calico/m/7", "old").has_value());
  ASSERT_TRUE(client().Create("/calico/m/150", "old").has_value());
  std::vector<KeyValue> items;
  for (int i = 0; i < kItems; ++i) items.push_back({"/calico/m/" + std::to_string(i), std::to_string(i)});
  const auto results = client().CreateAll(items);
  ASSERT_EQ(results.size(), items.size());
  for (std::size_t i = 0; i < results.size(); ++i) {
    const auto stored = client().Get(items[i].key);
    ASSERT_TRUE(stored.has_value()) << items[i].key;
    const bool existed = i == 7 || i == 150;
    ASSERT_EQ(results[i].has_value(), !existed) << items[i].key;
    EXPECT_EQ(stored->value, existed ? "old" : items[i].value);
    if (existed)
      EXPECT_EQ(results[i].error().code(), ErrorCode::kAlreadyExists);
    else
      EXPECT_EQ(*results[i], stored->revision);
  }
  EXPECT_TRUE(client().CreateAll({}).empty());
}

TEST_P(ClientContract, CreatesNothingTwiceInOneCall) {
  const auto results =
      client().CreateAll({{"/calico/t", "one"}, {"/calico/t", "two"}, {"/calico/u", "three"}});
  EXPECT_TRUE(results[0].has_value());
  ASSERT_FALSE(results[1].has_value());
  EXPECT_EQ(results[1].error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(results[2].has_value());
  EXPECT_EQ(client().Get("/calico/t")->value, "one");
}

TEST_P(ClientContract, SwapsOnlyTheExpectedRevision) {
  const Revision first = *client().Create("/calico/a", "one");
  const Revision second = *client().Update("/calico/a", "two", first);
  EXPECT_GT(second, first);
  EXPECT_EQ(client().Update("/calico/a", "three", first).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(client().Delete("/calico/a", first).error().code(), ErrorCode::kConflict);
  EXPECT_EQ(client().Get("/calico/a")->value, "two");
  EXPECT_TRUE(client().Delete("/calico/a", second).has_value());
  EXPECT_EQ(client().Get("/calico/a").error().code(), ErrorCode::kNotFound);
}

TEST_P(ClientContract, PutsWhateverIsThere) {
  const Revision first = *client().Put("/calico/a", "one");
  EXPECT_GT(*client().Put("/calico/a", "two"), first);
  EXPECT_TRUE(client().Delete("/calico/a", 0).has_value());
}

TEST_P(ClientContract, ListsAPrefixInKeyOrderAndNothingElse) {
  for (const char* key : {"/calico/b/2", "/calico/b/1", "/calico/a/9", "/calico/b", "/calico/b0"}) {
    if (key == std::string("/calico/b") && !store().keys_have_keys_below()) continue;
    ASSERT_TRUE(client().Create(key, "x").has_value());
  }
  const auto listed = client().List("/calico/b/");
  ASSERT_TRUE(listed.has_value());
  ASSERT_EQ(listed->items.size(), 2U);
  EXPECT_EQ(listed->items[0].key, "/calico/b/1");
  EXPECT_EQ(listed->items[1].key, "/calico/b/2");
  EXPECT_GE(listed->revision, listed->items[0].revision);
}

TEST_P(ClientContract, WalksALongListInKeyOrder) {
  constexpr int kItems = 1300;  // more than one page of a driver that has pages
  for (int i = 0; i < kItems; ++i)
    ASSERT_TRUE(client().Create("/calico/w/" + std::to_string(100000 + i), std::to_string(i)).has_value());
  ASSERT_TRUE(client().Create("/calico/w0", "x").has_value());
  int seen = 0;
  std::string last;
  const auto revision = client().ForEach("/calico/w/", [&](KeyValue kv) {
    EXPECT_LT(last, kv.key);
    EXPECT_EQ(kv.value, std::to_string(seen++));
    last = kv.key;
    return Ok();
  });
  ASSERT_TRUE(revision.has_value()) << revision.error().message();
  EXPECT_EQ(seen, kItems);
  EXPECT_EQ(*revision, client().List("/calico/w/")->revision);
  EXPECT_EQ(client().List("/calico/w/")->items.size(), static_cast<std::size_t>(kItems));
}

TEST_P(ClientContract, ListsMoreThanOneMessageHolds) {
  const std::string value(900'000, 'v');
  for (int i = 0; i < 8; ++i)
    ASSERT_TRUE(client().Create("/calico/w/" + std::to_string(i), value).has_value());
  const auto listed = client().List("/calico/w/");
  ASSERT_TRUE(listed.has_value()) << listed.error().message();
  ASSERT_EQ(listed->items.size(), 8U);
  EXPECT_EQ(listed->items[7].value, value);
}

TEST_P(ClientContract, WalksOneRevisionThoughOthersWrite) {
  for (int i = 0; i < 1200; ++i)
    ASSERT_TRUE(client().Create("/calico/w/" + std::to_string(100000 + i), "old").has_value());
  const auto other = store().OpenAnother();
  std::optional<std::thread> writer;
  int old = 0;
  const auto walked = client().ForEach("/calico/w/", [&](KeyValue kv) {
    if (!writer) {
      writer.emplace([&] {
        EXPECT_TRUE(other->Put("/calico/w/101199", "new").has_value());
        EXPECT_TRUE(other->Delete("/calico/w/101198", 0).has_value());
      });
      writer->join();
    }
    old += kv.value == "old" ? 1 : 0;
    return Ok();
  });
  ASSERT_TRUE(walked.has_value()) << walked.error().message();
  EXPECT_EQ(old, 1200);
}

TEST_P(ClientContract, EndsAWalkWithTheVisitorsError) {
  for (const char* key : {"/calico/w/1", "/calico/w/2"}) ASSERT_TRUE(client().Create(key, "x").has_value());
  int seen = 0;
  const auto walked = client().ForEach("/calico/w/", [&](const KeyValue&) -> Status {
    ++seen;
    return Error(ErrorCode::kInvalidArgument, "enough");
  });
  ASSERT_FALSE(walked.has_value());
  EXPECT_EQ(walked.error().message(), "enough");
  EXPECT_EQ(seen, 1);
  EXPECT_TRUE(client().Put("/calico/w/3", "x").has_value());  // nothing stays locked
}

TEST_P(ClientContract, LetsExactlyOneOfManyWritersWin) {
  const Revision start = *client().Create("/calico/a", "0");
  std::vector<std::thread> writers;
  std::vector<int> won(4, 0);
  for (std::size_t i = 0; i < won.size(); ++i) {
    writers.emplace_back([&, i] {
      const auto other = store().OpenAnother();
      won[i] = other->Update("/calico/a", std::to_string(i), start).has_value() ? 1 : 0;
    });
  }
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(won[0] + won[1] + won[2] + won[3], 1);
}

TEST_P(ClientContract, WatchSeesAnotherClientsWritesInOrder) {
  const Revision start = *client().Create("/calico/w/0", "x");
  EventLog log;
  const auto watch = client().StartWatch("/calico/w/", start, log.Callbacks());
  const auto other = store().OpenAnother();
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(other->Put("/calico/w/k", std::to_string(i)).has_value());
  ASSERT_TRUE(other->Put("/calico/elsewhere", "x").has_value());
  ASSERT_TRUE(other->Delete("/calico/w/0", 0).has_value());
  const auto events = log.WaitFor(51);
  ASSERT_EQ(events.size(), 51U);
  for (std::size_t i = 0; i < 50; ++i) {
    EXPECT_EQ(events[i].type, WatchEvent::Type::kPut);
    EXPECT_EQ(events[i].kv.value, std::to_string(i));
    EXPECT_GT(events[i].kv.revision, i == 0 ? start : events[i - 1].kv.revision);
  }
  EXPECT_EQ(events[50].type, WatchEvent::Type::kDelete);
  EXPECT_EQ(events[50].kv.key, "/calico/w/0");
  EXPECT_EQ(events[50].kv.value, "");
}

TEST_P(ClientContract, WatchFromAnEarlierRevisionReplaysWhatCameSince) {
  const Revision start = *client().Put("/calico/w/a", "1");
  ASSERT_TRUE(client().Put("/calico/w/a", "2").has_value());
  ASSERT_TRUE(client().Put("/calico/w/a", "3").has_value());
  EventLog log;
  const auto watch = client().StartWatch("/calico/w/", start, log.Callbacks());
  const auto events = log.WaitFor(2);
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kv.value, "2");
  EXPECT_EQ(events[1].kv.value, "3");
}

TEST_P(ClientContract, ListThenWatchMissesNothingAndRepeatsNothing) {
  std::map<std::string, std::string> seen;
  std::thread writer([&] {
    const auto other = store().OpenAnother();
    for (int i = 0; i < 100; ++i) {
      const auto put = other->Put("/calico/w/" + std::to_string(i), "x");
      EXPECT_TRUE(put.has_value());
    }
  });
  const auto listed = client().List("/calico/w/");
  ASSERT_TRUE(listed.has_value());
  EventLog log;
  const auto watch = client().StartWatch("/calico/w/", listed->revision, log.Callbacks());
  const auto events = log.WaitFor(100 - listed->items.size());
  writer.join();
  for (const KeyValue& kv : listed->items) EXPECT_TRUE(seen.emplace(kv.key, "list").second);
  for (const WatchEvent& event : events)
    EXPECT_TRUE(seen.emplace(event.kv.key, "watch").second) << event.kv.key;
  EXPECT_EQ(seen.size(), 100U);
}

TEST_P(ClientContract, WatchFromACompactedRevisionSaysNotFound) {
  const Revision old = *client().Put("/calico/w/a", "1");
  for (const char* value : {"2", "3"}) ASSERT_TRUE(client().Put("/calico/w/a", value).has_value());
  store().Compact();
  EventLog log;
  const auto watch = client().StartWatch("/calico/w/", old, log.Callbacks());
  const auto error = log.WaitForError();
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code(), ErrorCode::kNotFound) << error->message();
}

TEST_P(ClientContract, NoCallbackRunsAfterAWatchIsDestroyed) {
  for (int i = 0; i < 20; ++i) {
    auto log = std::make_unique<EventLog>();
    auto watch = client().StartWatch("/calico/w/", 0, log->Callbacks());
    ASSERT_TRUE(client().Put("/calico/w/a", std::to_string(i)).has_value());
    watch.reset();
    log.reset();  // a late callback would be a use after free
  }
}

TEST_P(ClientContract, HasAName) {
  EXPECT_FALSE(client().name().empty());
}

}  // namespace
}  // namespace calico::datastore::testing
