// SPDX-License-Identifier: Apache-2.0
#include "apps/node/tunnel_addresses.h"

#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"
#include "ipam/allocator.h"
#include "model/codec/json.h"

namespace calico::node {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

class TunnelAddressesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    model::Node node;
    node.metadata.name = "node1";
    node.bgp = model::NodeBgp{};
    node.bgp->ipv4_address = "172.30.0.1/24";
    ASSERT_TRUE(resources_.Create(node).has_value());
  }
  void Pool(const std::string& name, const std::string& cidr, const std::string& ipip,
            const std::string& vxlan, bool disabled = false) {
    const auto stored = resources_.Get(model::Key::Resource(model::Kind::kIPPool, name));
    model::IPPool pool = stored.has_value() ? std::get<model::IPPool>(stored->object) : model::IPPool();
    pool.metadata.name = name;
    pool.cidr = cidr;
    pool.ipip_mode = ipip;
    pool.vxlan_mode = vxlan;
    pool.disabled = disabled;
    const auto written = stored.has_value() ? resources_.Update(pool) : resources_.Create(pool);
    ASSERT_TRUE(written.has_value()) << written.error().message();
  }
  model::Node Node() {
    return std::get<model::Node>(resources_.Get(model::Key::Resource(model::Kind::kNode, "node1"))->object);
  }
  void Put(const std::function<void(model::Node&)>& change) {
    model::Node node = Node();
    change(node);
    ASSERT_TRUE(resources_.Update(node).has_value());
  }
  Status Ensure() { return EnsureTunnelAddresses(store_, clock_, "node1"); }
  std::optional<model::AllocationAttribute> Allocation(const std::string& ip) {
    return *ipam::ReadAllocation(store_, clock_, *net::Ip::Parse(ip));
  }

  datastore::testing::FakeClient store_;
  const SystemClock clock_;
  datastore::Resources resources_{store_, clock_};
};

TEST_F(TunnelAddressesTest, EachEncapsulationGetsOneAddressWithItsOwner) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  Pool("b", "10.2.0.0/16", "Never", "CrossSubnet");
  Pool("six", "fd80::/64", "Never", "Always");
  ASSERT_TRUE(Ensure().has_value());
  const model::Node node = Node();
  EXPECT_THAT(node.bgp->ipv4_ipip_tunnel_addr, StartsWith("10.1."));
  EXPECT_THAT(node.ipv4_vxlan_tunnel_addr, StartsWith("10.2."));
  EXPECT_THAT(node.ipv6_vxlan_tunnel_addr, StartsWith("fd80:"));
  const auto allocation = Allocation(node.bgp->ipv4_ipip_tunnel_addr);
  ASSERT_TRUE(allocation.has_value());
  EXPECT_EQ(allocation->handle_id, "ipip-tunnel-addr-node1");
  EXPECT_EQ(allocation->secondary,
            (std::map<std::string, std::string>{{"node", "node1"}, {"type", "ipipTunnelAddress"}}));
}

TEST_F(TunnelAddressesTest, ASecondLookChangesNothing) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  ASSERT_TRUE(Ensure().has_value());
  const auto before = store_.content();
  ASSERT_TRUE(Ensure().has_value());
  EXPECT_EQ(store_.content(), before);
}

TEST_F(TunnelAddressesTest, WithoutAPoolThatWantsItTheAddressIsGivenBack) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  ASSERT_TRUE(Ensure().has_value());
  const std::string address = Node().bgp->ipv4_ipip_tunnel_addr;
  Pool("a", "10.1.0.0/16", "Never", "Never");
  ASSERT_TRUE(Ensure().has_value());
  EXPECT_EQ(Node().bgp->ipv4_ipip_tunnel_addr, "");
  EXPECT_FALSE(Allocation(address).has_value());
}

TEST_F(TunnelAddressesTest, AnAddressOutsideThePoolsIsReplaced) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  ASSERT_TRUE(Ensure().has_value());
  const std::string address = Node().bgp->ipv4_ipip_tunnel_addr;
  Pool("b", "10.2.0.0/16", "Always", "Never");
  Pool("a", "10.1.0.0/16", "Always", "Never", true);
  ASSERT_TRUE(Ensure().has_value());
  EXPECT_THAT(Node().bgp->ipv4_ipip_tunnel_addr, StartsWith("10.2."));
  EXPECT_FALSE(Allocation(address).has_value());
}

TEST_F(TunnelAddressesTest, AnAddressOfCalico26IsKeptAndGetsAnOwner) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  ipam::Allocator allocator(store_, clock_, "node1");
  ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse("10.1.0.9"), {}).has_value());
  Put([](model::Node& node) { node.bgp->ipv4_ipip_tunnel_addr = "10.1.0.9"; });
  ASSERT_TRUE(Ensure().has_value());
  EXPECT_EQ(Node().bgp->ipv4_ipip_tunnel_addr, "10.1.0.9");
  EXPECT_EQ(Allocation("10.1.0.9")->handle_id, "ipip-tunnel-addr-node1");
}

TEST_F(TunnelAddressesTest, AnAddressThatIsAWorkloadsIsLeftToIt) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  ipam::Allocator allocator(store_, clock_, "node1");
  ASSERT_TRUE(allocator.AssignIp(*net::Ip::Parse("10.1.0.9"), {"container", {}}).has_value());
  Put([](model::Node& node) { node.bgp->ipv4_ipip_tunnel_addr = "10.1.0.9"; });
  ASSERT_TRUE(Ensure().has_value());
  EXPECT_NE(Node().bgp->ipv4_ipip_tunnel_addr, "10.1.0.9");
  EXPECT_EQ(Allocation("10.1.0.9")->handle_id, "container");
}

TEST_F(TunnelAddressesTest, AnAddressThatIsNotAllocatedIsReplaced) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  Put([](model::Node& node) { node.bgp->ipv4_ipip_tunnel_addr = "10.1.7.7"; });
  ASSERT_TRUE(Ensure().has_value());
  const std::string address = Node().bgp->ipv4_ipip_tunnel_addr;
  EXPECT_NE(address, "10.1.7.7");
  EXPECT_TRUE(Allocation(address).has_value());
}

TEST_F(TunnelAddressesTest, WhatAFailedCallAssignedIsReleased) {
  Pool("a", "10.1.0.0/16", "Always", "Never");
  Pool("six", "fd80::/122", "Never", "Always");
  ipam::Allocator allocator(store_, clock_, "other");
  for (int i = 0; i < 64; ++i)
    ASSERT_TRUE(
        allocator.AssignIp(net::Ip::Parse("fd80::")->Plus(static_cast<std::uint64_t>(i)), {"full", {}})
            .has_value());
  const Status status = Ensure();
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message(), HasSubstr("no VXLAN IPv6 tunnel address"));
  EXPECT_EQ(Node().bgp->ipv4_ipip_tunnel_addr, "");
  EXPECT_EQ(allocator.ListAllocations()->size(), 64U);
}

}  // namespace
}  // namespace calico::node
