// SPDX-License-Identifier: Apache-2.0
// Reference felix 2.11 to 2.14, 4.1. The worked examples have the common cases.
#include "policy_eval/path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy_eval/host.h"
#include "policy_eval/host_endpoints.h"
#include "policy_eval/testing/clusters.h"

namespace calico::policy_eval {
namespace {

using model::Key;
using model::Kind;

constexpr char kWorld[] = R"(
kind: Node
metadata: {name: a, labels: {rack: r1}}
spec:
  bgp: {ipv4Address: 192.0.2.1/24}
  interfaces: [{name: eth0, addresses: [192.0.2.1]}, {name: eth1, addresses: [198.18.1.1]}]
---
kind: Node
metadata: {name: b}
spec:
  bgp: {ipv4Address: 192.0.2.2/24}
  interfaces: [{name: eth0, addresses: [192.0.2.2]}]
---
kind: Profile
metadata: {name: open}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}]}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1}
spec:
  {orchestrator: k8s, node: a, pod: p, endpoint: eth0, interfaceName: calip, ipNetworks: [10.0.0.2/32], profiles: [open]}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1}
spec:
  {orchestrator: k8s, node: b, pod: q, endpoint: eth0, interfaceName: caliq, ipNetworks: [10.0.1.2/32], profiles: [open]}
)";
constexpr char kHostEndpointOfA[] = R"(
kind: HostEndpoint
metadata: {name: a-eth0, labels: {host: a}}
spec: {node: a, interfaceName: eth0}
)";

class Path : public ::testing::Test {
 protected:
  std::string EndpointOf(const std::string& interface) {
    const auto key = HostEndpointOf(cluster_, HostOf(cluster_, "a"), interface);
    return key ? key->name : "";
  }
  PathVerdict At(const Packet& packet, const std::string& in, const std::string& out) {
    return EvaluateCrossing(cluster_, {"a", packet, in, out, {}});
  }
  std::string Why(const Packet& packet, const std::string& in, const std::string& out) {
    const PathVerdict path = At(packet, in, out);
    return std::string(ActionName(path.action)) + ": " + Because(path.deciding().verdict);
  }

  Cluster cluster_ = ClusterOf(kWorld);
  const Place p_ = Place::Workload(Key::Resource(Kind::kWorkloadEndpoint, "a-k8s-p-eth0", "ns1"));
  const Place q_ = Place::Workload(Key::Resource(Kind::kWorkloadEndpoint, "b-k8s-q-eth0", "ns1"));
};

// --- which host endpoint

TEST_F(Path, TakesTheHostEndpointWithTheSmallestName) {
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: z}
spec: {node: a, interfaceName: eth0}
---
kind: HostEndpoint
metadata: {name: b-by-address}
spec: {node: a, expectedIPs: [192.0.2.1]}
---
kind: HostEndpoint
metadata: {name: a-any}
spec: {node: a, interfaceName: "*"}
---
kind: HostEndpoint
metadata: {name: a-of-another-host}
spec: {node: b, interfaceName: eth0}
)");
  EXPECT_EQ(EndpointOf("eth0"), "b-by-address");
  EXPECT_EQ(EndpointOf("eth1"), "a-any");
  EXPECT_EQ(EndpointOf("lo"), "a-any");
  EXPECT_EQ(EndpointOf("calip"), "");
  EXPECT_EQ(EndpointOf("kube-ipvs0"), "");
}

TEST_F(Path, TakesExpectedAddressesOfANamedHostEndpointForSelectorsOnly) {
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: h}
spec: {node: a, interfaceName: eth9, expectedIPs: [192.0.2.1]}
)");
  EXPECT_EQ(EndpointOf("eth0"), "");
}

// --- failsafe ports

TEST_F(Path, TakesTheHostEndpointsWordForTheUplinkOfAHostThatToldNoInterfaces) {
  Add(cluster_, R"(
kind: Node
metadata: {name: c}
spec: {bgp: {ipv4Address: 192.0.2.3/24}}
)");
  const auto uplink = [this] { return HostOf(cluster_, "c").uplink; };
  const auto at_uplink = [&] {
    const auto key = HostEndpointOf(cluster_, HostOf(cluster_, "c"), uplink());
    return key ? key->name : "";
  };
  EXPECT_EQ(uplink(), "(uplink)");
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: c-eth1}
spec: {node: c, interfaceName: eth1}
)");
  EXPECT_EQ(uplink(), "eth1") << "the only one";
  EXPECT_EQ(at_uplink(), "c-eth1");
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: c-bond0}
spec: {node: c, interfaceName: bond0, expectedIPs: [192.0.2.3]}
)");
  EXPECT_EQ(uplink(), "bond0") << "by its address";
  EXPECT_EQ(at_uplink(), "c-bond0");
}

TEST_F(Path, AsksTheOtherSidesAddressForAFailsafePortWithNet) {
  Add(cluster_, kHostEndpointOfA);
  Add(cluster_, R"(
kind: FelixConfiguration
metadata: {name: default}
spec:
  failsafeInboundHostPorts: [{protocol: TCP, port: 22, net: 10.0.0.0/8}]
  failsafeOutboundHostPorts: []
)");
  EXPECT_EQ(Why(Tcp("10.9.9.9", "192.0.2.1", 22), "eth0", ""), "allow: failsafe tcp 22");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 22), "eth0", ""), "deny: no profile matched");
  EXPECT_EQ(Why(Tcp("192.0.2.1", "8.8.8.8", 179), "", "eth0"), "deny: no profile matched");
}

TEST_F(Path, LetsAnswersToFailsafePortsThroughUntrackedPolicy) {
  Add(cluster_, kHostEndpointOfA);
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {selector: has(host), doNotTrack: true, applyOnForward: true, ingress: [{action: Deny}]}
)");
  Packet answer = Tcp("8.8.8.8", "192.0.2.1", 40000);
  answer.source_port = 179;
  EXPECT_EQ(Why(answer, "eth0", ""), "deny: no profile matched");  // the normal stage, had it been new
  answer.source_port = 80;
  EXPECT_EQ(Why(answer, "eth0", ""), "deny: policy g rule 1");
}

TEST_F(Path, HasTheShorterFailsafeListsOfV26) {
  cluster_.dialect = Dialect::kV26;
  Add(cluster_, kHostEndpointOfA);
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 179), "eth0", ""), "deny: no profile matched");
  EXPECT_EQ(Why(Tcp("192.0.2.1", "8.8.8.8", 7001), "", "eth0"), "allow: failsafe tcp 7001");
}

TEST_F(Path, KeepsFailsafePortsToTrafficOfTheHostItself) {
  Add(cluster_, kHostEndpointOfA);
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {selector: has(host), applyOnForward: true, types: [Ingress]}
)");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 22), "eth0", ""), "allow: failsafe tcp 22");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "198.18.1.9", 22), "eth0", "eth1"), "deny: end of tier default");
}

// --- stages

TEST_F(Path, OfV26HasOnlyWorkloadPolicyForWorkloads) {
  cluster_.dialect = Dialect::kV26;
  Add(cluster_, kHostEndpointOfA);
  EXPECT_EQ(Why(Tcp("8.8.8.8", "10.0.0.2", 80), "eth0", "calip"), "allow: profile open rule 1");
  EXPECT_EQ(Why(Tcp("10.0.0.2", "8.8.8.8", 80), "calip", "eth0"), "allow: profile open rule 1");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "198.18.1.9", 80), "eth0", "eth1"), "deny: no profile matched");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "198.18.1.9", 22), "eth0", "eth1"), "allow: failsafe tcp 22");
}

TEST_F(Path, LeavesAHostEndpointForAllInterfacesOutOfTheUntrackedStage) {
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: any, labels: {host: a}}
spec: {node: a, interfaceName: "*", profiles: [open]}
---
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {selector: has(host), doNotTrack: true, applyOnForward: true, ingress: [{action: Deny}]}
)");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 80), "eth0", ""), "allow: profile open rule 1");
}

TEST_F(Path, AsksTheOutgoingHostEndpointAlsoAfterAnEarlyAllow) {
  Add(cluster_, kHostEndpointOfA);
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: a-eth1, labels: {second: "yes"}}
spec: {node: a, interfaceName: eth1}
---
kind: GlobalNetworkPolicy
metadata: {name: early}
spec: {selector: has(host), preDNAT: true, applyOnForward: true, ingress: [{action: Allow}]}
---
kind: GlobalNetworkPolicy
metadata: {name: closed}
spec: {selector: has(host) || has(second), applyOnForward: true, types: [Ingress, Egress]}
)");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "198.18.1.9", 80), "eth0", "eth1"), "deny: end of tier default");
  EXPECT_EQ(At(Tcp("8.8.8.8", "198.18.1.9", 80), "eth0", "eth1").deciding().interface, "eth1");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 80), "eth0", ""), "allow: policy early rule 1");
}

TEST_F(Path, SaysNothingOfPacketsThatPassNoEndpoint) {
  EXPECT_EQ(Why(Tcp("8.8.8.8", "198.18.1.9", 80), "eth0", "eth1"), "none: no endpoint on the way");
  EXPECT_EQ(Why(Tcp("8.8.8.8", "192.0.2.1", 80), "eth0", ""), "none: no host endpoint");
  EXPECT_EQ(Why(Tcp("192.0.2.1", "8.8.8.8", 80), "", "eth0"), "none: no host endpoint");
}

TEST_F(Path, ChecksHostTrafficAfterItsDnat) {
  Add(cluster_, kHostEndpointOfA);
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {selector: has(host), egress: [{action: Allow, destination: {nets: [10.0.1.2/32]}}]}
)");
  Crossing crossing{"a", Tcp("192.0.2.1", "10.96.0.1", 80), "", "eth0",
                    Rewrite{*net::Ip::Parse("10.0.1.2"), 8080}};
  EXPECT_EQ(EvaluateCrossing(cluster_, crossing).action, Action::kAllow);
  crossing.dnat.reset();
  EXPECT_EQ(EvaluateCrossing(cluster_, crossing).action, Action::kDeny);
}

// --- from workloads

TEST_F(Path, LetsWorkloadsDiscoverTheirHostByIcmpv6) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {types: [Egress]}
)");
  Packet packet = Tcp("fe80::1", "ff02::1", 0);
  packet.protocol = net::kIcmpV6;
  packet.icmp_type = 135;
  EXPECT_EQ(Why(packet, "calip", ""), "allow: ICMPv6 to the host");
  packet.icmp_type = 128;
  EXPECT_EQ(Why(packet, "calip", ""), "deny: end of tier default");
}

TEST_F(Path, AcceptsWhatWorkloadsSendToTheHostIfToldTo) {
  Add(cluster_,
      "kind: FelixConfiguration\nmetadata: {name: default}\nspec: {defaultEndpointToHostAction: Accept}");
  EXPECT_EQ(Why(Tcp("10.0.0.2", "192.0.2.1", 80), "calip", ""), "allow: endpoint to host Accept");
}

TEST_F(Path, DropsIpipFromWorkloads) {
  Packet packet = Tcp("10.0.0.2", "8.8.8.8", 0);
  packet.protocol = net::kIpip;
  EXPECT_EQ(Why(packet, "calip", "eth0"), "deny: IPIP from a workload");
}

TEST_F(Path, TakesAWorkloadThatWantsForeignAddressesForUnknown) {
  Add(cluster_, R"(
kind: WorkloadEndpoint
metadata: {namespace: ns1}
spec:
  {orchestrator: k8s, node: a, pod: p, endpoint: eth0, interfaceName: calip, ipNetworks: [10.0.0.2/32], profiles: [open],
   allowSpoofedSourcePrefixes: [1.2.3.0/24]}
)");
  EXPECT_EQ(Why(Tcp("10.0.0.2", "8.8.8.8", 80), "calip", "eth0"), "deny: unknown workload interface");
}

TEST_F(Path, DropsWhatIsStillAddressedToAService) {
  Add(cluster_, R"(
kind: BGPConfiguration
metadata: {name: default}
spec: {serviceClusterIPs: [{cidr: 10.96.0.0/12}]}
)");
  EXPECT_EQ(Why(Tcp("10.0.0.2", "10.96.0.1", 80), "calip", "eth0"), "deny: service loop");
  Add(cluster_,
      "kind: FelixConfiguration\nmetadata: {name: default}\nspec: {serviceLoopPrevention: Disabled}");
  EXPECT_EQ(Why(Tcp("10.0.0.2", "10.96.0.1", 80), "calip", "eth0"), "allow: profile open rule 1");
}

// --- parameters

TEST_F(Path, TakesParametersOfTheNodeThenOfItsSelectorThenOfAll) {
  const auto action = [&] { return HostOf(cluster_, "a").endpoint_to_host; };
  EXPECT_EQ(action(), "DROP");
  Add(cluster_,
      "kind: FelixConfiguration\nmetadata: {name: default}\nspec: {defaultEndpointToHostAction: Return}");
  EXPECT_EQ(action(), "Return");
  Add(cluster_, R"(
kind: FelixConfiguration
metadata: {name: rack}
spec: {nodeSelector: rack == 'r1', defaultEndpointToHostAction: Accept}
)");
  EXPECT_EQ(action(), "Accept");
  EXPECT_EQ(HostOf(cluster_, "b").endpoint_to_host, "Return");
  Add(cluster_,
      "kind: FelixConfiguration\nmetadata: {name: node.a}\nspec: {defaultEndpointToHostAction: Drop}");
  EXPECT_EQ(action(), "Drop");
}

TEST_F(Path, TakesParametersOfTheOldestSelector) {
  Add(cluster_, R"(
kind: FelixConfiguration
metadata: {name: young, creationTimestamp: "2026-01-01T00:00:00Z"}
spec: {nodeSelector: all(), defaultEndpointToHostAction: Accept}
---
kind: FelixConfiguration
metadata: {name: z-old, creationTimestamp: "2025-01-01T00:00:00Z"}
spec: {nodeSelector: all(), defaultEndpointToHostAction: Return}
)");
  EXPECT_EQ(HostOf(cluster_, "a").endpoint_to_host, "Return");
}

// --- several hosts

TEST_F(Path, AsksSourceAndDestinationOnTheirHosts) {
  const PathVerdict path =
      EvaluateJourney(cluster_, {p_, q_, Tcp("10.0.0.2", "10.0.1.2", 80), {}, {}, {}, {}});
  EXPECT_EQ(path.action, Action::kAllow);
  ASSERT_EQ(path.steps.size(), 2u);
  EXPECT_EQ(path.steps[0].node, "a");
  EXPECT_EQ(path.steps[0].direction, Direction::kEgress);
  EXPECT_EQ(path.steps[1].node, "b");
  EXPECT_EQ(path.steps[1].direction, Direction::kIngress);
}

TEST_F(Path, GoesNoFurtherThanTheFirstDeny) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {types: [Egress, Ingress]}
)");
  const PathVerdict path =
      EvaluateJourney(cluster_, {p_, q_, Tcp("10.0.0.2", "10.0.1.2", 80), {}, {}, {}, {}});
  EXPECT_EQ(path.action, Action::kDeny);
  EXPECT_EQ(path.steps.size(), 1u);
}

TEST_F(Path, ShowsTheBackendToTheHostAfterTheOneThatRewrites) {
  const Rewrite backend{*net::Ip::Parse("10.0.1.2"), 8080};
  const Journey journey{Place::Outside(), q_, Tcp("8.8.8.8", "192.0.2.1", 30080), backend, "a", {}, {}};
  const PathVerdict path = EvaluateJourney(cluster_, journey);
  ASSERT_EQ(path.steps.size(), 2u);
  EXPECT_EQ(path.steps[0].node, "a");
  EXPECT_EQ(path.steps[1].node, "b");
  EXPECT_EQ(path.steps[1].packet.destination_port, 8080);
  EXPECT_EQ(path.action, Action::kNone);  // host a only forwards: its own chain decides
}

}  // namespace
}  // namespace calico::policy_eval
