// SPDX-License-Identifier: Apache-2.0
// Objects as documents of the v1 API, and what that API cannot say.
#include "model/v1_convert.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/document.h"
#include "model/codec/yaml_reader.h"
#include "model/testing/v1_documents.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::vector<Object> Objects(const std::string& text, V1Names names) {
  DocumentOptions options;
  options.v1_names = names;
  auto documents = ParseDocuments(text, "f", options);
  EXPECT_TRUE(documents.has_value()) << (documents ? "" : documents.error().message());
  std::vector<Object> objects;
  if (documents) {
    for (Document& document : *documents) objects.push_back(std::move(document.object));
  }
  return objects;
}

// What a document says, whatever the order of its members; what Calico 2.6 adds or leaves out is taken away.
std::string Meaning(const std::string& text) {
  codec::Json json;
  EXPECT_FALSE(codec::ReadYaml(text, json));
  json = codec::ResolvePlain(json);
  if (json.is_array()) json = codec::Json(json.at(0));
  if (json["spec"].value("disabled", true) == false) json["spec"].erase("disabled");
  for (const char* rules : {"ingress", "egress"}) {
    if (!json["spec"].contains(rules)) continue;
    for (codec::Json& rule : json["spec"][rules]) {
      for (const char* side : {"source", "destination"}) {
        if (rule.contains(side) && rule[side].empty()) rule.erase(side);
      }
    }
  }
  return nlohmann::json(json).dump(1);
}

TEST(V1Output, GivesBackEveryDocument) {
  ASSERT_EQ(testing::V1Examples().size(), 7u);
  for (const auto& [kind, text] : testing::V1Examples()) {
    const auto objects = Objects(text, V1Names::kVerbatim);
    const auto yaml = PrintV1Yaml(objects);
    ASSERT_TRUE(yaml.has_value()) << kind << ": " << yaml.error().message();
    EXPECT_EQ(Meaning(*yaml), Meaning(text)) << kind;
    EXPECT_EQ(Objects(*yaml, V1Names::kVerbatim), objects) << kind;
    const auto json = PrintV1Json(objects);
    ASSERT_TRUE(json.has_value());
    EXPECT_EQ(Meaning(*json), Meaning(text)) << kind;
  }
}

// Reference calicoctl D.5, letter by letter.
TEST(V1Output, LooksAsCalico26PrintedIt) {
  EXPECT_EQ(*PrintV1Yaml(Objects(testing::V1ExampleOf("ipPool"), V1Names::kVerbatim)),
            "- apiVersion: v1\n  kind: ipPool\n  metadata:\n    cidr: 10.77.0.0/16\n  spec:\n    ipip:\n"
            "      enabled: true\n      mode: cross-subnet\n    nat-outgoing: true\n");
  EXPECT_EQ(
      *PrintV1Yaml(Objects("{apiVersion: v1, kind: policy, metadata: {name: p}, spec: {ingress: [{action: "
                           "allow}]}}",
                           V1Names::kVerbatim)),
      "- apiVersion: v1\n  kind: policy\n  metadata:\n    name: p\n  spec:\n    ingress:\n    - action: "
      "allow\n"
      "      destination: {}\n      source: {}\n    selector: \"\"\n    types:\n    - ingress\n");
  EXPECT_EQ(
      *PrintV1Json(Objects("{apiVersion: v1, kind: profile, metadata: {name: p, tags: [t]}, spec: {ingress: "
                           "[{action: deny, source: {selector: a == '<&>'}}]}}",
                           V1Names::kVerbatim)),
      R"([
  {
    "kind": "profile",
    "apiVersion": "v1",
    "metadata": {
      "name": "p",
      "tags": [
        "t"
      ]
    },
    "spec": {
      "ingress": [
        {
          "action": "deny",
          "source": {
            "selector": "a == '\u003c\u0026\u003e'"
          },
          "destination": {}
        }
      ]
    }
  }
])");
  EXPECT_EQ(*PrintV1Yaml({}), "[]\n");
  EXPECT_EQ(*PrintV1Json({}), "[]");
}

TEST(V1Output, SpellsLabelsOfV3AsCalico26Does) {
  WorkloadEndpoint endpoint;
  endpoint.metadata.name = "n-k8s-web-eth0";
  endpoint.metadata.ns = "shop";
  endpoint.metadata.labels = {
      {"app", "web"}, {"projectcalico.org/namespace", "shop"}, {"projectcalico.org/orchestrator", "k8s"}};
  endpoint.node = "n";
  endpoint.orchestrator = "k8s";
  endpoint.pod = "web";
  endpoint.endpoint = "eth0";
  endpoint.container_id = "77";
  auto v1 = std::get<v1::WorkloadEndpoint>(*V3ToV1(endpoint));
  EXPECT_EQ(v1.workload, "shop.web");
  EXPECT_EQ(v1.active_instance_id, "77");
  EXPECT_EQ(v1.labels, (std::map<std::string, std::string>{{"app", "web"}, {"calico/k8s_ns", "shop"}}));
  endpoint.metadata.ns = "default";
  endpoint.orchestrator = "cni";
  v1 = std::get<v1::WorkloadEndpoint>(*V3ToV1(endpoint));
  EXPECT_EQ(v1.workload, "77");
  EXPECT_EQ(v1.labels, (std::map<std::string, std::string>{{"app", "web"}}));

  GlobalNetworkPolicy policy;
  policy.metadata.name = "p";
  policy.metadata.labels = {{"projectcalico.org/tier", "default"}};
  policy.metadata.annotations = {{"owner", "netops"}, {"projectcalico.org/metadata", "{}"}};
  policy.spec.tier = "default";
  policy.spec.selector = "projectcalico.org/namespace == 'shop'";
  const auto printed = std::get<v1::Policy>(*V3ToV1(policy));
  EXPECT_EQ(printed.selector, "calico/k8s_ns == 'shop'");
  EXPECT_EQ(printed.annotations, (std::map<std::string, std::string>{{"owner", "netops"}}));
}

// v3 names stay: 2.6 has no others.
TEST(V1Output, NamesHostEndpointsWithoutTheirNode) {
  HostEndpoint endpoint;
  endpoint.node = "h1";
  endpoint.metadata.name = "h1.eth0";
  EXPECT_EQ(std::get<v1::HostEndpoint>(*V3ToV1(endpoint)).name, "eth0");
  endpoint.metadata.name = "uplink";
  EXPECT_EQ(std::get<v1::HostEndpoint>(*V3ToV1(endpoint)).name, "uplink");
}

TEST(V1Output, LeavesOutWhatANodeSaysAboutItself) {
  Node node;
  node.metadata.name = "n";
  node.bgp = ::calico::model::NodeBgp{};
  node.bgp->ipv4_ipip_tunnel_addr = "10.77.0.1";
  node.addresses = {{"10.20.0.7", "CalicoNodeIP"}};
  node.ipv4_vxlan_tunnel_addr = "10.77.0.2";
  node.status.wireguard_public_key = "key";
  EXPECT_EQ(std::get<v1::Node>(*V3ToV1(node)), (v1::Node{.name = "n", .bgp = {}, .orch_refs = {}}));
}

// v3 text -> the words that the error must have.
TEST(V1Output, NamesWhatTheV1ApiCannotExpress) {
  const std::pair<const char*, const char*> cases[] = {
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, vxlanMode: Always}",
       "IPPool(p): error with field spec.vxlanMode = 'Always'"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, blockSize: 28}",
       "spec.blockSize = '28'"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, blockSize: 122}",
       "spec.blockSize = '122'"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, nodeSelector: has(a)}",
       "spec.nodeSelector"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, namespaceSelector: has(a)}",
       "spec.namespaceSelector"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, allowedUses: [Tunnel]}",
       "spec.allowedUses"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, disableBGPExport: true}",
       "spec.disableBGPExport"},
      {"kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, assignmentMode: Manual}",
       "spec.assignmentMode"},
      {"kind: IPPool, metadata: {name: p, labels: {a: b}}, spec: {cidr: 10.0.0.0/16}",
       "metadata.labels = 'a'"},
      {"kind: NetworkPolicy, metadata: {name: p, namespace: shop}",
       "NetworkPolicy(shop/p): error with field metadata.namespace = 'shop'"},
      {"kind: Tier, metadata: {name: t}", "the v1 API has no kind Tier"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {tier: sec}", "spec.tier = 'sec'"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {namespaceSelector: has(a)}",
       "spec.namespaceSelector"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {serviceAccountSelector: has(a)}",
       "spec.serviceAccountSelector"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {applyOnForward: true}", "spec.applyOnForward"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {performanceHints: [x]}",
       "spec.performanceHints"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {ingress: [{action: Allow}, {action: Allow, "
       "protocol: "
       "TCP, destination: {ports: [http]}}]}",
       "spec.ingress[1].destination.ports = 'http'"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {egress: [{action: Allow, source: "
       "{serviceAccounts: "
       "{names: [a]}}}]}",
       "spec.egress[0].source.serviceAccounts"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {egress: [{action: Allow, destination: "
       "{services: "
       "{name: a}}}]}",
       "spec.egress[0].destination.services"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {egress: [{action: Allow, http: {methods: "
       "[GET]}}]}",
       "spec.egress[0].http"},
      {"kind: GlobalNetworkPolicy, metadata: {name: p}, spec: {egress: [{action: Allow, metadata: "
       "{annotations: {a: "
       "b}}}]}",
       "spec.egress[0].metadata"},
      {"kind: Profile, metadata: {name: p}, spec: {ingress: [{action: Allow, source: {namespaceSelector: "
       "has(a)}}]}",
       "spec.ingress[0].source.namespaceSelector"},
      {"kind: BGPPeer, metadata: {name: p}, spec: {nodeSelector: has(a), peerIP: 10.0.0.1}",
       "spec.nodeSelector"},
      {"kind: BGPPeer, metadata: {name: p}, spec: {peerIP: \"10.0.0.1:1179\"}", "spec.peerIP"},
      {"kind: BGPPeer, metadata: {name: p}, spec: {peerIP: 10.0.0.1, filters: [f]}", "spec.filters"},
      {"kind: BGPPeer, metadata: {name: p}, spec: {peerIP: 10.0.0.1, ttlSecurity: 1}", "spec.ttlSecurity"},
      {"kind: BGPPeer, metadata: {name: p}, spec: {peerSelector: has(a)}", "spec.peerSelector"},
      {"kind: HostEndpoint, metadata: {name: p}, spec: {node: n, interfaceName: \"*\"}",
       "spec.interfaceName"},
      {"kind: HostEndpoint, metadata: {name: p}, spec: {node: n, interfaceName: e, ports: [{name: a, "
       "protocol: TCP, "
       "port: 80}]}",
       "spec.ports"},
      {"kind: Node, metadata: {name: n}, spec: {bgp: {routeReflectorClusterID: 1.0.0.1}}",
       "spec.bgp.routeReflectorClusterID"},
      {"kind: Node, metadata: {name: n, annotations: {a: b}}", "metadata.annotations"},
      {"kind: WorkloadEndpoint, metadata: {name: a, namespace: x}, spec: {node: n, orchestrator: cni, "
       "containerID: c, "
       "endpoint: e}",
       "metadata.namespace = 'x'"},
      {"kind: WorkloadEndpoint, metadata: {name: a}, spec: {node: n, orchestrator: cni, containerID: c, "
       "endpoint: e, "
       "qosControls: {ingressBandwidth: 1000}}",
       "spec.qosControls"},
      {"kind: WorkloadEndpoint, metadata: {name: a}, spec: {node: n, orchestrator: cni, containerID: c, "
       "endpoint: e, "
       "allowSpoofedSourcePrefixes: [10.0.0.0/8]}",
       "spec.allowSpoofedSourcePrefixes"},
  };
  for (const auto& [text, words] : cases) {
    const auto objects =
        Objects("{apiVersion: projectcalico.org/v3, " + std::string(text) + "}", V1Names::kConverted);
    ASSERT_EQ(objects.size(), 1u) << text;
    const auto printed = PrintV1Yaml(objects);
    ASSERT_FALSE(printed.has_value()) << text;
    EXPECT_THAT(printed.error().message(), HasSubstr(words));
    EXPECT_EQ(printed.error().code(), ErrorCode::kInvalidArgument);
  }
}

// What v3's defaults say is what v1 means.
TEST(V1Output, TakesTheDefaultsOfV3) {
  const auto pool = Objects(
      "{apiVersion: projectcalico.org/v3, kind: IPPool, metadata: {name: p}, spec: {cidr: 10.0.0.0/16, "
      "ipipMode: "
      "Always, vxlanMode: Never, blockSize: 26, nodeSelector: all(), allowedUses: [Workload, Tunnel], "
      "assignmentMode: "
      "Automatic}}",
      V1Names::kConverted);
  EXPECT_THAT(*PrintV1Yaml(pool), HasSubstr("mode: always"));
  const auto peer = Objects(
      "{apiVersion: projectcalico.org/v3, kind: BGPPeer, metadata: {name: p}, spec: {nodeSelector: all(), "
      "peerIP: "
      "10.0.0.1, asNumber: 64512, sourceAddress: UseNodeIP}}",
      V1Names::kConverted);
  EXPECT_EQ(
      *PrintV1Yaml(peer),
      "- apiVersion: v1\n  kind: bgpPeer\n  metadata:\n    peerIP: 10.0.0.1\n    scope: global\n  spec:\n"
      "    asNumber: 64512\n");
}

}  // namespace
}  // namespace calico::model
