// SPDX-License-Identifier: Apache-2.0
// Reference felix 2.6. The worked examples have the common cases.
#include "policy_eval/rule_match.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy_eval/testing/clusters.h"

namespace calico::policy_eval {
namespace {

using model::Rule;
using net::PortRange;
using ::testing::ElementsAre;

constexpr char kWorld[] = R"(
kind: WorkloadEndpoint
metadata: {namespace: ns1, labels: {role: web}}
spec:
  orchestrator: k8s
  node: a
  pod: web
  endpoint: eth0
  interfaceName: cali1
  ipNetworks: [10.0.0.2/32, "fd00::2/128"]
  ports: [{name: http, protocol: TCP, port: 8080}, {name: dns, protocol: UDP, port: 53}]
---
kind: WorkloadEndpoint
metadata: {namespace: ns2, labels: {role: db}}
spec:
  orchestrator: k8s
  node: b
  pod: db
  endpoint: eth0
  interfaceName: cali2
  ipNetworks: [10.0.0.3/32]
  ports: [{name: http, protocol: TCP, port: 9090}]
---
kind: GlobalNetworkSet
metadata: {name: office, labels: {role: office}}
spec: {nets: [198.51.100.0/24]}
)";

class RuleMatch : public ::testing::Test {
 protected:
  RuleTrace Trace(const Rule& rule, const std::string& ns = {}) const {
    const auto members = MembersOf(cluster_);
    return MatchRule({cluster_, members, packet_}, rule, ns);
  }
  bool Matches(const Rule& rule, const std::string& ns = {}) const { return Trace(rule, ns).matched; }
  void Icmp(net::Family family, int type, int code = 0) {
    const bool v4 = family == net::Family::kV4;
    packet_ = Tcp(v4 ? "10.0.0.3" : "fd00::3", v4 ? "10.0.0.2" : "fd00::2", 0);
    packet_.protocol = v4 ? net::kIcmp : net::kIcmpV6;
    packet_.icmp_type = type;
    packet_.icmp_code = code;
  }

  Cluster cluster_ = ClusterOf(kWorld);
  Packet packet_ = Tcp("10.0.0.3", "10.0.0.2", 8080);
};

Rule Allow() {
  Rule rule;
  rule.action = "Allow";
  return rule;
}

TEST_F(RuleMatch, OfAnEmptyRuleIsTrue) {
  EXPECT_TRUE(Matches(Allow()));
}

TEST_F(RuleMatch, NamesEveryCriterionThatIsNotMetInOrder) {
  Rule rule = Allow();
  rule.ip_version = 6;
  rule.protocol = "UDP";
  rule.source.nets = {"192.0.2.0/24"};
  rule.source.selector = "role == 'office'";
  rule.destination.ports = {PortRange{80, 80}};
  const auto mismatches = Trace(rule).mismatches;
  std::vector<std::string> fields;
  for (const Mismatch& mismatch : mismatches) fields.push_back(mismatch.field);
  EXPECT_THAT(fields,
              ElementsAre("ipVersion", "protocol", "source.nets", "source.selector", "destination.ports"));
  EXPECT_EQ(mismatches[3].actual, "10.0.0.3 of WorkloadEndpoint(ns2/b-k8s-db-eth0)");
  EXPECT_EQ(mismatches[4], (Mismatch{"destination.ports", "80", "tcp 8080"}));
}

TEST_F(RuleMatch, TakesAFamilyFromAProtocolsNameButNotFromItsNumber) {
  Rule by_name = Allow(), by_number = Allow();
  by_name.protocol = "ICMPv6";
  by_number.protocol = "58";
  Icmp(net::Family::kV6, 128);
  EXPECT_TRUE(Matches(by_name));
  EXPECT_TRUE(Matches(by_number));
  Icmp(net::Family::kV4, 8);
  packet_.protocol = net::kIcmpV6;  // odd, but what the number says
  EXPECT_FALSE(Matches(by_name));
  EXPECT_TRUE(Matches(by_number));
}

TEST_F(RuleMatch, ByIcmpTypeWithoutCodeTakesEveryCode) {
  Rule rule = Allow();
  rule.protocol = "ICMP";
  rule.icmp = model::IcmpMatch{3, std::nullopt};
  Icmp(net::Family::kV4, 3, 4);
  EXPECT_TRUE(Matches(rule));
  rule.icmp->code = 1;
  EXPECT_FALSE(Matches(rule));
}

TEST_F(RuleMatch, ByNotIcmpLeavesOutThatTypeOnly) {
  Rule rule = Allow();
  rule.protocol = "ICMP";
  rule.not_icmp = model::IcmpMatch{8, std::nullopt};
  Icmp(net::Family::kV4, 8);
  EXPECT_FALSE(Matches(rule));
  Icmp(net::Family::kV4, 0);
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByNotProtocolTakesAllOthers) {
  Rule rule = Allow();
  rule.not_protocol = "tcp";
  EXPECT_FALSE(Matches(rule));
  packet_.protocol = net::kUdp;
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByPortsIsFalseForProtocolsWithoutAny) {
  Rule rule = Allow();
  rule.destination.ports = {std::string("http")};
  Icmp(net::Family::kV4, 8);
  EXPECT_FALSE(Matches(rule));
}

TEST_F(RuleMatch, ByNotPortsIsTrueForProtocolsWithoutAny) {
  Rule rule = Allow();
  rule.destination.not_ports = {std::string("http")};
  Icmp(net::Family::kV4, 8);
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByNamedPortAsksTheEndpointThatHasTheAddress) {
  Rule rule = Allow();
  rule.protocol = "TCP";
  rule.destination.ports = {std::string("http")};
  EXPECT_TRUE(Matches(rule));
  packet_ = Tcp("10.0.0.2", "10.0.0.3", 8080);  // where http is 9090
  EXPECT_FALSE(Matches(rule));
  packet_ = Tcp("10.0.0.2", "198.51.100.1", 8080);
  EXPECT_FALSE(Matches(rule));
}

TEST_F(RuleMatch, ByNamedPortOfTheSourceLooksAtTheSourcePort) {
  Rule rule = Allow();
  rule.source.ports = {std::string("http")};
  packet_ = Tcp("10.0.0.3", "10.0.0.2", 1);
  EXPECT_FALSE(Matches(rule));
  packet_.source_port = 9090;
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByNotPortsCountsNamesOfSelectedEndpointsOnly) {
  Rule rule = Allow();
  rule.destination.not_ports = {std::string("http")};
  EXPECT_FALSE(Matches(rule));
  rule.destination.selector = "role == 'web'";
  EXPECT_FALSE(Matches(rule));
  rule.destination.selector.clear();
  rule.destination.nets = {"10.0.0.0/8"};
  rule.destination.not_ports = {std::string("dns")};
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByNamedPortDoesNotTakeThePortOfAnotherOwnerOfTheAddress) {
  Add(cluster_, R"(
kind: HostEndpoint
metadata: {name: h, labels: {role: proxy}}
spec: {node: a, interfaceName: eth0, expectedIPs: [10.0.0.2]}
)");
  Rule rule = Allow();
  rule.destination.ports = {std::string("http")};
  EXPECT_TRUE(Matches(rule));
  rule.destination.selector = "role == 'proxy'";
  EXPECT_FALSE(Matches(rule));
  rule.destination.not_ports = std::move(rule.destination.ports);
  rule.destination.ports.clear();
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, OfANamespacedPolicyFindsNamedPortsOfItsNamespaceIfItHasASelector) {
  Rule rule = Allow();
  rule.destination.ports = {std::string("http")};
  packet_ = Tcp("10.0.0.2", "10.0.0.3", 9090);
  EXPECT_TRUE(Matches(rule, "ns1"));
  rule.destination.selector = "all()";
  EXPECT_FALSE(Matches(rule, "ns1"));
  EXPECT_TRUE(Matches(rule, "ns2"));
}

TEST_F(RuleMatch, OfDenyByNotNetsIsFalseForTheOtherFamily) {
  Rule rule = Allow();
  rule.action = "Deny";
  rule.destination.not_nets = {"fd00::/16"};
  EXPECT_FALSE(Matches(rule));
  rule.destination.not_nets = {"fd00::/16", "10.1.0.0/16"};
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, ByNotNetsOfEverythingIsNeverTrue) {
  Rule rule = Allow();
  rule.source.not_nets = {"0.0.0.0/0"};
  EXPECT_FALSE(Matches(rule));
}

TEST_F(RuleMatch, MasksHostBitsAndTakesBareAddresses) {
  Rule rule = Allow();
  rule.source.nets = {"10.0.0.77/8"};
  rule.destination.nets = {"10.0.0.2"};
  EXPECT_TRUE(Matches(rule));
}

TEST_F(RuleMatch, BySelectorFindsNetworkSets) {
  Rule rule = Allow();
  rule.source.selector = "role == 'office'";
  packet_ = Tcp("198.51.100.200", "10.0.0.2", 80);
  EXPECT_TRUE(Matches(rule));
  EXPECT_FALSE(Matches(rule, "ns1"));  // the set has no namespace
}

TEST_F(RuleMatch, BySelectorLeavesOutWorkloadsThatAreNoEndpoints) {
  Rule rule = Allow();
  rule.source.selector = "role == 'db'";
  EXPECT_TRUE(Matches(rule));
  const auto key = model::Key::Resource(model::Kind::kWorkloadEndpoint, "b-k8s-db-eth0", "ns2");
  model::WorkloadEndpoint without_interface = *cluster_.Find<model::WorkloadEndpoint>(key);
  without_interface.interface_name.clear();
  Store(cluster_, without_interface);
  EXPECT_FALSE(Matches(rule));
}

TEST_F(RuleMatch, ByServicesTakesThePoliciesNamespaceWhenNoneIsGiven) {
  cluster_.services["ns1/s"] = {{*net::Ip::Parse("10.0.0.2"), net::kTcp, 8080}};
  Rule rule = Allow();
  rule.destination.services = model::ServiceMatch{"s", ""};
  EXPECT_TRUE(Matches(rule, "ns1"));
  EXPECT_FALSE(Matches(rule, "ns2"));
}

TEST_F(RuleMatch, BySourceServicesLooksAtNoPort) {
  cluster_.services["ns1/s"] = {{*net::Ip::Parse("10.0.0.3"), net::kUdp, 1}};
  Rule rule = Allow();
  rule.source.services = model::ServiceMatch{"s", "ns1"};
  EXPECT_TRUE(Matches(rule));
}

// --- what cannot be read

std::vector<Rule> Unreadable() {
  std::vector<Rule> rules(11);
  rules[0].source.nets = {"10.0.0.0/8", "10.0.0.0/40"};
  rules[1].destination.not_nets = {"all"};
  rules[2].source.selector = "a = 'b'";
  rules[3].source.not_selector = "a == ";
  rules[4].destination.namespace_selector = "(";
  rules[5].source.service_accounts = model::ServiceAccountMatch{{}, "&&"};
  rules[6].protocol = "quic";
  rules[7].ip_version = 5;
  rules[8].icmp = model::IcmpMatch{300, std::nullopt};
  rules[9].destination.ports = {net::PortRange{80, 80}};
  rules[10].protocol = "ICMP";
  rules[10].source.not_ports = {std::string("http"), net::PortRange{80, 80}};
  return rules;
}

TEST_F(RuleMatch, OfAnUnreadableAllowIsFalse) {
  for (Rule rule : Unreadable()) {
    rule.action = "Allow";
    const RuleTrace trace = Trace(rule);
    EXPECT_FALSE(trace.matched) << trace.unreadable;
    EXPECT_FALSE(trace.unreadable.empty());
  }
}

TEST_F(RuleMatch, OfAnUnreadableDenyOrPassDeniesEverything) {
  for (const char* action : {"Deny", "Pass"}) {
    for (Rule rule : Unreadable()) {
      rule.action = action;
      const RuleTrace trace = Trace(rule);
      EXPECT_TRUE(trace.matched) << trace.unreadable;
      EXPECT_EQ(trace.action, RuleAction::kDeny);
    }
  }
}

TEST_F(RuleMatch, OfAnUnknownActionDeniesEverything) {
  Rule rule = Allow();
  rule.action = "Permit";
  rule.source.nets = {"192.0.2.1/32"};
  EXPECT_TRUE(Trace(rule).matched);
  EXPECT_EQ(Trace(rule).action, RuleAction::kDeny);
}

TEST_F(RuleMatch, OfAnUnreadableLogIsFalse) {
  Rule rule = Unreadable()[0];
  rule.action = "Log";
  EXPECT_FALSE(Matches(rule));
}

}  // namespace
}  // namespace calico::policy_eval
