// SPDX-License-Identifier: Apache-2.0
#include "ipam/deletion.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "ipam/testing/allocator_fixture.h"

namespace calico::ipam {
namespace {

using datastore::Resources;
using model::Key;
using model::Kind;
using testing::AllocatorFixture;
using ::testing::ElementsAre;
using testing::Ip;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class DeletionTest : public AllocatorFixture {
 protected:
  void Create(const model::Object& object) {
    const auto created = Resources(client(), clock()).Create(object);
    ASSERT_TRUE(created.has_value()) << created.error().message();
  }
  bool Exists(Kind kind, const std::string& name, const std::string& ns = "") {
    return client().Get(model::ToPath(Key::Resource(kind, name, ns))).has_value();
  }
  Status Delete(Kind kind, const std::string& name, datastore::Revision expected = 0) {
    DeletionOptions options;
    options.expected = expected;
    options.wait = [this](Duration time) {
      waited_ += time;
      if (while_waiting_) while_waiting_();
    };
    return DeleteResource(client(), clock(), Key::Resource(kind, name), options);
  }
  void AddEndpoint(const std::string& node, const std::string& id, const std::string& network) {
    model::WorkloadEndpoint endpoint;
    endpoint.metadata.ns = "default";
    endpoint.node = node;
    endpoint.orchestrator = "libnetwork";
    endpoint.workload = "libnetwork";
    endpoint.endpoint = id;
    endpoint.interface_name = "cali" + id;
    endpoint.ip_networks = {network};
    Create(endpoint);
  }
  Duration waited_{0};
  std::function<void()> while_waiting_;
};

TEST_F(DeletionTest, APoolIsDisabledThenItsBlocksAreReleasedThenItGoes) {
  AddPool("a", "10.1.0.0/24");
  AddPool("b", "10.2.0.0/24");
  const auto ips = Assign("host-a", "h1", 1, {"10.1.0.0/24"});
  Assign("host-b", "h2", 1, {"10.2.0.0/24"});
  const std::string block = BlockOf(ips[0], 26).ToString();
  while_waiting_ = [&] {
    EXPECT_TRUE(
        std::get<model::IPPool>(Resources(client(), clock()).Get(Key::Resource(Kind::kIPPool, "a"))->object)
            .disabled);
    EXPECT_THAT(Affinities("host-a"), ElementsAre(block + "=confirmed"));
  };
  ASSERT_TRUE(Delete(Kind::kIPPool, "a").has_value());
  EXPECT_EQ(waited_, std::chrono::milliseconds(500));
  EXPECT_FALSE(Exists(Kind::kIPPool, "a"));
  EXPECT_THAT(Affinities("host-a"), IsEmpty());
  EXPECT_THAT(Affinities("host-b"), SizeIs(1));
  // The address stays allocated, in a block that is nobody's.
  const auto left = BlockStore(client(), clock()).ReadBlock(BlockOf(ips[0], 26));
  ASSERT_TRUE(left.has_value());
  EXPECT_TRUE(IsAllocated(left->block, ips[0]));
  EXPECT_EQ(OwnerOf(left->block), "");
}

TEST_F(DeletionTest, EmptyBlocksOfAPoolGoWithIt) {
  AddPool("a", "10.1.0.0/24");
  const auto ips = Assign("host-a", "h1");
  Release("host-a", ips);
  ASSERT_TRUE(Delete(Kind::kIPPool, "a").has_value());
  EXPECT_EQ(BlockStore(client(), clock()).ReadBlock(BlockOf(ips[0], 26)).error().code(),
            ErrorCode::kNotFound);
}

TEST_F(DeletionTest, APoolThatChangedIsLeftAlone) {
  AddPool("a", "10.1.0.0/24");
  Assign("host-a", "h1");
  const Status deleted = Delete(Kind::kIPPool, "a", 1);
  ASSERT_FALSE(deleted.has_value());
  EXPECT_EQ(deleted.error().message(), "update conflict: IPPool(a)");
  EXPECT_EQ(waited_, Duration(0));
  EXPECT_THAT(Affinities("host-a"), SizeIs(1));
}

TEST_F(DeletionTest, AMissingPoolIsNotFound) {
  EXPECT_EQ(Delete(Kind::kIPPool, "a").error().message(),
            "resource does not exist: IPPool(a) with error: <nil>");
}

TEST_F(DeletionTest, ABlockWithoutItsAffinityKeyIsReleasedToo) {
  AddPool("a", "10.1.0.0/24");
  const auto ips = Assign("host-a", "h1");
  const std::string block = BlockOf(ips[0], 26).ToString();
  ASSERT_TRUE(client().Delete(AffinityPath("host-a", block), 0).has_value());
  ASSERT_TRUE(Delete(Kind::kIPPool, "a").has_value());
  EXPECT_EQ(OwnerOf(BlockStore(client(), clock()).ReadBlock(BlockOf(ips[0], 26))->block), "");
  EXPECT_THAT(Affinities("host-a"), IsEmpty());
}

TEST_F(DeletionTest, ANodeTakesItsAddressesEndpointsBlocksAndConfigurationsAlong) {
  AddPool("a", "10.1.0.0/24");
  for (const char* name : {"n", "n-2"}) {
    const auto ips = Assign(name, std::string("h-") + name);
    AddEndpoint(name, "e1", ips.at(0).ToString() + "/32");
    model::BGPPeer peer;
    peer.metadata.name = std::string("peer-") + name;
    peer.node = name;
    peer.peer_ip = "192.0.2.1";
    peer.as_number = 65001;
    Create(peer);
    model::HostEndpoint host;
    host.metadata.name = std::string("host-") + name;
    host.node = name;
    host.interface_name = "eth0";
    Create(host);
    model::FelixConfiguration felix;
    felix.metadata.name = std::string("node.") + name;
    Create(felix);
    model::BGPConfiguration bgp;
    bgp.metadata.name = std::string("node.") + name;
    bgp.log_severity_screen = "Info";
    Create(bgp);
  }
  const auto tunnel = Assign("n", "tunnel");
  model::Node node;
  node.metadata.name = "n";
  node.bgp = model::NodeBgp{};
  node.bgp->ipv4_address = "192.0.2.7/24";
  node.bgp->ipv4_ipip_tunnel_addr = tunnel.at(0).ToString();
  Create(node);
  const Status deleted = Delete(Kind::kNode, "n");
  ASSERT_TRUE(deleted.has_value()) << deleted.error().message();
  EXPECT_FALSE(Exists(Kind::kNode, "n"));
  EXPECT_FALSE(Exists(Kind::kWorkloadEndpoint, "n-libnetwork-libnetwork-e1", "default"));
  EXPECT_TRUE(Exists(Kind::kWorkloadEndpoint, "n--2-libnetwork-libnetwork-e1", "default"));
  for (const auto& [kind, name] : {std::pair{Kind::kBGPPeer, "peer-n"},
                                   {Kind::kHostEndpoint, "host-n"},
                                   {Kind::kFelixConfiguration, "node.n"},
                                   {Kind::kBGPConfiguration, "node.n"}}) {
    EXPECT_FALSE(Exists(kind, name)) << name;
    EXPECT_TRUE(Exists(kind, std::string(name) + "-2")) << name;
  }
  EXPECT_THAT(Affinities("n"), IsEmpty());
  EXPECT_THAT(Affinities("n-2"), SizeIs(1));
  EXPECT_EQ(Value("/calico/ipam/v2/handle/h-n"), "");
  EXPECT_EQ(Value("/calico/ipam/v2/handle/tunnel"), "");
  EXPECT_NE(Value("/calico/ipam/v2/handle/h-n-2"), "");
}

TEST_F(DeletionTest, WhatAGoneNodeLeftIsRemovedBeforeItIsNotFound) {
  AddPool("a", "10.1.0.0/24");
  const auto ips = Assign("n", "h");
  AddEndpoint("n", "e1", ips.at(0).ToString() + "/32");
  EXPECT_EQ(Delete(Kind::kNode, "n").error().message(), "resource does not exist: Node(n) with error: <nil>");
  EXPECT_THAT(Affinities("n"), IsEmpty());
  EXPECT_FALSE(Exists(Kind::kWorkloadEndpoint, "n-libnetwork-libnetwork-e1", "default"));
}

TEST_F(DeletionTest, ANodeThatChangedKeepsEverything) {
  AddPool("a", "10.1.0.0/24");
  AddNode("n", {});
  Assign("n", "h");
  EXPECT_EQ(Delete(Kind::kNode, "n", 1).error().message(), "update conflict: Node(n)");
  EXPECT_THAT(Affinities("n"), SizeIs(1));
}

TEST_F(DeletionTest, OtherKindsGoAlone) {
  model::GlobalNetworkSet set;
  set.metadata.name = "s";
  Create(set);
  ASSERT_TRUE(Delete(Kind::kGlobalNetworkSet, "s").has_value());
  EXPECT_EQ(waited_, Duration(0));
}

}  // namespace
}  // namespace calico::ipam
