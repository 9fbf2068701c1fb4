// SPDX-License-Identifier: Apache-2.0
#include "apps/node/ipam_upkeep.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"
#include "ipam/allocator.h"

namespace calico::node {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;

class IpamUpkeepTest : public ::testing::Test {
 protected:
  void AddPool(const std::string& name, const std::string& cidr) {
    model::IPPool pool;
    pool.metadata.name = name;
    pool.cidr = cidr;
    ASSERT_TRUE(datastore::Resources(store_, clock_).Create(pool).has_value());
  }
  std::vector<std::string> Affinities() const {
    std::vector<std::string> keys;
    for (const auto& [key, value] : store_.content()) {
      if (key.starts_with("/calico/ipam/v2/host/node1/")) keys.push_back(key);
    }
    return keys;
  }
  bool EventuallyHas(std::size_t count) const {
    for (int i = 0; i < 500; ++i) {
      if (Affinities().size() == count) return true;
      SleepFor(10ms);
    }
    return false;
  }
  static model::FelixConfiguration Claiming() {
    model::FelixConfiguration overrides;
    overrides.claim_blocks_at_start = true;
    return overrides;
  }

  datastore::testing::FakeClient store_;
  const SystemClock clock_;
};

TEST_F(IpamUpkeepTest, ClaimsABlockOfEachPoolAndOfNewOnes) {
  AddPool("a", "10.0.0.0/16");
  AddPool("six", "fd80::/64");
  IpamUpkeep claimer(store_, clock_, "node1", Claiming());
  claimer.Start();
  EXPECT_TRUE(EventuallyHas(2));
  AddPool("b", "10.1.0.0/16");
  claimer.Recheck();
  EXPECT_TRUE(EventuallyHas(3));
}

TEST_F(IpamUpkeepTest, GivesUpEmptyBlocksWhosePoolIsGoneAndKeepsUsedOnes) {
  AddPool("a", "10.0.0.0/16");
  AddPool("b", "10.1.0.0/16");
  IpamUpkeep claimer(store_, clock_, "node1", Claiming());
  claimer.Start();
  ASSERT_TRUE(EventuallyHas(2));
  ipam::Allocator allocator(store_, clock_, "node1");
  const std::vector<std::string> before = Affinities();
  ASSERT_TRUE(allocator
                  .AssignIp(allocator
                                .EnsureBlock([] {
                                  model::IPPool pool;
                                  pool.metadata.name = "b";
                                  pool.cidr = "10.1.0.0/16";
                                  pool.block_size = 26;
                                  return pool;
                                }())
                                ->ip(),
                            {"handle", {}})
                  .has_value());
  datastore::Resources resources(store_, clock_);
  for (const char* name : {"a", "b"})
    ASSERT_TRUE(resources.Delete(model::Key::Resource(model::Kind::kIPPool, name)).has_value());
  claimer.Recheck();
  ASSERT_TRUE(EventuallyHas(1));
  EXPECT_THAT(Affinities().front(), HasSubstr("10.1."));
}

TEST_F(IpamUpkeepTest, TriesAgainAfterTheStoreWasAway) {
  AddPool("a", "10.0.0.0/16");
  for (int i = 0; i < 2; ++i)
    store_.FailNext(datastore::testing::Operation::kList, Error(ErrorCode::kUnavailable, "store away"));
  IpamUpkeep claimer(store_, clock_, "node1", Claiming());
  claimer.Start();
  EXPECT_TRUE(EventuallyHas(1));
}

TEST_F(IpamUpkeepTest, WithoutTheSettingNothingIsClaimed) {
  AddPool("a", "10.0.0.0/16");
  {
    IpamUpkeep claimer(store_, clock_, "node1", {});
    claimer.Start();
    SleepFor(100ms);
  }
  EXPECT_TRUE(Affinities().empty());
}

}  // namespace
}  // namespace calico::node
