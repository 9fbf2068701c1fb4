// SPDX-License-Identifier: Apache-2.0
#include "model/codec/convert.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/document.h"
#include "model/testing/v1_documents.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

std::string Converted(const std::string& text, const ConvertOptions& options = {}) {
  const auto result = ConvertDocuments(text, "f", options);
  EXPECT_TRUE(result.has_value()) << (result ? "" : result.error().message());
  return result.value_or("");
}
std::string Refused(const std::string& text, const ConvertOptions& options = {}) {
  const auto result = ConvertDocuments(text, "f", options);
  EXPECT_FALSE(result.has_value()) << text;
  return result ? "" : result.error().message();
}

// Reference calicoctl C.7, letter by letter.
TEST(Convert, PrintsOneResultAlone) {
  EXPECT_EQ(Converted(testing::V1ExampleOf("bgpPeer")), R"(apiVersion: projectcalico.org/v3
kind: BGPPeer
metadata:
  creationTimestamp: null
  name: rack1-host7.10-20-0-1
spec:
  asNumber: 64567
  node: rack1-host7
  peerIP: 10.20.0.1
)");
  ConvertOptions json;
  json.json = true;
  EXPECT_EQ(Converted(testing::V1ExampleOf("bgpPeer"), json), R"({
  "kind": "BGPPeer",
  "apiVersion": "projectcalico.org/v3",
  "metadata": {
    "name": "rack1-host7.10-20-0-1",
    "creationTimestamp": null
  },
  "spec": {
    "node": "rack1-host7",
    "peerIP": "10.20.0.1",
    "asNumber": 64567
  }
}
)");
}

TEST(Convert, WrapsSeveralResultsInAList) {
  const std::string two =
      "apiVersion: v1\nkind: nodeList\nitems:\n- {apiVersion: v1, kind: node, metadata: {name: "
      "A}}\n- {apiVersion: v1, kind: node, metadata: {name: b}}\n";
  EXPECT_EQ(Converted(two), R"(apiVersion: v1
items:
- apiVersion: projectcalico.org/v3
  kind: Node
  metadata:
    creationTimestamp: null
    name: a
  spec: {}
- apiVersion: projectcalico.org/v3
  kind: Node
  metadata:
    creationTimestamp: null
    name: b
  spec: {}
kind: List
metadata: {}
)");
}

// What comes out can go in: it is valid v3.
TEST(Convert, GivesDocumentsOfV3ForEveryKind) {
  for (const auto& [kind, text] : testing::V1Examples()) {
    const auto documents = ParseDocuments(Converted(text), "out");
    ASSERT_TRUE(documents.has_value()) << kind << ": " << documents.error().message();
    EXPECT_EQ(documents->size(), 1u);
    EXPECT_EQ(documents->front().version, ApiVersion::kV3);
  }
}

constexpr char kKubernetes[] = R"(apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata:
  name: api
  namespace: shop
  uid: 0bb5b29a-39a4-4c0b-8c9c-1d3c79b4e1f2
  resourceVersion: "77"
spec:
  podSelector:
    matchLabels: {app: api, tier: back}
    matchExpressions:
    - {key: env, operator: In, values: [prod, test]}
    - {key: debug, operator: DoesNotExist}
  policyTypes: [Ingress, Egress]
  ingress:
  - from:
    - podSelector: {}
    - namespaceSelector: {}
      podSelector: {matchLabels: {app: web}}
    ports:
    - {port: 8080}
    - {port: http, protocol: TCP}
    - {port: 9000, endPort: 9010, protocol: UDP}
  egress:
  - to:
    - ipBlock: {cidr: 10.1.2.3/8, except: [10.9.0.0/16]}
    ports:
    - {protocol: UDP}
)";

TEST(Convert, TakesPoliciesOfKubernetes) {
  const auto documents = ParseDocuments(Converted(kKubernetes), "out");
  ASSERT_TRUE(documents.has_value()) << documents.error().message();
  const auto& policy = std::get<NetworkPolicy>(documents->front().object);
  EXPECT_EQ(policy.metadata.name, "api");
  EXPECT_EQ(policy.metadata.ns, "shop");
  EXPECT_EQ(policy.metadata.uid, "");
  EXPECT_EQ(policy.spec.order, 1000);
  EXPECT_EQ(policy.spec.selector,
            "projectcalico.org/orchestrator == 'k8s' && app == 'api' && tier == 'back' && env in { 'prod', "
            "'test' } && "
            "! has(debug)");
  EXPECT_EQ(policy.spec.types, (std::vector<std::string>{"Ingress", "Egress"}));
  ASSERT_EQ(policy.spec.ingress.size(), 4u);  // each protocol with each peer
  const Rule& first = policy.spec.ingress[0];
  EXPECT_EQ(first.action, "Allow");
  EXPECT_EQ(first.protocol, "TCP");
  EXPECT_EQ(first.source.selector, "projectcalico.org/orchestrator == 'k8s'");
  EXPECT_EQ(first.source.namespace_selector, "");
  EXPECT_EQ(first.destination.ports, (std::vector<Port>{net::PortRange{8080, 8080}, "http"}));
  const Rule& last = policy.spec.ingress[3];
  EXPECT_EQ(last.protocol, "UDP");
  EXPECT_EQ(last.source.selector, "projectcalico.org/orchestrator == 'k8s' && app == 'web'");
  EXPECT_EQ(last.source.namespace_selector, "all()");
  EXPECT_EQ(last.destination.ports, (std::vector<Port>{net::PortRange{9000, 9010}}));
  ASSERT_EQ(policy.spec.egress.size(), 1u);
  EXPECT_EQ(policy.spec.egress[0].protocol, "UDP");
  EXPECT_EQ(policy.spec.egress[0].destination.nets, (std::vector<std::string>{"10.0.0.0/8"}));
  EXPECT_EQ(policy.spec.egress[0].destination.not_nets, (std::vector<std::string>{"10.9.0.0/16"}));
  EXPECT_TRUE(policy.spec.egress[0].destination.ports.empty());  // all of UDP
}

TEST(Convert, TakesListsOfKubernetes) {
  const std::string item =
      "{apiVersion: networking.k8s.io/v1, kind: NetworkPolicy, metadata: {name: api, namespace: shop}, spec: "
      "{podSelector: {}, egress: [{}]}}";
  const std::string out =
      Converted("apiVersion: v1\nkind: List\nmetadata: {}\nitems:\n- " + item + "\n- " + item + "\n");
  EXPECT_THAT(
      out, StartsWith("apiVersion: v1\nitems:\n- apiVersion: projectcalico.org/v3\n  kind: NetworkPolicy\n"));
  // Kubernetes' default types, and a rule without peers and ports.
  EXPECT_THAT(out, HasSubstr("    egress:\n    - action: Allow\n"));
  EXPECT_THAT(out, HasSubstr("    types:\n    - Ingress\n    - Egress\n"));
}

TEST(Convert, SaysWhatItCannotConvert) {
  EXPECT_EQ(Refused("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata: {name: p}\nspec: {cidr: "
                    "10.0.0.0/16}\n"),
            "Failed to convert resource: conversion for the resource type 'IPPool' is not supported");
  EXPECT_EQ(
      Refused("apiVersion: v1\nkind: List\nitems:\n- {apiVersion: networking.k8s.io/v1, kind: Ingress}\n"),
      "Failed to convert resource: f: line 4, column 3: conversion for the k8s resource type 'Ingress' is "
      "not "
      "supported");
  EXPECT_EQ(Refused("apiVersion: v1\nkind: List\nitems: 7\n"),
            "Failed to unpack lists: f: line 3, column 1: items must be a list");
  EXPECT_THAT(Refused("a: [\n"), StartsWith("Failed to create resources from file: f: line "));
  EXPECT_THAT(Refused(""), StartsWith("Failed to create resources from file: f: "));
  EXPECT_THAT(Refused("apiVersion: v1\nkind: profile\nmetadata: {name: p, tags: [a], labels: {a: b}}\n"),
              StartsWith("Failed to convert resource: f: line 3, column 21: Tag: 'a'"));
  EXPECT_THAT(Refused("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n"
                      "  podSelector: {matchExpressions: [{key: a, operator: Near}]}\n"),
              HasSubstr("line 5, column 17: field spec.podSelector.matchExpressions: 'Near' is no operator"));
  EXPECT_THAT(
      Refused("apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {name: p}\nspec:\n"
              "  podSelectr: {}\n"),
      HasSubstr(
          "line 5, column 3: field in document is not recognized or is in the wrong location: podSelectr "
          "(did you mean podSelector?)"));
}

TEST(Convert, ChecksTheResultUnlessToldNotTo) {
  // v1 takes ICMP without a protocol, v3 does not.
  const std::string text =
      "apiVersion: v1\nkind: profile\nmetadata: {name: p}\nspec:\n  ingress:\n  - {action: "
      "allow, icmp: {type: 8}}\n";
  const std::string refused = Refused(text);
  EXPECT_THAT(refused, StartsWith("Converted manifest resource(s) failed validation: error with field ICMP"));
  EXPECT_THAT(refused,
              ::testing::EndsWith(
                  "\nRe-run the command with '--ignore-validation' flag to see the converted output."));
  ConvertOptions options;
  options.ignore_validation = true;
  EXPECT_THAT(Converted(text, options), HasSubstr("icmp:\n      type: 8\n"));
}

}  // namespace
}  // namespace calico::model
