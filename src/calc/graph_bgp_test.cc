// SPDX-License-Identifier: Apache-2.0
#include <functional>

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
               std::optional<std::uint32_t> as_number = std::nullopt, const std::string& ipv6 = "",
               const std::string& cluster_id = "") {
    model::Node node;
    node.bgp = model::NodeBgp{};
    node.bgp->ipv4_address = ipv4;
    node.bgp->ipv6_address = ipv6;
    node.bgp->route_reflector_cluster_id = cluster_id;
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
  EXPECT_THAT(
      view.peers,
      ElementsAre(BgpPeerView{BgpPeerView::Type::kMesh, I("172.30.200.37"), 179, 64512, "node2", 0, true},
                  BgpPeerView{BgpPeerView::Type::kMesh, I("172.30.200.38"), 179, 64512, "node3", 0, true}));
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
  PutNode("node1", "172.30.200.36/24", std::nullopt, "fd00::1/64");
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

// Of node1, by the other's address.
class GraphBgpSessionsTest : public GraphBgpTest {
 protected:
  void Peer(const std::string& name, const std::function<void(model::BGPPeer&)>& set) {
    model::BGPPeer peer;
    set(peer);
    Put(Key::Resource(Kind::kBGPPeer, name), peer);
  }
  std::map<std::string, BgpPeerView> Sessions() const {
    std::map<std::string, BgpPeerView> sessions;
    for (const BgpPeerView& peer : View().peers) sessions[peer.ip.ToString()] = peer;
    return sessions;
  }
  void MeshOff() {
    model::BGPConfiguration configuration;
    configuration.node_to_node_mesh_enabled = false;
    Put(Key::Resource(Kind::kBGPConfiguration, "default"), configuration);
  }
};

TEST_F(GraphBgpSessionsTest, NodesThatAPeerSelectsAreMetFromBothSides) {
  MeshOff();
  // All of rack b peer with all of rack a: we are in a, and on the far side.
  Peer("racks", [](model::BGPPeer& peer) {
    peer.node_selector = "rack == 'b'";
    peer.peer_selector = "rack == 'a'";
    peer.max_restart_time = "2m";
  });
  const auto sessions = Sessions();
  ASSERT_EQ(sessions.size(), 2U);
  EXPECT_EQ(sessions.at("172.30.200.37").node, "node2");
  EXPECT_EQ(sessions.at("172.30.200.37").type, BgpPeerView::Type::kNode);
  EXPECT_EQ(sessions.at("172.30.200.37").restart_seconds, 120);
  Peer("racks", [](model::BGPPeer& peer) {
    peer.node_selector = "rack == 'b'";
    peer.peer_selector = "rack == 'a'";
    peer.reverse_peering = "Manual";
  });
  EXPECT_THAT(Sessions(), IsEmpty());
}

TEST_F(GraphBgpSessionsTest, AReflectorServesItsClientsAndLeavesTheMesh) {
  PutNode("node1", "172.30.200.36/24", std::nullopt, "", "244.0.0.1");
  EXPECT_THAT(Sessions(), IsEmpty()) << "no mesh";
  Peer("clients", [](model::BGPPeer& peer) { peer.peer_selector = "rack == 'a'"; });
  const auto sessions = Sessions();
  ASSERT_EQ(sessions.size(), 2U);
  EXPECT_TRUE(sessions.at("172.30.200.37").reflect);
  EXPECT_FALSE(sessions.at("172.30.200.37").reflects_us);
  // Another reflector of the same cluster is none of our clients, one of another cluster is.
  PutNode("node2", "172.30.200.37/24", std::nullopt, "", "244.0.0.1");
  EXPECT_FALSE(Sessions().at("172.30.200.37").reflect);
  PutNode("node2", "172.30.200.37/24", std::nullopt, "", "244.0.0.2");
  EXPECT_TRUE(Sessions().at("172.30.200.37").reflect);
  PutNode("node2", "172.30.200.37/24", 65002);
  EXPECT_FALSE(Sessions().at("172.30.200.37").reflect) << "of another AS";
}

TEST_F(GraphBgpSessionsTest, AClientMeetsItsReflectorsOnly) {
  PutNode("node2", "172.30.200.37/24", std::nullopt, "", "244.0.0.1");
  EXPECT_EQ(Sessions().size(), 1U) << "a reflector is no part of the mesh";
  MeshOff();
  Peer("reflectors", [](model::BGPPeer& peer) {
    peer.node_selector = "rack == 'a'";
    peer.peer_selector = "rack == 'b'";
  });
  EXPECT_EQ(Sessions().size(), 2U);
  EXPECT_FALSE(Sessions().at("172.30.200.37").reflect);
  EXPECT_TRUE(Sessions().at("172.30.200.37").reflects_us);
}

TEST_F(GraphBgpSessionsTest, WorkloadsOfThisHostThatAreSelectedHaveSessionsOfTheirOwn) {
  MeshOff();
  const auto put_workload = [this](const std::string& name, const std::string& node,
                                   const std::string& role) {
    model::WorkloadEndpoint endpoint;
    endpoint.metadata.ns = "default";
    endpoint.metadata.labels = {{"role", role}};
    endpoint.node = node;
    endpoint.interface_name = "cali" + name;
    endpoint.ip_networks = {"10.65.1." + name + "/32", "fd65::" + name + "/128"};
    endpoint.profiles = {"with-labels"};
    Put(Key::Resource(Kind::kWorkloadEndpoint, name, "default"), endpoint);
  };
  graph_.TakeBgpChanged();
  put_workload("1", "node1", "router");
  EXPECT_FALSE(graph_.TakeBgpChanged()) << "nobody asks for workloads";
  put_workload("2", "node1", "other");
  put_workload("3", "node2", "router");
  const auto select = [this](const std::string& selector) {
    Peer("workloads", [&](model::BGPPeer& peer) {
      peer.local_workload_selector = selector;
      peer.as_number = 65010;
    });
  };
  select("role == 'router'");
  EXPECT_THAT(Sessions(), IsEmpty()) << "there is no address for them";
  model::BGPConfiguration configuration;
  configuration.node_to_node_mesh_enabled = false;
  configuration.local_workload_peering_ipv4 = "169.254.0.179";
  Put(Key::Resource(Kind::kBGPConfiguration, "default"), configuration);
  ASSERT_EQ(Sessions().size(), 1U);
  const BgpPeerView session = Sessions().at("10.65.1.1");
  EXPECT_EQ(session.type, BgpPeerView::Type::kLocalWorkload);
  EXPECT_EQ(session.local_ip, I("169.254.0.179"));
  EXPECT_EQ(session.as_number, 65010U);
  EXPECT_TRUE(session.passive);
  graph_.TakeBgpChanged();
  put_workload("4", "node1", "router");
  EXPECT_TRUE(graph_.TakeBgpChanged());
  EXPECT_EQ(Sessions().size(), 2U);
  // Labels of profiles count.
  select("given == 'here'");
  EXPECT_THAT(Sessions(), IsEmpty());
  model::Profile profile;
  profile.labels_to_apply = {{"given", "here"}};
  Put(Key::Resource(Kind::kProfile, "with-labels"), profile);
  EXPECT_TRUE(graph_.TakeBgpChanged());
  EXPECT_EQ(Sessions().size(), 3U);
}

TEST_F(GraphBgpSessionsTest, OneOfTwoNodesCalls) {
  EXPECT_TRUE(Sessions().at("172.30.200.37").passive) << "its address is the greater text";
  PutNode("node3", "172.30.200.4/24");
  EXPECT_TRUE(Sessions().at("172.30.200.4").passive) << "as text, not as number";
  PutNode("node3", "172.30.200.100/24");
  EXPECT_FALSE(Sessions().at("172.30.200.100").passive);
  PutPeer("tor", "", "172.30.200.99");
  EXPECT_FALSE(Sessions().at("172.30.200.99").passive) << "no node of ours";
}

TEST_F(GraphBgpSessionsTest, APeerThatIsOurOwnAddressGivesSessionsToWhomItIsGivenTo) {
  MeshOff();
  Peer("to-node1", [](model::BGPPeer& peer) {
    peer.node = "node2";
    peer.peer_ip = "172.30.200.36";
    peer.as_number = 64512;
    peer.local_as_number = 65077;
  });
  const auto sessions = Sessions();
  ASSERT_EQ(sessions.size(), 1U);
  EXPECT_EQ(sessions.at("172.30.200.37").as_number, 65077U) << "as which node2 calls itself there";
  EXPECT_EQ(sessions.at("172.30.200.37").local_as_number, 0U);
  Peer("to-node1", [](model::BGPPeer& peer) {
    peer.node = "node2";
    peer.peer_ip = "172.30.200.36";
    peer.as_number = 65000;
  });
  EXPECT_THAT(Sessions(), IsEmpty()) << "that is not our AS";
}

TEST_F(GraphBgpSessionsTest, WhatAPeerSaysHoldsForItsSession) {
  Peer("tor", [](model::BGPPeer& peer) {
    peer.peer_ip = "10.0.0.1";
    peer.as_number = 65001;
    peer.local_as_number = 65009;
    peer.next_hop_mode = "Keep";
    peer.source_address = "None";
    peer.keepalive_time = "10s";
    peer.num_allowed_local_as_numbers = 2;
    peer.ttl_security = 1;
    peer.reachable_by = "172.30.200.254";
    peer.password = model::BGPPassword{model::SecretKeyRef{"tor", "password", false}};
    peer.filters = {"in", "nobody"};
  });
  model::BGPFilter filter;
  filter.import_v4 = {{}};
  filter.import_v4[0].cidr = "10.0.0.0/8";
  filter.import_v4[0].match_operator = "NotIn";
  filter.import_v4[0].action = "Reject";
  Put(Key::Resource(Kind::kBGPFilter, "in"), filter);
  const BgpPeerView peer = Sessions().at("10.0.0.1");
  EXPECT_EQ(peer.local_as_number, 65009U);
  EXPECT_EQ(peer.next_hop, dataplane_api::BgpNextHop::kKeep);
  EXPECT_FALSE(peer.from_node_ip);
  EXPECT_EQ(peer.keepalive_seconds, 10);
  EXPECT_EQ(peer.allowed_local_as, 2);
  EXPECT_EQ(peer.ttl_hops, 1);
  EXPECT_EQ(peer.reachable_by, I("172.30.200.254"));
  EXPECT_EQ(peer.password, (dataplane_api::BgpSecret{"tor", "password"}));
  const auto filters = View().filters;
  ASSERT_EQ(filters.size(), 1U) << "one that does not exist is passed over";
  EXPECT_EQ(filters.at("in").import_v4.at(0).match, dataplane_api::BgpFilterRule::Match::kNotIn);
}

TEST_F(GraphBgpSessionsTest, TheGlobalSessionStandsBesideANodesOwn) {
  PutPeer("a-node", "node1", "10.0.0.1");
  PutPeer("z-global", "", "10.0.0.1");
  EXPECT_EQ(Sessions().at("10.0.0.1").type, BgpPeerView::Type::kGlobal);
}

TEST_F(GraphBgpSessionsTest, OfANodesOwnConfigurationThreeThingsCount) {
  model::BGPConfiguration global, own;
  global.bind_mode = "NodeIP";
  global.ignored_interfaces = {"storage*"};
  global.communities = {{"backbone", "65000:7"}};
  global.prefix_advertisements = {{"10.0.0.0/8", {"backbone", "65000:1:2"}}};
  global.service_cluster_ips = {{"10.96.0.0/12"}};
  global.service_external_ips = {{"192.0.2.1/32"}, {"198.51.100.0/24"}};
  own.bind_mode = "None";
  own.as_number = 65123;
  Put(Key::Resource(Kind::kBGPConfiguration, "default"), global);
  Put(Key::Resource(Kind::kBGPConfiguration, "node.node1"), own);
  EXPECT_TRUE(View().bind_to_node_ip);
  EXPECT_EQ(View().as_number, 64512U);
  EXPECT_THAT(View().ignored_interfaces, ElementsAre("storage*"));
  EXPECT_THAT(View().communities, ElementsAre(std::pair(C("10.0.0.0/8"), std::string("65000:7")),
                                              std::pair(C("10.0.0.0/8"), std::string("65000:1:2"))));
  EXPECT_THAT(View().services, ElementsAre(C("10.96.0.0/12"), C("198.51.100.0/24")));
  own.prefix_advertisements = {{"10.65.0.0/16", {"backbone"}}};
  Put(Key::Resource(Kind::kBGPConfiguration, "node.node1"), own);
  EXPECT_THAT(View().communities, ElementsAre(std::pair(C("10.65.0.0/16"), std::string("65000:7"))));
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
