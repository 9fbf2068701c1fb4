// SPDX-License-Identifier: Apache-2.0
// Documents of the v1 API as v3 objects (reference datastore-model D, calicoctl D.6).
#include <map>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/document.h"
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
            "f: insufficient identifiers, missing 'cidr'");
  EXPECT_EQ(
      Refused("{apiVersion: v1, kind: ipPool, metadata: {cidr: 10.0.0.0/24}, spec: {natOutgoing: true}}"),
      "f: field in document is not recognized or is in the wrong location: natOutgoing");
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
  EXPECT_THAT(pod.unknown.at("/spec/ipNATs"), HasSubstr("198.51.100.5"));

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
    source: {nets: [10.9.1.7/16], net: 10.8.0.1}
    destination: {ports: [80, "8000:8080"]}
  - action: next-tier
    source: {tag: web, selector: "calico/k8s_ns == 'shop'", notTag: bad}
  egress:
  - {}
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
      Refused("{apiVersion: v1, kind: profile, metadata: {name: p, tags: [role], labels: {role: web}}}"),
      "f: Tag: 'role' and Label 'role == web' have the same value for Profile: p. Change the Label key "
      "before "
      "proceeding");
  EXPECT_THAT(
      Refused("{apiVersion: v1, kind: profile, metadata: {name: p}, spec: {ingress: [{action: drop}]}}"),
      HasSubstr("Action = 'drop'"));
  EXPECT_THAT(Refused("{apiVersion: v1, kind: profile, metadata: {name: p, tags: [t], labels: text}}"),
              HasSubstr("f: "));
}

}  // namespace
}  // namespace calico::model
