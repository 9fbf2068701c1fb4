// SPDX-License-Identifier: Apache-2.0
#include "datastore/syncer.h"

#include <atomic>
#include <functional>

#include <gtest/gtest.h>

#include "datastore/testing/fake_client.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

using namespace std::chrono_literals;
using model::Key;
using model::Kind;

std::string PoolJson(const std::string& name, const std::string& cidr) {
  model::IPPool pool;
  pool.metadata.name = name;
  pool.cidr = cidr;
  return model::EncodeValue(Key::Resource(Kind::kIPPool, name), pool);
}
Key PoolKey(const std::string& name) {
  return Key::Resource(Kind::kIPPool, name);
}

class SyncerTest : public ::testing::Test {
 protected:
  void StartSyncer() {
    loop_.Start();
    Syncer::Options options;
    options.prefixes = CalcPrefixes();
    options.retry_initial = 1ms;
    options.retry_max = 5ms;
    syncer_ = std::make_unique<Syncer>(loop_.loop(), store_, options, [this](model::UpdateBatch batch) {
      ++batches_;
      for (const auto& [key, value] : batch.updates) last_batch_keys_.push_back(key);
      merged_.MergeFrom(std::move(batch));
    });
    syncer_->Start();
  }
  // Waits until `reached` holds on the loop.
  bool Eventually(const std::function<bool()>& reached) {
    for (int i = 0; i < 2000; ++i) {
      bool done = false;
      loop_.RunSync([&] { done = reached(); });
      if (done) return true;
      SleepFor(5ms);
    }
    return false;
  }
  bool Has(const std::string& name) {
    return merged_.updates.contains(PoolKey(name)) && merged_.updates[PoolKey(name)] != nullptr;
  }
  bool Gone(const std::string& name) {
    return merged_.updates.contains(PoolKey(name)) && merged_.updates[PoolKey(name)] == nullptr;
  }
  void PutPool(const std::string& name, const std::string& cidr = "10.0.0.0/16") {
    ASSERT_TRUE(store_.Put(model::ToPath(PoolKey(name)), PoolJson(name, cidr)).has_value());
  }
  void TearDown() override {
    if (syncer_ != nullptr) loop_.RunSync([this] { syncer_.reset(); });
  }

  testing::FakeClient store_;
  model::UpdateBatch merged_;
  std::vector<Key> last_batch_keys_;
  int batches_ = 0;
  LoopThread loop_{"consumer"};
  std::unique_ptr<Syncer> syncer_;
};

TEST_F(SyncerTest, IsInSyncWithAnEmptyStore) {
  StartSyncer();
  EXPECT_TRUE(Eventually([&] { return merged_.in_sync; }));
  EXPECT_EQ(syncer_->state(), Syncer::State::kInSync);
}

TEST_F(SyncerTest, SendsWhatIsThereAndThenWhatChanges) {
  PutPool("a");
  StartSyncer();
  ASSERT_TRUE(Eventually([&] { return merged_.in_sync && Has("a"); }));
  PutPool("b");
  EXPECT_TRUE(Eventually([&] { return Has("b"); }));
  ASSERT_TRUE(store_.Delete(model::ToPath(PoolKey("a")), 0).has_value());
  EXPECT_TRUE(Eventually([&] { return Gone("a"); }));
}

TEST_F(SyncerTest, WaitsForAStoreThatIsAway) {
  for (int i = 0; i < 5; ++i)
    store_.FailNext(testing::Operation::kList, Error(ErrorCode::kUnavailable, "down"));
  PutPool("a");
  StartSyncer();
  EXPECT_TRUE(Eventually([&] { return merged_.in_sync && Has("a"); }));
}

TEST_F(SyncerTest, AfterALostConnectionContinuesWithoutSendingAnythingTwice) {
  PutPool("a");
  StartSyncer();
  ASSERT_TRUE(Eventually([&] { return merged_.in_sync && Has("a"); }));
  loop_.RunSync([&] { last_batch_keys_.clear(); });
  store_.BreakWatches();
  PutPool("b");
  ASSERT_TRUE(Eventually([&] { return Has("b"); }));
  loop_.RunSync([&] { EXPECT_EQ(last_batch_keys_, std::vector<Key>{PoolKey("b")}); });
}

TEST_F(SyncerTest, AfterACompactionSendsOnlyDifferencesAndWhatWentAway) {
  for (const char* name : {"stays", "goes", "changes"}) PutPool(name);
  StartSyncer();
  ASSERT_TRUE(Eventually([&] { return merged_.in_sync && Has("stays") && Has("goes") && Has("changes"); }));
  loop_.RunSync([&] { last_batch_keys_.clear(); });
  // The watches come back only after the history is gone.
  store_.BreakWatches();
  ASSERT_TRUE(store_.Delete(model::ToPath(PoolKey("goes")), 0).has_value());
  PutPool("changes", "10.1.0.0/16");
  store_.Compact();
  ASSERT_TRUE(Eventually([&] { return Gone("goes"); }));
  PutPool("last");
  ASSERT_TRUE(Eventually([&] { return Has("last"); }));
  loop_.RunSync([&] {
    EXPECT_EQ(std::count(last_batch_keys_.begin(), last_batch_keys_.end(), PoolKey("stays")), 0);
    EXPECT_EQ(std::get<model::IPPool>(*merged_.updates.at(PoolKey("changes"))).cidr, "10.1.0.0/16");
  });
}

TEST_F(SyncerTest, AValueThatDoesNotDecodeCountsAsAbsent) {
  PutPool("a");
  StartSyncer();
  ASSERT_TRUE(Eventually([&] { return Has("a"); }));
  ASSERT_TRUE(store_.Put(model::ToPath(PoolKey("a")), "{broken").has_value());
  EXPECT_TRUE(Eventually([&] { return Gone("a"); }));
}

}  // namespace
}  // namespace calico::datastore
