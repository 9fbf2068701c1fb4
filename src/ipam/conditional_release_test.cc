// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include "ipam/consistency.h"
#include "ipam/testing/allocator_fixture.h"

namespace calico::ipam::testing {
namespace {

class ConditionalRelease : public AllocatorFixture {
 protected:
  void SetUp() override {
    AddPool("a", "10.0.0.0/24");
    first_ = Assign("h1", "one").at(0);
    second_ = Assign("h1", "two").at(0);
  }
  std::uint64_t NumberOf(const net::Ip& ip) {
    return *SequenceNumberOf(BlockStore(client(), clock()).ReadBlock(BlockOf(ip, 26)).value().block, ip);
  }
  net::Ip first_, second_;
};

TEST_F(ConditionalRelease, ReleasesWhatStillIsAsExpected) {
  const auto outcome = allocator("any").ReleaseMatching(
      {{first_, "one", NumberOf(first_)}, {Ip("10.0.0.77"), "x", {}}, {Ip("10.0.0.200"), "", {}}});
  EXPECT_FALSE(outcome.error.has_value());
  EXPECT_EQ(outcome.released, std::vector<net::Ip>{first_});
  EXPECT_EQ(outcome.not_allocated.size(), 2U);
  EXPECT_EQ(Allocated(client()), (Holdings{{second_, "two"}}));
  EXPECT_EQ(CheckQuiescent(client(), {{second_, "two"}}), std::vector<std::string>{});
}

TEST_F(ConditionalRelease, LeavesTheBlockWhenAHandleIsAnother) {
  const auto outcome = allocator("any").ReleaseMatching({{first_, "one", {}}, {second_, "other", {}}});
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->message(),
            "the given handle (other) does not match (two) when attempting to release IP");
  EXPECT_TRUE(outcome.released.empty());
  EXPECT_EQ(Allocated(client()), (Holdings{{first_, "one"}, {second_, "two"}}));
}

TEST_F(ConditionalRelease, LeavesAnAddressThatWasAssignedAgainSince) {
  const std::uint64_t old = NumberOf(first_);
  Release("h1", {first_});
  ASSERT_TRUE(allocator("h1").AssignIp(first_, {"one", {}}).has_value());
  const std::uint64_t now = NumberOf(first_);
  const auto outcome = allocator("any").ReleaseMatching({{first_, "one", old}});
  ASSERT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.error->message(), "the given sequence number (" + std::to_string(old) +
                                          ") does not match (" + std::to_string(now) +
                                          ") when attempting to release IP");
  EXPECT_EQ(Allocated(client()).count(first_), 1U);
}

TEST_F(ConditionalRelease, GoesOnWithOtherBlocksAfterAFailure) {
  const net::Ip far = Ip("10.0.0.200");
  ASSERT_TRUE(allocator("h2").AssignIp(far, {"far", {}}).has_value());
  const auto outcome = allocator("any").ReleaseMatching({{first_, "bad", {}}, {far, "far", {}}});
  EXPECT_TRUE(outcome.error.has_value());
  EXPECT_EQ(outcome.released, std::vector<net::Ip>{far});
  EXPECT_EQ(CheckSafety(client(), {{first_, "one"}, {second_, "two"}}), std::vector<std::string>{});
}

TEST_F(ConditionalRelease, RemovesAHandleOnlyAsItWasRead) {
  BlockStore store(client(), clock());
  const std::vector<StoredHandle> handles = store.ListHandles().value();
  ASSERT_EQ(handles.size(), 2U);
  Assign("h1", handles[0].id);
  EXPECT_EQ(store.DeleteHandle(handles[0].id, handles[0].revision).error().code(), ErrorCode::kConflict);
  EXPECT_TRUE(store.DeleteHandle(handles[1].id, handles[1].revision).has_value());
  EXPECT_EQ(store.DeleteHandle(handles[1].id, handles[1].revision).error().code(), ErrorCode::kNotFound);
}

using IpamConfiguration = AllocatorFixture;

TEST_F(IpamConfiguration, RefusesSettingsThatExcludeEachOther) {
  BlockStore store(client(), clock());
  model::IpamConfig config;
  config.max_blocks_per_host = 4;
  EXPECT_EQ(store.WriteConfig(config).error().message(),
            "MaxBlocksPerHost requires StrictAffinity to be enabled");
  config = {};
  config.auto_allocate_blocks = false;
  EXPECT_EQ(store.WriteConfig(config).error().message(),
            "Cannot disable 'StrictAffinity' and 'AutoAllocateBlocks' at the same time");
  config.strict_affinity = true;
  EXPECT_TRUE(store.WriteConfig(config).has_value());
  EXPECT_EQ(store.ReadConfig().value(), config);
}

TEST_F(IpamConfiguration, IsNotWrittenWhenNothingChanges) {
  EXPECT_TRUE(BlockStore(client(), clock()).WriteConfig({}).has_value());
  EXPECT_EQ(Value("/calico/ipam/v2/config"), "");
}

}  // namespace
}  // namespace calico::ipam::testing
