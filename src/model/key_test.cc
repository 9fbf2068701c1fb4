// SPDX-License-Identifier: Apache-2.0
#include "model/key.h"

#include <string>
#include <utility>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "model/profile.h"
#include "model/v1_names.h"
#include "model/workload_endpoint.h"

namespace calico::model {
namespace {

constexpr int kKinds = static_cast<int>(Kind::kDockerNetworkHost) + 1;

std::string Name() {
  const auto letters = rc::gen::elementOf(std::string("abz09-._%~ \xc3"));
  return "n" + *rc::gen::container<std::string>(letters);
}
net::Cidr Block() {
  const bool v4 = *rc::gen::arbitrary<bool>();
  const auto base = *net::Cidr::Parse(v4 ? "10.0.0.0/8" : "fd00:77::/48");
  const int length = *rc::gen::inRange(v4 ? 20 : 116, v4 ? 33 : 129);
  return net::Cidr(base.ip().Plus(*rc::gen::inRange<std::uint64_t>(0, 1 << 20)), length).Masked();
}
Key AnyKey() {
  switch (const auto kind = static_cast<Kind>(*rc::gen::inRange(0, kKinds))) {
    case Kind::kIpamBlock:
      return Key::Block(Block());
    case Kind::kBlockAffinity:
      return Key::Affinity(Name(), Block());
    case Kind::kIpamConfig:
      return Key{kind, {}, {}};
    case Kind::kDockerNetworkHost:
      return Key{kind, Name(), Name()};
    default:
      return Key{kind, IsNamespaced(kind) ? Name() : std::string(), Name()};
  }
}

TEST(Key, IsReadBackFromItsPath) {
  EXPECT_TRUE(rc::check([] {
    const Key key = AnyKey();
    const std::string path = ToPath(key);
    RC_ASSERT(ParsePath(path) == key);
    RC_ASSERT(path.starts_with("/calico/"));
    RC_ASSERT(path.starts_with(ListPrefix(key.kind)));
    if (IsNamespaced(key.kind)) RC_ASSERT(path.starts_with(ListPrefix(key.kind, key.ns)));
    // Two kinds never share a path.
    const Key other = AnyKey();
    RC_ASSERT((ToPath(other) == path) == (other == key));
  }));
}

// Reference datastore-model A.1, A.8, A.10.1.
TEST(Key, HasUpstreamsPath) {
  const std::pair<Key, std::string> cases[] = {
      {Key::Resource(Kind::kIPPool, "pool-a"), "/calico/resources/v3/projectcalico.org/ippools/pool-a"},
      {Key::Resource(Kind::kNode, "rack1-host7"), "/calico/resources/v3/projectcalico.org/nodes/rack1-host7"},
      {Key::Resource(Kind::kWorkloadEndpoint, "rack1--host7-k8s-web--0-eth0", "shop"),
       "/calico/resources/v3/projectcalico.org/workloadendpoints/shop/rack1--host7-k8s-web--0-eth0"},
      {Key::Resource(Kind::kClusterInformation, "default"),
       "/calico/resources/v3/projectcalico.org/clusterinformations/default"},
      {Key::Resource(Kind::kFelixConfiguration, "node.h"),
       "/calico/resources/v3/projectcalico.org/felixconfigurations/node.h"},
      {Key::Block(*net::Cidr::Parse("10.77.3.0/26")), "/calico/ipam/v2/assignment/ipv4/block/10.77.3.0-26"},
      {Key::Block(*net::Cidr::Parse("fd00:77::/122")), "/calico/ipam/v2/assignment/ipv6/block/fd00:77::-122"},
      {Key::Affinity("h-1", *net::Cidr::Parse("10.77.3.0/26")),
       "/calico/ipam/v2/host/h-1/ipv4/block/10.77.3.0-26"},
      {Key::Handle("k8s-pod-network.1337"), "/calico/ipam/v2/handle/k8s-pod-network.1337"},
      {Key{Kind::kIpamConfig, {}, {}}, "/calico/ipam/v2/config"},
      {Key{Kind::kDockerNetworkName, {}, "0123abcd"}, "/calico/docker/v1/network/0123abcd"},
      {Key::Resource(Kind::kDockerNetwork, "Net_1.x"), "/calico/docker/v1/networks/Net_1.x"},
      {Key{Kind::kDockerNetworkHost, "h-1", "net1"}, "/calico/docker/v1/network-status/h-1/net1"},
  };
  for (const auto& [key, path] : cases) {
    EXPECT_EQ(ToPath(key), path);
    EXPECT_EQ(ParsePath(path), key) << path;
  }
  EXPECT_EQ(AffinityPrefix("h", net::Family::kV6), "/calico/ipam/v2/host/h/ipv6/block/");
  EXPECT_EQ(BlockPrefix(net::Family::kV4), "/calico/ipam/v2/assignment/ipv4/block/");
  // Readers unescape (A.1), writers insert names as they are.
  EXPECT_EQ(ParsePath("/calico/resources/v3/projectcalico.org/nodes/a%2fb"),
            Key::Resource(Kind::kNode, "a/b"));
}

TEST(Key, IgnoresPathsThatAreNotItsOwn) {
  for (const char* path : {"",
                           "/",
                           "/calico/",
                           "/calico/v1/Ready",
                           "/calico/ipam/v2/config/x",
                           "/calico/ipam/v2/handle/",
                           "/calico/resources/v3/projectcalico.org/ippools",
                           "/calico/resources/v3/projectcalico.org/ippools/",
                           "/calico/resources/v3/projectcalico.org/ippools/ns/x",
                           "/calico/resources/v3/projectcalico.org/workloadendpoints/x",
                           "/calico/resources/v3/projectcalico.org/unheard/x",
                           "calico/resources/v3/projectcalico.org/ippools/x",
                           "/calico/ipam/v2/assignment/ipv4/block/fd00::-122",
                           "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0",
                           "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-33",
                           "/calico/ipam/v2/host//ipv4/block/10.0.0.0-26",
                           "/calico/ipam/v2/virtual/h/ipv4/block/10.0.0.0-26",
                           "/calico/docker/v1/network/",
                           "/calico/docker/v1/networks/",
                           "/calico/docker/v1/networks/a/b",
                           "/calico/docker/v1/network-status/h",
                           "/calico/docker/v1/network-status/h/",
                           "/elsewhere"}) {
    EXPECT_EQ(ParsePath(path), std::nullopt) << path;
  }
}

TEST(Kind, HasTheSpellingsOfTheCommandLine) {
  const std::pair<const char*, Kind> cases[] = {{"ippool", Kind::kIPPool},
                                                {"Pools", Kind::kIPPool},
                                                {"IPP", Kind::kIPPool},
                                                {"no", Kind::kNode},
                                                {"wep", Kind::kWorkloadEndpoint},
                                                {"pro", Kind::kProfile},
                                                {"bp", Kind::kBGPPeer},
                                                {"bgpconfig", Kind::kBGPConfiguration},
                                                {"felixconfigs", Kind::kFelixConfiguration},
                                                {"clusterinfo", Kind::kClusterInformation}};
  for (const auto& [text, kind] : cases) EXPECT_EQ(ParseKindAlias(text), kind) << text;
  EXPECT_EQ(ParseKindAlias("po"), std::nullopt);
  EXPECT_EQ(ParseKindAlias(""), std::nullopt);
  for (int i = 0; i <= static_cast<int>(Kind::kFelixConfiguration); ++i) {
    const auto kind = static_cast<Kind>(i);
    EXPECT_EQ(ParseKindAlias(KindName(kind)), kind);
    EXPECT_EQ(ParseKindAlias(KindPlural(kind)), kind);
  }
  EXPECT_EQ(Describe(Key::Resource(Kind::kWorkloadEndpoint, "x", "default")), "WorkloadEndpoint(default/x)");
  EXPECT_EQ(Describe(Key::Resource(Kind::kIPPool, "p")), "IPPool(p)");
}

// Reference datastore-model D.1.
TEST(V1Names, BecomeV3Names) {
  EXPECT_EQ(NormaliseName("Rack1_Host7"), "rack1-host7");
  EXPECT_EQ(NormaliseName("a/b..c-.-d__e"), "a.b.c.d-e");
  EXPECT_EQ(NormaliseName(".-a-."), "a");
  EXPECT_EQ(GeneralName("web-tier"), "web-tier");
  EXPECT_EQ(GeneralName("Web_Tier"), "web-tier-38278387");
  EXPECT_EQ(V3ProfileName("k8s_ns.shop"), "kns.shop");
  EXPECT_EQ(V3PoolName("10.77.0.0/16"), "10-77-0-0-16");
  EXPECT_EQ(V3PoolName("fd80:24e2::/64"), "fd80-24e2---64");
}

TEST(DockerProfile, AllowsItsOwnNetworkInAndEverythingOut) {
  const Profile profile = ProfileOfDockerNetwork("net1");
  EXPECT_EQ(profile.metadata.name, "net1");
  EXPECT_EQ(profile.labels_to_apply, (std::map<std::string, std::string>{{"net1", ""}}));
  ASSERT_EQ(profile.ingress.size(), 1u);
  EXPECT_EQ(profile.ingress[0].action, "Allow");
  EXPECT_EQ(profile.ingress[0].source.selector, "has(net1)");
  ASSERT_EQ(profile.egress.size(), 1u);
  EXPECT_EQ(profile.egress[0].source, EntityRule());
}

// Reference datastore-model A.9.
TEST(EndpointName, JoinsTheSegmentsOfItsOrchestrator) {
  WorkloadEndpoint endpoint;
  endpoint.node = "node-1";
  endpoint.endpoint = "abcdefgh";
  endpoint.orchestrator = "libnetwork";
  EXPECT_EQ(WorkloadEndpointName(endpoint).value(), "node--1-libnetwork-libnetwork-abcdefgh");
  endpoint.orchestrator = "foo";
  endpoint.workload = "foo-foo";
  EXPECT_EQ(WorkloadEndpointName(endpoint).value(), "node--1-foo-foo--foo-abcdefgh");
  endpoint.orchestrator = "cni";
  EXPECT_EQ(WorkloadEndpointName(endpoint).error().message(),
            "error with field containerID (field should be assigned)");
  endpoint.container_id = "abc-";
  EXPECT_EQ(WorkloadEndpointName(endpoint).error().message(),
            "error with field containerID = 'abc-' (field must not end with a '-')");
  endpoint.node = "-n";
  EXPECT_THAT(WorkloadEndpointName(endpoint).error().message(),
              ::testing::HasSubstr("field must not begin with a '-'"));
}

}  // namespace
}  // namespace calico::model
