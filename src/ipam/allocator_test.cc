// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipam/testing/allocator_fixture.h"

namespace calico::ipam {
namespace {

using testing::AllocatorFixture;
using testing::Cidr;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::Ip;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class AllocatorTest : public AllocatorFixture {};

TEST_F(AllocatorTest, ClaimsABlockForTheFirstAddressAndKeepsUsingIt) {
  AddPool("pool", "10.65.0.0/16");
  const auto first = Assign("host-a", "h1");
  ASSERT_THAT(first, SizeIs(1));
  const auto second = Assign("host-a", "h2");
  ASSERT_THAT(second, SizeIs(1));
  EXPECT_EQ(BlockOf(first[0], 26), BlockOf(second[0], 26));
  EXPECT_THAT(Affinities("host-a"), ElementsAre(BlockOf(first[0], 26).ToString() + "=confirmed"));
  EXPECT_THAT(testing::CheckQuiescent(client(), {{first[0], "h1"}, {second[0], "h2"}}), IsEmpty());
}

TEST_F(AllocatorTest, WritesTheDocumentedKeysAndValues) {
  AddPool("pool", "10.65.0.0/26");
  ASSERT_EQ(Assign("host-a", "h1"), std::vector<net::Ip>{Ip("10.65.0.0")});
  EXPECT_EQ(Value("/calico/ipam/v2/host/host-a/ipv4/block/10.65.0.0-26"),
            R"({"state":"confirmed","deleted":false})");
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h1"), R"({"block":{"10.65.0.0/26":1},"deleted":false})");
  EXPECT_THAT(Value("/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-26"),
              HasSubstr(R"({"cidr":"10.65.0.0/26","affinity":"host:host-a",)"));
}

TEST_F(AllocatorTest, GivesIpv6FromSlash122Blocks) {
  AddPool("pool6", "fd80:24e2:f998:72d6::/64");
  const auto ips = Assign("host-a", "h1", 1, {}, net::Family::kV6);
  ASSERT_THAT(ips, SizeIs(1));
  EXPECT_THAT(Affinities("host-a"), ElementsAre(BlockOf(ips[0], 122).ToString() + "=confirmed"));
}

TEST_F(AllocatorTest, TriesPoolsInTheOrderOfTheirNames) {
  AddPool("b", "10.2.0.0/26");
  AddPool("a", "10.1.0.0/30", 30);
  const auto ips = Assign("host-a", "h", 5);
  ASSERT_THAT(ips, SizeIs(5));
  EXPECT_TRUE(Cidr("10.1.0.0/30").Contains(ips[3]));
  EXPECT_TRUE(Cidr("10.2.0.0/26").Contains(ips[4]));
}

TEST_F(AllocatorTest, UsesOnlyRequestedPoolsInTheirOrder) {
  AddPool("a", "10.1.0.0/26");
  AddPool("b", "10.2.0.0/26");
  EXPECT_TRUE(Cidr("10.2.0.0/26").Contains(Assign("host-a", "h", 1, {"10.2.0.0/26"}).at(0)));
  const auto missing = Try("host-a", "h", 1, {"10.3.0.0/26"});
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().message(), "the given pool (10.3.0.0/26) does not exist, or is not enabled");
}

TEST_F(AllocatorTest, HonoursNodeSelectorAndDisabledPools) {
  AddPool("a", "10.1.0.0/26", 26, [](model::IPPool& pool) { pool.node_selector = "rack == 'r1'"; });
  AddPool("b", "10.2.0.0/26", 26, [](model::IPPool& pool) { pool.disabled = true; });
  const auto none = Try("host-a", "h");
  ASSERT_FALSE(none.has_value());
  EXPECT_EQ(none.error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(none.error().message(), "no configured Calico pools for node host-a");
  AddNode("host-a", {{"rack", "r1"}});
  EXPECT_TRUE(Cidr("10.1.0.0/26").Contains(Assign("host-a", "h").at(0)));
}

TEST_F(AllocatorTest, NamesThePoolsWhenNothingIsLeft) {
  AddPool("pool", "10.65.0.0/30", 30);
  EXPECT_THAT(Assign("host-a", "h1", 4), SizeIs(4));
  const auto full = Try("host-a", "h2");
  ASSERT_TRUE(full.has_value());
  EXPECT_THAT(full->ips, IsEmpty());
  EXPECT_EQ(full->reason, "no address left in pools: 10.65.0.0/30");
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h2"), "");
}

TEST_F(AllocatorTest, BorrowsOnlyWhenNoBlockCanBeClaimed) {
  AddPool("pool", "10.65.0.0/29", 30);
  const auto a = Assign("host-a", "a");
  const auto b = Assign("host-b", "b");
  EXPECT_NE(BlockOf(a[0], 30), BlockOf(b[0], 30));
  const auto c = Assign("host-c", "c");
  ASSERT_THAT(c, SizeIs(1));
  EXPECT_THAT(Affinities("host-c"), IsEmpty());
  EXPECT_THAT(testing::CheckQuiescent(client(), {{a[0], "a"}, {b[0], "b"}, {c[0], "c"}}), IsEmpty());
}

TEST_F(AllocatorTest, BorrowsNothingUnderStrictAffinity) {
  AddPool("pool", "10.65.0.0/30", 30);
  SetConfig([](model::IpamConfig& config) { config.strict_affinity = true; });
  Assign("host-a", "a");
  const auto refused = Try("host-b", "b");
  ASSERT_TRUE(refused.has_value());
  EXPECT_THAT(refused->ips, IsEmpty());
  EXPECT_THAT(refused->reason, HasSubstr("No more free affine blocks and strict affinity enabled"));
  const net::Ip other = Ip("10.65.0.3");
  EXPECT_EQ(allocator("host-b").AssignIp(other, {"b", {}}).error().message(),
            "Block host affinity does not match");
}

TEST_F(AllocatorTest, StopsAtTheLimitOfBlocksPerHost) {
  AddPool("pool", "10.65.0.0/28", 30);
  SetConfig([](model::IpamConfig& config) {
    config.strict_affinity = true;
    config.max_blocks_per_host = 2;
  });
  const auto assigned = Try("host-a", "h", 16);
  ASSERT_TRUE(assigned.has_value());
  EXPECT_THAT(assigned->ips, SizeIs(8));
  EXPECT_THAT(assigned->reason, HasSubstr("limit of 2 blocks reached for this node"));
}

TEST_F(AllocatorTest, TakesAnEmptyBlockOverAfterAMinuteOnly) {
  AddPool("pool", "10.65.0.0/30", 30);
  SetConfig([](model::IpamConfig& config) { config.strict_affinity = true; });
  Release("host-a", Assign("host-a", "a"));
  EXPECT_THAT(Try("host-b", "b")->ips, IsEmpty());
  AdvanceClock(std::chrono::seconds(61));
  const auto taken = Assign("host-b", "b");
  EXPECT_THAT(taken, SizeIs(1));
  EXPECT_THAT(Affinities("host-a"), IsEmpty());
  EXPECT_THAT(testing::CheckQuiescent(client(), {{taken[0], "b"}}), IsEmpty());
}

TEST_F(AllocatorTest, KeepsAnAffineBlockWhenItsLastAddressGoes) {
  AddPool("pool", "10.65.0.0/26");
  const auto ips = Assign("host-a", "h");
  EXPECT_EQ(Release("host-a", ips), ips);
  EXPECT_THAT(Affinities("host-a"), ElementsAre("10.65.0.0/26=confirmed"));
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h"), "");
  EXPECT_THAT(Release("host-a", ips), IsEmpty());  // S17
}

TEST_F(AllocatorTest, AssignsASpecificAddressOnceAndClaimsItsBlock) {
  AddPool("pool", "10.65.0.0/16");
  ASSERT_TRUE(allocator("host-a").AssignIp(Ip("10.65.7.7"), {"h", {}}).has_value());
  EXPECT_THAT(Affinities("host-a"), ElementsAre("10.65.7.0/26=confirmed"));
  EXPECT_EQ(allocator("host-b").AssignIp(Ip("10.65.7.7"), {"x", {}}).error().code(),
            ErrorCode::kAlreadyExists);
  EXPECT_EQ(Value("/calico/ipam/v2/handle/x"), "");
  EXPECT_TRUE(allocator("host-b").AssignIp(Ip("10.65.7.8"), {"y", {}}).has_value()) << "borrowing is allowed";
  const Status outside = allocator("host-a").AssignIp(Ip("10.66.0.1"), {"h", {}});
  EXPECT_EQ(outside.error().code(), ErrorCode::kInvalidArgument);
  EXPECT_THAT(outside.error().message(), HasSubstr("The provided IP address is not in a configured pool"));
}

TEST_F(AllocatorTest, ReleasesEverythingOfAHandleOverFamiliesAndBlocks) {
  AddPool("pool4", "10.65.0.0/28", 30);
  AddPool("pool6", "fd00::/120", 122);
  const auto v4 = Assign("host-a", "h", 6);
  const auto v6 = Assign("host-a", "h", 1, {}, net::Family::kV6);
  const auto other = Assign("host-a", "other");
  ASSERT_TRUE(allocator("host-a").ReleaseByHandle("h").has_value());
  EXPECT_THAT(testing::Allocated(client()), SizeIs(1));
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h"), "");
  EXPECT_EQ(allocator("host-a").ReleaseByHandle("h").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(testing::CheckQuiescent(client(), {{other[0], "other"}}), IsEmpty());
}

TEST_F(AllocatorTest, RemovesAHandleThatOnlyACrashLeft) {
  AddPool("pool", "10.65.0.0/26");
  Put("/calico/ipam/v2/handle/h", R"({"block":{"10.65.0.0/26":3},"deleted":false})");
  EXPECT_TRUE(allocator("host-a").ReleaseByHandle("h").has_value());
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h"), "");
}

TEST_F(AllocatorTest, SweepsHandlesThatStayUnusedBetweenTwoLooks) {
  AddPool("pool", "10.65.0.0/26");
  Put("/calico/ipam/v2/handle/libnetwork-1", R"({"block":{"10.65.0.0/26":1},"deleted":false})");
  Assign("host-a", "libnetwork-2");
  const auto seen = allocator("host-a").SweepHandles("libnetwork", {});
  ASSERT_TRUE(seen.has_value());
  EXPECT_THAT(*seen, SizeIs(1));
  EXPECT_NE(Value("/calico/ipam/v2/handle/libnetwork-1"), "");
  ASSERT_TRUE(allocator("host-a").SweepHandles("libnetwork", *seen).has_value());
  EXPECT_EQ(Value("/calico/ipam/v2/handle/libnetwork-1"), "");
  EXPECT_NE(Value("/calico/ipam/v2/handle/libnetwork-2"), "");
}

TEST_F(AllocatorTest, MovesAnAddressToAnotherHandle) {
  AddPool("pool", "10.65.0.0/26");
  const auto ips = Assign("host-a", "libnetwork-1");
  const Owner owner{"libnetwork.e1", {{"node", "host-a"}}};
  ASSERT_TRUE(allocator("host-a").SetOwner(ips[0], owner).has_value());
  ASSERT_TRUE(allocator("host-a").SetOwner(ips[0], owner).has_value());  // again: nothing to do
  EXPECT_THAT(testing::CheckQuiescent(client(), {{ips[0], "libnetwork.e1"}}), IsEmpty());
  const auto stored = ReadAllocation(client(), clock(), ips[0]);
  ASSERT_TRUE(stored.has_value() && stored->has_value());
  EXPECT_EQ((*stored)->secondary, owner.attributes);
  EXPECT_EQ(allocator("host-a").SetOwner(Ip("10.65.0.9"), owner).error().code(), ErrorCode::kNotFound);
}

TEST_F(AllocatorTest, EnsuresOneBlockPerPoolAndNoMore) {
  const model::IPPool pool = AddPool("pool", "10.65.0.0/16");
  const auto block = allocator("host-a").EnsureBlock(pool);
  ASSERT_TRUE(block.has_value());
  EXPECT_EQ(allocator("host-a").EnsureBlock(pool).value(), *block);
  EXPECT_THAT(Affinities("host-a"), ElementsAre(block->ToString() + "=confirmed"));
}

TEST_F(AllocatorTest, RepairsEveryHalfDoneClaim) {
  AddPool("pool", "10.65.0.0/16");
  const net::Ip ip = Assign("host-a", "h").at(0);
  const std::string own = BlockOf(ip, 26).ToString();
  Put(AffinityPath("host-a", own), R"({"state":"pendingDeletion","deleted":false})");       // F7
  Put(AffinityPath("host-a", "10.65.200.0/26"), R"({"state":"pending","deleted":false})");  // F1
  const net::Ip foreign = Assign("host-b", "b").at(0);
  Put(AffinityPath("host-a", BlockOf(foreign, 26).ToString()), R"({"state":"confirmed"})");  // F9
  ASSERT_TRUE(allocator("host-a").RepairAffinities().has_value());
  EXPECT_THAT(Affinities("host-a"), ElementsAre(own + "=confirmed"));
  EXPECT_THAT(testing::CheckQuiescent(client(), {{ip, "h"}, {foreign, "b"}}), IsEmpty());
}

TEST_F(AllocatorTest, LeavesAnUnreadableBlockAlone) {
  AddPool("pool", "10.65.0.0/29", 30);
  Put("/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-30", "garbage");
  EXPECT_THAT(Assign("host-a", "h", 4), SizeIs(4));
  EXPECT_EQ(Value("/calico/ipam/v2/assignment/ipv4/block/10.65.0.0-30"), "garbage");
}

TEST_F(AllocatorTest, ReportsUsageByPoolAndBlock) {
  AddPool("pool", "10.65.0.0/24");
  const net::Ip ip = Assign("host-a", "h", 3).at(0);
  const auto usage = ReadUsage(client(), clock());
  ASSERT_TRUE(usage.has_value());
  ASSERT_THAT(usage->pools, SizeIs(1));
  EXPECT_EQ(usage->pools[0].total, 256);
  EXPECT_EQ(usage->pools[0].in_use, 3);
  ASSERT_THAT(usage->pools[0].blocks, SizeIs(1));
  EXPECT_EQ(usage->pools[0].blocks[0].cidr, BlockOf(ip, 26));
  EXPECT_EQ(usage->pools[0].blocks[0].host, "host-a");
}

}  // namespace
}  // namespace calico::ipam
