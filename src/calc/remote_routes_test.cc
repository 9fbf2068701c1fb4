// SPDX-License-Identifier: Apache-2.0
// Which routes to other hosts the agent programs: examples. The law is in graph_permutation_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calc/graph.h"

namespace calico::calc {
namespace {

using dataplane_api::RemoteRoute;
using model::Key;
using model::Kind;
using model::Object;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Way = RemoteRoute::Way;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
RemoteRoute Route(Way way, const char* via, const char* node) {
  return {way, *net::Ip::Parse(via), node};
}

// node1 is us, node2 on our subnet, node3 on another one; each has a block of 10.65.0.0/16.
class RemoteRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    Put(Key::Resource(Kind::kNode, "node1"), Node("172.30.0.1/24", "10.65.1.1", "fd00:65:0:1::1"));
    Put(Key::Resource(Kind::kNode, "node2"), Node("172.30.0.2/24", "10.65.2.1", "fd00:65:0:2::1"));
    Put(Key::Resource(Kind::kNode, "node3"), Node("172.31.0.3/24", "10.65.3.1", "fd00:65:0:3::1"));
    for (const auto& [node, block] :
         {std::pair{"node1", "10.65.1.0/26"}, {"node2", "10.65.2.0/26"}, {"node3", "10.65.3.0/26"}})
      Affinity(node, block, model::AffinityState::kConfirmed);
    model::UpdateBatch in_sync;
    in_sync.in_sync = true;
    Take(graph_.Apply(in_sync));
  }
  static model::Node Node(const char* address, const char* tunnel, const char* tunnel_v6) {
    model::Node node;
    node.bgp = model::NodeBgp{};
    node.bgp->ipv4_address = address;
    node.bgp->ipv4_ipip_tunnel_addr = tunnel;
    node.ipv4_vxlan_tunnel_addr = tunnel;
    node.ipv6_vxlan_tunnel_addr = tunnel_v6;
    return node;
  }
  void Put(const Key& key, Object object) {
    std::visit(
        [&](auto& one) {
          if constexpr (requires { one.metadata; }) one.metadata.name = key.name;
        },
        object);
    model::UpdateBatch batch;
    batch.updates[key] = std::make_shared<const Object>(std::move(object));
    Take(graph_.Apply(batch));
  }
  void Remove(const Key& key) {
    model::UpdateBatch batch;
    batch.updates[key] = nullptr;
    Take(graph_.Apply(batch));
  }
  void Affinity(const char* node, const char* block, model::AffinityState state) {
    model::BlockAffinity affinity;
    affinity.state = state;
    Put({Kind::kBlockAffinity, node, block}, affinity);
  }
  void Pool(const char* ipip, const char* vxlan, const char* cidr = "10.65.0.0/16") {
    model::IPPool pool;
    pool.cidr = cidr;
    pool.ipip_mode = ipip;
    pool.vxlan_mode = vxlan;
    Put(Key::Resource(Kind::kIPPool, "pool"), pool);
  }
  void Container(const char* node, const char* ip) {
    model::WorkloadEndpoint endpoint;
    endpoint.node = node;
    endpoint.ip_networks = {ip};
    Put(Key::Resource(Kind::kWorkloadEndpoint, "container", "default"), endpoint);
  }
  void Settings(const char* program_cluster_routes) {
    model::FelixConfiguration felix;
    felix.other_parameters["programClusterRoutes"] = std::string("\"") + program_cluster_routes + "\"";
    Put(Key::Resource(Kind::kFelixConfiguration, "default"), felix);
  }
  void Take(const dataplane_api::Batch& batch) {
    for (const auto& [destination, route] : batch.routes) {
      if (route)
        routes_[destination] = *route;
      else
        ASSERT_EQ(routes_.erase(destination), 1U) << destination.ToString();
    }
    if (batch.host) host_ = *batch.host;
  }

  Graph graph_{"node1"};
  std::map<net::Cidr, RemoteRoute> routes_;
  dataplane_api::HostSettings host_;
};

TEST_F(RemoteRoutesTest, VxlanIsTheAgentsAlsoWhereBirdRuns) {
  Pool("", "Always");
  EXPECT_THAT(routes_, ElementsAre(Pair(C("10.65.2.0/26"), Route(Way::kVxlan, "10.65.2.1", "node2")),
                                   Pair(C("10.65.3.0/26"), Route(Way::kVxlan, "10.65.3.1", "node3"))));
  EXPECT_FALSE(graph_.bgp_view().pools.at(0).speaker_routes);
}

TEST_F(RemoteRoutesTest, CrossSubnetGoesDirectlyOnOurOwnSubnet) {
  Pool("", "CrossSubnet");
  EXPECT_THAT(routes_, ElementsAre(Pair(C("10.65.2.0/26"), Route(Way::kDirect, "172.30.0.2", "node2")),
                                   Pair(C("10.65.3.0/26"), Route(Way::kVxlan, "10.65.3.1", "node3"))));
}

TEST_F(RemoteRoutesTest, IpipAndUnencapsulatedPoolsAreBirds) {
  for (const char* mode : {"Always", "CrossSubnet", "Never"}) {
    Pool(mode, "");
    EXPECT_THAT(routes_, IsEmpty()) << mode;
    EXPECT_TRUE(graph_.bgp_view().pools.at(0).speaker_routes);
  }
}

TEST_F(RemoteRoutesTest, TheAgentTakesThemOverWhenItIsToldTo) {
  Settings("Enabled");
  Pool("Always", "");
  EXPECT_THAT(routes_, ElementsAre(Pair(C("10.65.2.0/26"), Route(Way::kIpip, "172.30.0.2", "node2")),
                                   Pair(C("10.65.3.0/26"), Route(Way::kIpip, "172.31.0.3", "node3"))));
  EXPECT_FALSE(graph_.bgp_view().pools.at(0).speaker_routes);
  Pool("CrossSubnet", "");
  EXPECT_EQ(routes_.at(C("10.65.2.0/26")), Route(Way::kDirect, "172.30.0.2", "node2"));
  EXPECT_EQ(routes_.at(C("10.65.3.0/26")), Route(Way::kIpip, "172.31.0.3", "node3"));
  Settings("Disabled");
  EXPECT_THAT(routes_, IsEmpty());
  EXPECT_TRUE(graph_.bgp_view().pools.at(0).speaker_routes);
}

TEST_F(RemoteRoutesTest, NeitherIsTheOwnerWhenBgpIsToldToLeaveRoutesAlone) {
  model::BGPConfiguration bgp;
  bgp.program_cluster_routes = "Disabled";
  Put(Key::Resource(Kind::kBGPConfiguration, "default"), bgp);
  Pool("Always", "");
  EXPECT_THAT(routes_, IsEmpty());
  EXPECT_FALSE(graph_.bgp_view().pools.at(0).speaker_routes);
}

TEST_F(RemoteRoutesTest, WithoutEncapsulationAnotherSubnetIsOutOfReachAndNamed) {
  Settings("Enabled");
  Pool("", "");
  EXPECT_THAT(routes_, ElementsAre(Pair(C("10.65.2.0/26"), Route(Way::kDirect, "172.30.0.2", "node2"))));
  EXPECT_THAT(graph_.unreachable(), ElementsAre(HasSubstr("node3 in pool pool: it is on another subnet")));
  Put(Key::Resource(Kind::kNode, "node3"), Node("172.30.0.3/24", "", ""));
  EXPECT_EQ(routes_.at(C("10.65.3.0/26")), Route(Way::kDirect, "172.30.0.3", "node3"));
  EXPECT_THAT(graph_.unreachable(), IsEmpty());
}

TEST_F(RemoteRoutesTest, ABorrowedAddressIsRoutedToItsBorrower) {
  Pool("", "Always");
  Container("node3", "10.65.2.7/32");  // of node2's block
  EXPECT_EQ(routes_.at(C("10.65.2.7/32")), Route(Way::kVxlan, "10.65.3.1", "node3"));
  Container("node3", "10.65.1.7/32");  // of ours
  EXPECT_FALSE(routes_.contains(C("10.65.2.7/32")));
  EXPECT_EQ(routes_.at(C("10.65.1.7/32")), Route(Way::kVxlan, "10.65.3.1", "node3"));
  Container("node3", "10.65.9.7/32");  // of nobody's
  EXPECT_EQ(routes_.at(C("10.65.9.7/32")), Route(Way::kVxlan, "10.65.3.1", "node3"));
  Affinity("node3", "10.65.9.0/26", model::AffinityState::kConfirmed);
  EXPECT_FALSE(routes_.contains(C("10.65.9.7/32"))) << "its block leads there";
  Container("node1", "10.65.2.7/32");
  EXPECT_FALSE(routes_.contains(C("10.65.2.7/32"))) << "it is here";
  Remove(Key::Resource(Kind::kWorkloadEndpoint, "container", "default"));
  EXPECT_EQ(routes_.size(), 3U);
}

TEST_F(RemoteRoutesTest, OnlyConfirmedBlocksAreRouted) {
  Pool("", "Always");
  Affinity("node2", "10.65.4.0/26", model::AffinityState::kPending);
  EXPECT_FALSE(routes_.contains(C("10.65.4.0/26")));
  Affinity("node2", "10.65.4.0/26", model::AffinityState::kConfirmed);
  EXPECT_TRUE(routes_.contains(C("10.65.4.0/26")));
  Affinity("node2", "10.65.4.0/26", model::AffinityState::kPendingDeletion);
  EXPECT_FALSE(routes_.contains(C("10.65.4.0/26")));
}

TEST_F(RemoteRoutesTest, RoutesFollowTheirNode) {
  Pool("", "Always");
  Put(Key::Resource(Kind::kNode, "node2"), Node("172.30.0.2/24", "10.65.2.9", ""));
  EXPECT_EQ(routes_.at(C("10.65.2.0/26")), Route(Way::kVxlan, "10.65.2.9", "node2"));
  Put(Key::Resource(Kind::kNode, "node2"), Node("172.30.0.2/24", "", ""));
  EXPECT_FALSE(routes_.contains(C("10.65.2.0/26")));
  EXPECT_THAT(graph_.unreachable(),
              ElementsAre(HasSubstr("node2 in pool pool: it has no VXLAN tunnel address yet")));
  Remove(Key::Resource(Kind::kNode, "node2"));
  EXPECT_THAT(graph_.unreachable(), ElementsAre(HasSubstr("there is no such node")));
  Remove({Kind::kBlockAffinity, "node2", "10.65.2.0/26"});
  EXPECT_THAT(graph_.unreachable(), IsEmpty());
}

TEST_F(RemoteRoutesTest, DevicesFollowThePools) {
  EXPECT_FALSE(host_.tunnels.ipip || host_.tunnels.vxlan_v4 || host_.tunnels.vxlan_v6);
  Pool("CrossSubnet", "");
  EXPECT_EQ(host_.tunnels.ipip.value().address, net::Ip::Parse("10.65.1.1"));
  Pool("", "Always");
  EXPECT_FALSE(host_.tunnels.ipip);
  // "66" and the first five bytes of the name's SHA-1.
  EXPECT_EQ(host_.tunnels.vxlan_v4.value().mac, net::Mac::Parse("66:f9:37:c3:7e:94"));
  Pool("", "Always", "fd00:65::/48");
  EXPECT_FALSE(host_.tunnels.vxlan_v4);
  EXPECT_EQ(host_.tunnels.vxlan_v6.value().address, net::Ip::Parse("fd00:65:0:1::1"));
}

}  // namespace
}  // namespace calico::calc
