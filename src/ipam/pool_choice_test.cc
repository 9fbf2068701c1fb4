// SPDX-License-Identifier: Apache-2.0
#include "ipam/pool_choice.h"

#include <set>

#include <gtest/gtest.h>

#include "ipam/block_order.h"

namespace calico::ipam {
namespace {

model::IPPool Resource(const std::string& name, const std::string& cidr) {
  model::IPPool pool;
  pool.metadata.name = name;
  pool.cidr = cidr;
  return pool;
}

std::vector<std::string> Chosen(const std::vector<model::IPPool>& resources, const PoolRequest& request) {
  const auto chosen = ChoosePools(ParsePools(resources), request);
  std::vector<std::string> names;
  if (!chosen.has_value()) return {chosen.error().message()};
  for (const Pool& pool : *chosen) names.push_back(pool.resource.metadata.name);
  return names;
}

using Names = std::vector<std::string>;

TEST(PoolChoice, LeavesOutOtherFamiliesDisabledAndManualPools) {
  model::IPPool disabled = Resource("disabled", "10.1.0.0/16");
  disabled.disabled = true;
  model::IPPool manual = Resource("manual", "10.2.0.0/16");
  manual.assignment_mode = "Manual";
  EXPECT_EQ(Chosen({Resource("v6", "fd00::/64"), disabled, manual, Resource("good", "10.3.0.0/16")},
                   {.requested = {}, .intended_use = "Workload", .host = "h", .node_labels = {}}),
            Names{"good"});
  EXPECT_EQ(Chosen({manual}, {.requested = {net::Cidr::Parse("10.2.0.0/16").value()},
                              .intended_use = "Workload",
                              .host = "h",
                              .node_labels = {}}),
            Names{"manual"});
}

TEST(PoolChoice, FiltersByUseRequestedPoolsToo) {
  model::IPPool tunnel = Resource("tunnel", "10.1.0.0/16");
  tunnel.allowed_uses = {"Tunnel"};
  EXPECT_EQ(Chosen({tunnel, Resource("both", "10.2.0.0/16")},
                   {.requested = {}, .intended_use = "Workload", .host = "h", .node_labels = {}}),
            Names{"both"});
  EXPECT_FALSE(ChoosePools(ParsePools({tunnel}), {.requested = {net::Cidr::Parse("10.1.0.0/16").value()},
                                                  .intended_use = "Workload",
                                                  .host = "h",
                                                  .node_labels = {}})
                   .has_value());
}

TEST(PoolChoice, SelectsByNodeLabels) {
  model::IPPool rack = Resource("rack", "10.1.0.0/16");
  rack.node_selector = "rack == 'r1'";
  model::IPPool broken = Resource("broken", "10.2.0.0/16");
  broken.node_selector = "rack ==";
  model::IPPool namespaced = Resource("namespaced", "10.3.0.0/16");
  namespaced.namespace_selector = "has(team)";
  EXPECT_EQ(
      Chosen({rack, broken, namespaced},
             {.requested = {}, .intended_use = "Workload", .host = "h", .node_labels = {{"rack", "r1"}}}),
      Names{"rack"});
  EXPECT_EQ(Chosen({rack}, {.requested = {}, .intended_use = "Workload", .host = "h", .node_labels = {}}),
            Names{"no configured Calico pools for node h"});
}

TEST(PoolChoice, IgnoresPoolsThatNoBlockFits) {
  model::IPPool huge = Resource("huge", "10.0.0.0/8");
  huge.block_size = 12;
  EXPECT_TRUE(ParsePools({huge, Resource("text", "ten/8")}).empty());
}

TEST(BlockOrder, WalksEveryBlockOnce) {
  BlockOrder order(net::Cidr::Parse("10.0.0.0/20").value(), 26, HostSeed("host-a"));
  std::set<net::Cidr> seen;
  while (const auto block = order.Next()) EXPECT_TRUE(seen.insert(*block).second);
  EXPECT_EQ(seen.size(), 64U);
  EXPECT_EQ(seen.begin()->ToString(), "10.0.0.0/26");
  EXPECT_EQ(seen.rbegin()->ToString(), "10.0.15.192/26");
}

TEST(BlockOrder, IsStablePerHostAndSpreadOverHosts) {
  const net::Cidr pool = net::Cidr::Parse("192.168.0.0/16").value();
  std::set<net::Cidr> starts;
  for (int i = 0; i < 20; ++i) {
    const std::uint32_t seed = HostSeed("calico-node" + std::to_string(i));
    const auto first = BlockOrder(pool, 26, seed).Next();
    EXPECT_EQ(first, BlockOrder(pool, 26, seed).Next());
    starts.insert(first.value());
  }
  EXPECT_GE(starts.size(), 18U);
}

TEST(BlockOrder, ManagesHugeAndTinyPools) {
  for (const char* text : {"fd00::/20", "fd80:24e2:f998:72d6::/64", "fd00::/122"}) {
    const net::Cidr pool = net::Cidr::Parse(text).value();
    BlockOrder order(pool, 122, HostSeed("h"));
    const auto first = order.Next();
    ASSERT_TRUE(first.has_value());
    EXPECT_TRUE(pool.Contains(*first)) << first->ToString();
    EXPECT_EQ(order.DistanceOf(*first), 0U);
  }
  EXPECT_FALSE(BlockOrder(net::Cidr::Parse("10.0.0.0/27").value(), 26, 1).Next().has_value());
}

// Test vectors of the FNV-1 authors.
TEST(BlockOrder, HashesAsFnv1) {
  EXPECT_EQ(HostSeed(""), 0x811c9dc5U);
  EXPECT_EQ(HostSeed("a"), 0x050c5d7eU);
  EXPECT_EQ(HostSeed("foobar"), 0x31f0b262U);
}

}  // namespace
}  // namespace calico::ipam
