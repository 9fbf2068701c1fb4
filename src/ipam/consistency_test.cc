// SPDX-License-Identifier: Apache-2.0
#include "ipam/consistency.h"

#include <gtest/gtest.h>

#include "ipam/testing/allocator_fixture.h"

namespace calico::ipam::testing {
namespace {

using Consistent = AllocatorFixture;

ConsistencyInput InputOf(datastore::Client& client, const Clock& clock) {
  ConsistencyInput input;
  BlockStore store(client, clock);
  const BlockMap blocks = store.ListBlocks(net::Family::kV4).value();
  for (const auto& [cidr, block] : blocks) {
    for (Allocation& allocation : AllocationsOf(block->block)) input.allocations.push_back(allocation);
  }
  input.handles = store.ListHandles().value();
  model::IPPool pool;
  pool.metadata.name = "a";
  pool.cidr = "10.0.0.0/24";
  input.pools = ParsePools({pool});
  return input;
}

std::vector<std::string> Addresses(const std::vector<Allocation>& allocations) {
  std::vector<std::string> texts;
  for (const Allocation& allocation : allocations) texts.push_back(allocation.ip.ToString());
  return texts;
}

TEST_F(Consistent, FindsNothingWhenEachAddressHasAUser) {
  AddPool("a", "10.0.0.0/24");
  ConsistencyInput input;
  const std::vector<net::Ip> ips = Assign("h1", "h", 2);
  input = InputOf(client(), clock());
  for (const net::Ip& ip : ips) input.uses.push_back({ip, "Workload(default/w)"});
  const Consistency result = Compare(input);
  EXPECT_EQ(result.problems(), 0U);
  EXPECT_EQ(result.owners.size(), 2U);
}

TEST_F(Consistent, TellsLeaksFromAddressesInUseWithoutAllocation) {
  AddPool("a", "10.0.0.0/24");
  const std::vector<net::Ip> ips = Assign("h1", "h", 2);
  ConsistencyInput input = InputOf(client(), clock());
  input.uses = {{ips[0], "Workload(default/w)"},
                {Ip("10.0.0.200"), "Workload(default/x)"},
                {Ip("10.9.0.1"), "Node(h1)"}};
  const Consistency result = Compare(input);
  EXPECT_EQ(Addresses(result.leaked), std::vector<std::string>{ips[1].ToString()});
  EXPECT_EQ(result.not_allocated, std::vector<net::Ip>{Ip("10.0.0.200")});
  EXPECT_EQ(result.outside_pools, std::vector<net::Ip>{Ip("10.9.0.1")});
  EXPECT_EQ(result.problems(), 3U);
}

TEST_F(Consistent, TellsUnusedHandlesFromMissingOnes) {
  AddPool("a", "10.0.0.0/24");
  Assign("h1", "kept");
  Assign("h1", "lost");
  ASSERT_TRUE(client().Delete("/calico/ipam/v2/handle/lost", 0).has_value());
  Put("/calico/ipam/v2/handle/stale", R"({"block":{"10.0.0.0/26":1},"deleted":false})");
  const Consistency result = Compare(InputOf(client(), clock()));
  ASSERT_EQ(result.unused_handles.size(), 1U);
  EXPECT_EQ(result.unused_handles[0].id, "stale");
  EXPECT_EQ(result.missing_handles, std::vector<std::string>{"lost"});
}

TEST_F(Consistent, TakesWindowsReservationsAsUsed) {
  AddPool("a", "10.0.0.0/24");
  Assign("h1", kWindowsReservedHandle);
  const Consistency result = Compare(InputOf(client(), clock()));
  EXPECT_TRUE(result.leaked.empty());
  ASSERT_EQ(result.owners.size(), 1U);
  EXPECT_EQ(result.owners.begin()->second, std::vector<std::string>{"Reserved for Windows"});
}

TEST(AllocationsPerNode, AreSortedByNumber) {
  const auto of = [](const std::string& node) {
    Allocation allocation;
    allocation.attribute.secondary["node"] = node;
    return allocation;
  };
  EXPECT_EQ(AllocationsPerNode({of("a"), of("b"), of("b"), Allocation{}}),
            (std::vector<std::pair<std::string, int>>{{"b", 2}, {"a", 1}}));
}

}  // namespace
}  // namespace calico::ipam::testing
