// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "calc/graph.h"

namespace calico::calc {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using model::Key;
using model::Kind;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}
net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

class GraphBgpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    PutNode("node1", "172.30.200.36/24");
    PutNode("node2", "172.30.200.37/24");
    PutNode("node3", "172.30.200.38/24");
  }
  void Put(const Key& key, model::Object object) {
    model::UpdateBatch batch;
    batch.updates[key] = std::make_shared<const model::Object>(std::move(object));
    graph_.Apply(batch);
  }
  void PutNode(const std::string& name, const std::string& ipv4,
               std::optional<std::uint32_t> as_number = std::nullopt) {
    model::Node node;
    node.bgp = model::NodeBgp{};
    node.bgp->ipv4_address = ipv4;
    node.bgp->as_number = as_number;
    node.metadata.labels = {{"rack", name == "node1" ? "a" : "b"}};
    Put(Key::Resource(Kind::kNode, name), node);
  }
  void PutPeer(const std::string& name, const std::string& node, const std::string& ip,
               const std::string& node_selector = "") {
    model::BGPPeer peer;
    peer.node = node;
    peer.peer_ip = ip;
    peer.as_number = 65001;
    peer.node_selector = node_selector;
    Put(Key::Resource(Kind::kBGPPeer, name), peer);
  }
  BgpView View() const { return graph_.bgp_view(); }

  Graph graph_{"node1"};
};

TEST_F(GraphBgpTest, TheMeshHasEveryOtherNode) {
  const BgpView view = View();
  EXPECT_TRUE(view.node_exists);
  EXPECT_EQ(view.ipv4, C("172.30.200.36/24"));
  EXPECT_EQ(view.as_number, 64512U);
  EXPECT_THAT(view.peers,
              ElementsAre(BgpPeerView{BgpPeerView::Type::kMesh, I("172.30.200.37"), 179, 64512, "node2"},
                          BgpPeerView{BgpPeerView::Type::kMesh, I("172.30.200.38"), 179, 64512, "node3"}));
}

TEST_F(GraphBgpTest, WithoutOurNodeThereIsNothing) {
  Graph graph("elsewhere");
  EXPECT_FALSE(graph.bgp_view().node_exists);
}

TEST_F(GraphBgpTest, TheMeshCanBeOff) {
  model::BGPConfiguration configuration;
  configuration.node_to_node_mesh_enabled = false;
  configuration.as_number = 65100;
  configuration.listen_port = 1179;
  Put(Key::Resource(Kind::kBGPConfiguration, "default"), configuration);
  EXPECT_THAT(View().peers, IsEmpty());
  EXPECT_EQ(View().as_number, 65100U);
  EXPECT_EQ(View().listen_port, 1179);
}

TEST_F(GraphBgpTest, NodesHaveTheirOwnAsNumbers) {
  PutNode("node2", "172.30.200.37/24", 65002);
  EXPECT_EQ(View().peers[0].as_number, 65002U);
}

TEST_F(GraphBgpTest, FamiliesMeetOnlyTheirOwn) {
  model::Node node;
  node.bgp = model::NodeBgp{};
  node.bgp->ipv6_address = "fd00::2/64";
  Put(Key::Resource(Kind::kNode, "node2"), node);
  EXPECT_EQ(View().peers.size(), 1U);
}

TEST_F(GraphBgpTest, PeersAreGlobalOfANodeOrSelected) {
  PutPeer("a", "", "10.0.0.1");
  PutPeer("b", "node1", "10.0.0.2:1179");
  PutPeer("c", "node2", "10.0.0.3");
  PutPeer("d", "", "[fd00::9]:1179", "rack == 'a'");
  PutPeer("e", "", "10.0.0.5", "rack == 'b'");
  std::map<net::Ip, BgpPeerView> peers;
  for (const BgpPeerView& peer : View().peers) peers[peer.ip] = peer;
  EXPECT_EQ(peers.at(I("10.0.0.1")).type, BgpPeerView::Type::kGlobal);
  EXPECT_EQ(peers.at(I("10.0.0.2")).type, BgpPeerView::Type::kNode);
  EXPECT_EQ(peers.at(I("10.0.0.2")).port, 1179);
  EXPECT_EQ(peers.at(I("fd00::9")).port, 1179);
  EXPECT_EQ(peers.count(I("10.0.0.3")), 0U);
  EXPECT_EQ(peers.count(I("10.0.0.5")), 0U);
}

TEST_F(GraphBgpTest, AnExplicitPeerReplacesTheMeshSessionWithTheSameNeighbour) {
  PutPeer("a", "", "172.30.200.37");
  EXPECT_EQ(View().peers.size(), 2U);
}

TEST_F(GraphBgpTest, PoolsTellTheirEncapsulation) {
  model::IPPool pool;
  pool.cidr = "10.0.0.0/16";
  pool.ipip_mode = "CrossSubnet";
  pool.vxlan_mode = "Never";
  Put(Key::Resource(Kind::kIPPool, "p"), pool);
  ASSERT_EQ(View().pools.size(), 1U);
  EXPECT_EQ(View().pools[0].encapsulation, dataplane_api::Encapsulation::kIpip);
  EXPECT_TRUE(View().pools[0].cross_subnet);
}

}  // namespace
}  // namespace calico::calc
