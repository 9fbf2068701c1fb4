// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/node/default_pools.h"
#include "datastore/testing/fake_client.h"

namespace calico::node {
namespace {

using ::testing::MatchesRegex;
using Variables = std::map<std::string, std::string>;

class DefaultPools : public ::testing::Test {
 protected:
  Result<std::vector<model::IPPool>> Plan(const Variables& variables, bool has_ipv6 = true) {
    const Environment environment(variables);
    datastore::Resources resources(store_, clock_);
    return PlanDefaultPools(
        {environment, store_, clock_, host_, KernelSourceTowards, "node1", "v9", has_ipv6}, resources);
  }
  // The CIDRs, or the error's text.
  std::string Cidrs(const Variables& variables, bool has_ipv6 = true) {
    const auto pools = Plan(variables, has_ipv6);
    if (!pools.has_value()) return pools.error().message();
    std::string text;
    for (const model::IPPool& pool : *pools) text += (text.empty() ? "" : " ") + pool.cidr;
    return text;
  }
  void HostHas(const std::string& cidr) { host_.addresses.push_back({2, *net::Cidr::Parse(cidr)}); }

  datastore::testing::FakeClient store_;
  const SystemClock clock_;
  HostAddresses host_;
};

TEST_F(DefaultPools, Ipv6IsARandomUniqueLocalPrefix) {
  const Variables only_v6{{"CALICO_IPV4POOL_CIDR", "none"}};
  const std::string first = Cidrs(only_v6);
  EXPECT_THAT(first, MatchesRegex("fd[0-9a-f]{2}:[0-9a-f]+:[0-9a-f]+::/48"));
  EXPECT_NE(first, Cidrs(only_v6));
}

TEST_F(DefaultPools, Ipv6NeedsTheKernelAndFelix) {
  EXPECT_EQ(Cidrs({}, false), "192.168.0.0/16");
  EXPECT_EQ(Cidrs({{"FELIX_IPV6SUPPORT", "false"}}), "192.168.0.0/16");
}

TEST_F(DefaultPools, NoDefaultPoolsMeansNone) {
  EXPECT_EQ(Cidrs({{"NO_DEFAULT_POOLS", "True"}}), "");
  EXPECT_EQ(Cidrs({{"NO_DEFAULT_POOLS", "false"}}, false), "192.168.0.0/16");
  for (const char* variable : {"CALICO_IPV4POOL_CIDR", "CALICO_IPV6POOL_CIDR"}) {
    EXPECT_EQ(Cidrs({{"NO_DEFAULT_POOLS", "true"}, {variable, "10.0.0.0/16"}}),
              "NO_DEFAULT_POOLS and " + std::string(variable) + " are both set: unset one of them");
  }
}

TEST_F(DefaultPools, TheHostsAddressAnywhereInThePoolMovesIt) {
  HostHas("192.168.255.1/32");
  EXPECT_EQ(Cidrs({}, false), "172.16.0.0/16");
  HostHas("172.16.0.1/12");
  EXPECT_EQ(Cidrs({}, false), "192.168.0.0/16") << "172.16.0.0/12 leaves no candidate: the first, as if free";
}

TEST_F(DefaultPools, AnAskedForPoolIsNotMoved) {
  HostHas("192.168.1.1/24");
  EXPECT_EQ(Cidrs({{"CALICO_IPV4POOL_CIDR", "192.168.0.0/16"}}, false), "192.168.0.0/16");
}

TEST_F(DefaultPools, EveryVariableIsRead) {
  const auto pools = Plan({{"CALICO_IPV4POOL_CIDR", "10.7.1.2/16"},
                           {"CALICO_IPV4POOL_VXLAN", "Always"},
                           {"CALICO_IPV4POOL_NODE_SELECTOR", "rack == 'r1'"},
                           {"CALICO_IPV4POOL_DISABLE_BGP_EXPORT", "true"},
                           {"CALICO_IPV4POOL_NAT_OUTGOING", "No"},
                           {"CALICO_IPV4POOL_BLOCK_SIZE", "28"},
                           {"CALICO_IPV6POOL_CIDR", "fd00:7::/64"},
                           {"CALICO_IPV6POOL_NAT_OUTGOING", "true"},
                           {"CALICO_IPV6POOL_VXLAN", "cross-subnet"},
                           {"CALICO_IPV6POOL_NODE_SELECTOR", "rack == 'r2'"},
                           {"CALICO_IPV6POOL_DISABLE_BGP_EXPORT", "yes"},
                           {"CALICO_IPV6POOL_BLOCK_SIZE", "120"}});
  ASSERT_TRUE(pools.has_value()) << pools.error().message();
  ASSERT_EQ(pools->size(), 2U);
  model::IPPool v4, v6;
  v4.metadata.name = "default-ipv4-ippool";
  v4.cidr = "10.7.0.0/16";
  v4.ipip_mode = "Never";
  v4.vxlan_mode = "Always";
  v4.node_selector = "rack == 'r1'";
  v4.disable_bgp_export = true;
  v4.nat_outgoing = false;
  v4.block_size = 28;
  v6.metadata.name = "default-ipv6-ippool";
  v6.cidr = "fd00:7::/64";
  v6.ipip_mode = "Never";
  v6.vxlan_mode = "CrossSubnet";
  v6.node_selector = "rack == 'r2'";
  v6.disable_bgp_export = true;
  v6.nat_outgoing = true;
  v6.block_size = 120;
  EXPECT_EQ((*pools)[0], v4);
  EXPECT_EQ((*pools)[1], v6);
}

TEST_F(DefaultPools, WhatIsNotSaidHasUpstreamsDefaults) {
  const auto pools = Plan({{"CALICO_IPV4POOL_IPIP", ""}, {"CALICO_IPV6POOL_CIDR", "fd00:7::/64"}});
  ASSERT_TRUE(pools.has_value() && pools->size() == 2U);
  const model::IPPool &v4 = (*pools)[0], &v6 = (*pools)[1];
  EXPECT_TRUE(v4.nat_outgoing);
  EXPECT_FALSE(v6.nat_outgoing);
  EXPECT_EQ(v4.ipip_mode + " " + v4.vxlan_mode + " " + v6.vxlan_mode, "Never Never Never");
  EXPECT_EQ(v4.block_size, 26);
  EXPECT_EQ(v6.block_size, 122);
  EXPECT_EQ(v4.node_selector + v6.node_selector, "all()all()");
  EXPECT_FALSE(v4.disable_bgp_export || v6.disable_bgp_export);
}

TEST_F(DefaultPools, EncapsulationIsReadInTheWordsOfBothEras) {
  for (const auto& [word, mode] : std::map<std::string, std::string>{{"off", "Never"},
                                                                     {"never", "Never"},
                                                                     {"always", "Always"},
                                                                     {"Always", "Always"},
                                                                     {"cross-subnet", "CrossSubnet"},
                                                                     {"CrossSubnet", "CrossSubnet"}}) {
    const auto pools = Plan({{"CALICO_IPV4POOL_IPIP", word}}, false);
    ASSERT_TRUE(pools.has_value() && pools->size() == 1U) << word;
    EXPECT_EQ((*pools)[0].ipip_mode, mode);
  }
}

TEST_F(DefaultPools, VxlanOfIpv6DoesNotDependOnTheIpv4Pool) {
  const auto pools = Plan({{"CALICO_IPV4POOL_CIDR", "none"}, {"CALICO_IPV6POOL_VXLAN", "Always"}});
  ASSERT_TRUE(pools.has_value() && pools->size() == 1U);
  EXPECT_EQ((*pools)[0].vxlan_mode, "Always") << "upstream reads it only beside an IPv4 pool";
}

TEST_F(DefaultPools, BadValuesNameTheVariable) {
  for (const auto& [variable, value] : std::vector<std::pair<std::string, std::string>>{
           {"CALICO_IPV4POOL_CIDR", "10.0.0.0/33"},
           {"CALICO_IPV4POOL_CIDR", "fd00::/64"},
           {"CALICO_IPV4POOL_IPIP", "yes"},
           {"CALICO_IPV4POOL_VXLAN", "on"},
           {"CALICO_IPV4POOL_BLOCK_SIZE", "19"},
           {"CALICO_IPV4POOL_BLOCK_SIZE", "26x"},
           {"CALICO_IPV6POOL_CIDR", "10.0.0.0/16"},
           {"CALICO_IPV6POOL_BLOCK_SIZE", "129"},
           {"CALICO_IPV6POOL_VXLAN", "maybe"},
       }) {
    const std::string text = Cidrs({{variable, value}});
    EXPECT_TRUE(text.starts_with(variable + "='" + value + "': ")) << text;
  }
  EXPECT_EQ(Cidrs({{"CALICO_IPV4POOL_IPIP", "Always"}, {"CALICO_IPV4POOL_VXLAN", "CrossSubnet"}}),
            "CALICO_IPV4POOL_VXLAN='CrossSubnet': a pool cannot use both IPIP and VXLAN");
}

TEST_F(DefaultPools, ABlockMustFitIntoItsPool) {
  EXPECT_EQ(Cidrs({{"CALICO_IPV4POOL_CIDR", "10.7.0.0/28"}}, false),
            "CALICO_IPV4POOL_BLOCK_SIZE='26': the pool 10.7.0.0/28 is smaller than one block");
}

TEST_F(DefaultPools, AStoreThatIsAwayIsNotAnEmptyOne) {
  store_.FailNext(datastore::testing::Operation::kList, Error(ErrorCode::kUnavailable, "store away"));
  const auto pools = Plan({});
  ASSERT_FALSE(pools.has_value());
  EXPECT_EQ(pools.error().code(), ErrorCode::kUnavailable);
}

}  // namespace
}  // namespace calico::node
