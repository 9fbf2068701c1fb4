// SPDX-License-Identifier: Apache-2.0
// Documents of the v1 API as v3 objects (reference datastore-model D, calicoctl D.6).
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/testing/v1_documents.h"
#include "model/validate/validate.h"

namespace calico::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T One(const std::string& text, const std::string& kind) {
  auto documents = ParseDocuments(text, "f");
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message());
  if (!documents || documents->size() != 1) return {};
  EXPECT_EQ(documents->front().kind_as_written, kind);
  return std::get<T>(documents->front().object);
}
std::string Refused(const std::string& text) {
  const auto documents = ParseDocuments(text, "f");
  EXPECT_FALSE(documents.has_value()) << text;
  return documents ? "" : documents.error().message();
}

// The pool of the user's guide.
TEST(V1Pool, BecomesAnIPPool) {
  const auto pool = One<IPPool>(
      "apiVersion: v1\nkind: ipPool\nmetadata:\n  cidr: 10.254.0.0/24\nspec:\n  nat-outgoing: true\n",
      "ipPool");
  EXPECT_EQ(pool.metadata.name, "10-254-0-0-24");
  EXPECT_EQ(pool.cidr, "10.254.0.0/24");
  EXPECT_TRUE(pool.nat_outgoing);
  EXPECT_FALSE(pool.disabled);
  EXPECT_EQ(pool.ipip_mode, "Never");
  EXPECT_EQ(pool.vxlan_mode, "Never");
  Object object = pool;
  EXPECT_TRUE(ApplyDefaults(object, nullptr).has_value());
  EXPECT_TRUE(Validate(object).has_value());
}

TEST(V1Pool, CarriesItsTunnelMode) {
  const auto mode = [](const std::string& ipip) {
    return One<IPPool>(
               "{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.0.0.0/24}, spec: {ipip: " + ipip + "}}",
               "ipPool")
        .ipip_mode;
  };
  EXPECT_EQ(mode("{enabled: true}"), "Always");
  EXPECT_EQ(mode("{enabled: true, mode: always}"), "Always");
  EXPECT_EQ(mode("{enabled: true, mode: cross-subnet}"), "CrossSubnet");
  EXPECT_EQ(mode("{enabled: false, mode: cross-subnet}"), "Never");
  EXPECT_THAT(
      Refused("{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.0.0.0/24}, spec: {ipip: {mode: Always}}}"),
      HasSubstr("IPIP.Mode = 'Always'"));
  EXPECT_THAT(
      Refused("{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.0.0.0/24}, spec: {ipip: {enabled: 7}}}"),
      HasSubstr("spec.ipip.enabled"));
}

TEST(V1Pool, NamesWhatIsMissingOrUnknown) {
  EXPECT_EQ(Refused("apiVersion: v1\nkind: ipPool\nspec: {}\n"),
            "f: line 1, column 1: insufficient identifiers, missing 'cidr'");
  EXPECT_EQ(
      Refused("{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.0.0.0/24}, spec: {natOutgoing: true}}"),
      "f: line 1, column 70: field in document is not recognized or is in the wrong location: natOutgoing "
      "(did you "
      "mean nat-outgoing?)");
}

TEST(V1Node, BecomesANode) {
  const auto node = One<Node>(R"(apiVersion: v1
kind: node
metadata:
  name: Rack1_Host7
spec:
  bgp:
    asNumber: 64600
    ipv4Address: 10.20.0.7/24
    ipv6Address: 2001:db8:20::7
  orchRefs:
  - nodeName: rack1-host7
    orchestrator: k8s
)",
                              "node");
  EXPECT_EQ(node.metadata.name, "rack1-host7");
  EXPECT_EQ(node.bgp->as_number, 64600u);
  EXPECT_EQ(node.bgp->ipv4_address, "10.20.0.7/24");
  EXPECT_EQ(node.bgp->ipv6_address, "2001:db8:20::7/128");
  EXPECT_THAT(node.orch_refs, ElementsAre(OrchRef{"rack1-host7", "k8s"}));
  EXPECT_THAT(Refused("{apiVersion: v1, kind: node, metadata: {name: n}, spec: {bgp: {asNumber: 7}}}"),
              HasSubstr("no BGP IP address and subnet specified"));
  EXPECT_THAT(Refused("{apiVersion: v1, kind: node, spec: {}}"), HasSubstr("missing 'name'"));
  EXPECT_FALSE(One<Node>("{apiVersion: v1, kind: node, metadata: {name: n}}", "node").bgp.has_value());
}

std::string Endpoint(const std::string& orchestrator, const std::string& workload) {
  return "{apiVersion: v1, kind: workloadEndpoint, metadata: {name: eth0, workload: " + workload +
         ", orchestrator: " + orchestrator +
         ", node: rack1-host7, activeInstanceID: \"1337\", labels: {app: web, calico/k8s_ns: shop}}, " +
         "spec: {interfaceName: cali1f2e3d4c5b6, mac: \"ee:ee:ee:ee:ee:ee\", ipNetworks: [10.77.3.5/32], " +
         "ipNATs: [{internalIP: 10.77.3.5, externalIP: 198.51.100.5}], profiles: [k8s_ns.shop]}}";
}

TEST(V1Endpoint, IsNamedByItsOrchestrator) {
  const auto pod = One<WorkloadEndpoint>(Endpoint("k8s", "shop.web-0"), "workloadEndpoint");
  EXPECT_EQ(pod.metadata.ns, "shop");
  EXPECT_EQ(pod.metadata.name, "rack1--host7-k8s-web--0-eth0");
  EXPECT_EQ(pod.pod, "web-0");
  EXPECT_EQ(pod.container_id, "1337");
  EXPECT_THAT(pod.profiles, ElementsAre("kns.shop"));
  EXPECT_EQ(pod.metadata.labels,
            (std::map<std::string, std::string>{{"app", "web"}, {"projectcalico.org/namespace", "shop"}}));
  EXPECT_THAT(pod.ip_nats, ElementsAre(IpNat{"10.77.3.5", "198.51.100.5"}));

  const auto cni = One<WorkloadEndpoint>(Endpoint("cni", "abcdef"), "workloadEndpoint");
  EXPECT_EQ(cni.metadata.name, "rack1--host7-cni-abcdef-eth0");
  EXPECT_EQ(cni.metadata.ns, "default");
  const auto docker = One<WorkloadEndpoint>(Endpoint("libnetwork", "libnetwork"), "workloadEndpoint");
  EXPECT_EQ(docker.metadata.name, "rack1--host7-libnetwork-libnetwork-eth0");
  const auto other = One<WorkloadEndpoint>(Endpoint("openstack", "Vm_1"), "workloadEndpoint");
  EXPECT_THAT(other.workload, ::testing::MatchesRegex("vm-1-[0-9a-f]+"));
  EXPECT_THAT(Refused(Endpoint("k8s", "nodot")), HasSubstr("'nodot'"));
}

TEST(V1Profile, TurnsTagsIntoLabelsAndRulesIntoV3) {
  const auto profile = One<Profile>(R"(apiVersion: v1
kind: profile
metadata:
  name: web
  tags: [web]
  labels: {role: www}
spec:
  ingress:
  - action: deny
    protocol: tcp
    source: {nets: [10.9.1.7/16, 10.8.0.1]}
    destination: {ports: [80, "8000:8080"]}
  - action: pass
    source: {tag: web, selector: "calico/k8s_ns == 'shop'", notTag: bad}
  egress:
  - action: allow
)",
                                    "profile");
  EXPECT_EQ(profile.metadata.name, "web");
  EXPECT_EQ(profile.labels_to_apply, (std::map<std::string, std::string>{{"role", "www"}, {"web", ""}}));
  ASSERT_EQ(profile.ingress.size(), 2u);
  EXPECT_EQ(profile.ingress[0].action, "Deny");
  EXPECT_EQ(profile.ingress[0].protocol, "TCP");
  EXPECT_THAT(profile.ingress[0].source.nets, ElementsAre("10.9.0.0/16", "10.8.0.1/32"));
  EXPECT_THAT(profile.ingress[0].destination.ports,
              ElementsAre(Port(net::PortRange{80, 80}), Port(net::PortRange{8000, 8080})));
  EXPECT_EQ(profile.ingress[1].action, "Pass");
  EXPECT_EQ(profile.ingress[1].source.selector, "(projectcalico.org/namespace == 'shop') && web == ''");
  EXPECT_EQ(profile.ingress[1].source.not_selector, "bad == ''");
  EXPECT_EQ(profile.egress.at(0).action, "Allow");
  EXPECT_TRUE(Validate(profile).has_value());
}

TEST(V1Profile, RefusesATagThatIsALabel) {
  EXPECT_EQ(
      Refused("apiVersion: v1\nkind: profile\nmetadata:\n  name: p\n  tags: [role]\n  labels: {role: web}\n"),
      "f: line 5, column 3: Tag: 'role' and Label 'role == web' have the same value for Profile: p. Change "
      "the Label "
      "key before proceeding");
  EXPECT_THAT(Refused("{apiVersion: v1, kind: profile, metadata: {name: p, tags: [t], labels: text}}"),
              HasSubstr("f: line 1, column 64: field metadata.labels: must be a map"));
}

// The place is that of the v1 document, however deep.
TEST(V1Documents, NameLineAndColumnOfAnyError) {
  const std::string policy =
      "apiVersion: v1\nkind: policy\nmetadata:\n  name: p\nspec:\n  ingress:\n  - action: allow\n"
      "  - action: drop\n    source:\n      nets: [10.0.0.0/8]\n";
  EXPECT_EQ(Refused(policy),
            "f: line 8, column 5: error with field Action = 'drop' (must be allow, deny, log or pass)");
  EXPECT_EQ(Refused("---\n" + policy + "      net: 10.0.0.0/8\n").substr(0, 40),
            "f: line 9, column 5: error with the foll");
  EXPECT_THAT(
      Refused("apiVersion: v1\nkind: policyList\nitems:\n- apiVersion: v1\n  kind: policy\n  metadata:\n"
              "    nmae: p\n"),
      HasSubstr("f: line 7, column 5: field in document is not recognized or is in the wrong location: nmae "
                "(did you mean name?)"));
  EXPECT_THAT(
      Refused("apiVersion: v1\nkind: node\nmetadata:\n  name: n\nspec:\n  bgp:\n    asNumber: many\n"),
      HasSubstr("f: line 7, column 5: field spec.bgp.asNumber: 'many' is no AS number"));
  EXPECT_THAT(Refused("apiVersion: v1\nkind: ipPool\nmetadata: text\n"),
              HasSubstr("f: line 3, column 1: field metadata: must be a map"));
}

TEST(V1Peer, BecomesABGPPeer) {
  const auto one = [](const std::string& metadata) {
    return One<BGPPeer>("{apiVersion: v1, kind: bgpPeer, metadata: " + metadata + ", spec: {asNumber: 1.10}}",
                        "bgpPeer");
  };
  const auto node = one("{scope: node, node: Rack1_Host7, peerIP: 10.20.0.1}");
  EXPECT_EQ(node.metadata.name, "rack1-host7.10-20-0-1");
  EXPECT_EQ(node.node, "rack1-host7");
  EXPECT_EQ(node.peer_ip, "10.20.0.1");
  EXPECT_EQ(node.as_number, (1u << 16) + 10);
  const auto global = one("{scope: global, peerIP: \"2001:db8::1\"}");
  EXPECT_EQ(global.metadata.name, "2001-0db8-0000-0000-0000-0000-0000-0001");
  EXPECT_EQ(global.node, "");
}

TEST(V1HostEndpoint, BecomesAHostEndpoint) {
  const auto endpoint = One<HostEndpoint>(
      "{apiVersion: v1, kind: hostEndpoint, metadata: {name: eth0, node: h1, labels: {role: mgmt}}, spec: "
      "{interfaceName: eth0, expectedIPs: [\"2001:db8::7\", 10.20.0.7], profiles: [k8s_ns.shop, ssh]}}",
      "hostEndpoint");
  EXPECT_EQ(endpoint.metadata.name, "h1.eth0");
  EXPECT_EQ(endpoint.node, "h1");
  EXPECT_THAT(endpoint.expected_ips, ElementsAre("10.20.0.7", "2001:db8::7"));  // IPv4 first
  EXPECT_THAT(endpoint.profiles, ElementsAre("kns.shop", "ssh"));
  EXPECT_EQ(endpoint.metadata.labels.at("role"), "mgmt");
}

TEST(V1Policy, BecomesAGlobalNetworkPolicy) {
  const auto policy = One<GlobalNetworkPolicy>(testing::V1ExampleOf("policy"), "policy");
  EXPECT_EQ(policy.metadata.name, "allow-dns");
  EXPECT_EQ(policy.metadata.annotations.at("owner"), "netops");
  EXPECT_EQ(policy.spec.order, 100);
  EXPECT_THAT(policy.spec.types, ElementsAre("Ingress", "Egress"));
  ASSERT_EQ(policy.spec.ingress.size(), 2u);
  EXPECT_EQ(policy.spec.ingress[0].protocol, "UDP");
  EXPECT_THAT(policy.spec.ingress[0].source.not_nets, ElementsAre("10.9.0.0/16"));
  EXPECT_EQ(policy.spec.ingress[1].action, "Log");
  EXPECT_EQ(policy.spec.egress.at(0).icmp->type, 8);
  EXPECT_EQ(policy.spec.egress.at(1).action, "Pass");
  EXPECT_TRUE(Validate(policy).has_value());
}

TEST(V1Policy, AppliesToWhatItsRulesSay) {
  const auto of = [](const std::string& spec) {
    return One<GlobalNetworkPolicy>(
        "{apiVersion: v1, kind: policy, metadata: {name: prod.web}, spec: {" + spec + "}}", "policy");
  };
  EXPECT_EQ(of("").metadata.name, "prod-web-" + Sha1Hex("prod.web").substr(0, 8));
  EXPECT_THAT(of("").spec.types, ElementsAre("Ingress"));
  EXPECT_THAT(of("egress: [{action: allow}]").spec.types, ElementsAre("Egress"));
  EXPECT_THAT(of("egress: [{action: allow}], ingress: [{action: deny}]").spec.types,
              ElementsAre("Ingress", "Egress"));
  EXPECT_FALSE(of("").global.apply_on_forward);
  EXPECT_TRUE(of("preDNAT: true").global.apply_on_forward);
  EXPECT_TRUE(of("doNotTrack: true").global.apply_on_forward);
}

// For a store of Calico 2.6.
TEST(V1Documents, KeepTheirNamesWhenAsked) {
  DocumentOptions options;
  options.v1_names = V1Names::kVerbatim;
  const auto name = [&](const std::string& rest) {
    const auto documents = ParseDocuments("{apiVersion: v1, " + rest + "}", "f", options);
    EXPECT_TRUE(documents.has_value()) << documents.error().message();
    return documents ? MetadataOf(documents->front().object).name : "";
  };
  EXPECT_EQ(name("kind: node, metadata: {name: Rack1_Host7}"), "Rack1_Host7");
  EXPECT_EQ(name("kind: policy, metadata: {name: prod.Web/x}"), "prod.Web/x");
  EXPECT_EQ(name("kind: profile, metadata: {name: k8s_ns.shop}"), "k8s_ns.shop");
  EXPECT_EQ(name("kind: ipPool, metadata: {cidr: 10.77.0.0/16}"), "10-77-0-0-16");
  EXPECT_EQ(name("kind: bgpPeer, metadata: {scope: node, node: Host_1, peerIP: 10.0.0.1}"),
            "Host_1.10-0-0-1");
  EXPECT_EQ(name("kind: hostEndpoint, metadata: {node: Host_1, name: Mgmt}, spec: {interfaceName: eth0}"),
            "Host_1.Mgmt");
  EXPECT_EQ(
      name(
          "kind: workloadEndpoint, metadata: {node: H_1, orchestrator: Mesos, workload: W_1, name: e}, spec: "
          "{interfaceName: eth0}"),
      "H_1-Mesos-W_1-e");
}

TEST(V1Endpoint, GetsANameWhenItIsCreated) {
  const std::string text =
      "{apiVersion: v1, kind: workloadEndpoint, metadata: {node: n, orchestrator: o, workload: w}, spec: "
      "{interfaceName: cali1}}";
  EXPECT_EQ(Refused(text), "f: line 1, column 42: insufficient identifiers, missing 'name'");
  DocumentOptions options;
  options.name_v1_endpoints = true;
  const auto first = ParseDocuments(text, "f", options), second = ParseDocuments(text, "f", options);
  ASSERT_TRUE(first.has_value() && second.has_value());
  EXPECT_EQ(std::get<WorkloadEndpoint>(first->front().object).endpoint.size(), 36u);
  EXPECT_NE(first->front().object, second->front().object);
}

}  // namespace
}  // namespace calico::model
