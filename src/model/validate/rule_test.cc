// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.1: one rule, as it stands in a policy.
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

// What is said of "{action: Allow, <rest>}" as the only ingress or egress rule.
void ExpectRules(const std::vector<Row>& rows, const std::string& kind = "NetworkPolicy",
                 const std::string& list = "ingress") {
  for (const Row& row : rows) {
    const std::string action = row.spec.find("action:") == std::string::npos ? "action: Allow, " : "";
    EXPECT_EQ(OfFields(Parsed(Yaml(kind, "{" + list + ": [{" + action + row.spec + "}]}", "web"))),
              row.verdict)
        << row.spec;
  }
}

TEST(Rule, IsSoundInItsUsualForms) {
  ExpectRules({
      {"action: Log", kSound},
      {"action: Pass", kSound},
      {"protocol: TCP, destination: {ports: [80, '8000:8080', http]}, source: {nets: [10.0.0.0/8, "
       "192.168.1.1/32], "
       "selector: role == 'web', notSelector: has(x)}",
       kSound},
      {"destination: {ports: [http]}", kSound},  // a named port needs no protocol
      {"protocol: 132, source: {notPorts: [80]}", kSound},
      {"protocol: ICMP, icmp: {type: 8, code: 0}", kSound},
      {"protocol: icmpv6, ipVersion: 6, source: {nets: ['fd00::/8']}", kSound},
      {"source: {nets: [0.0.0.0/0]}", kSound},
      {"notProtocol: UDPLite", kSound},
      {"source: {namespaceSelector: global()}", kSound},
      {"source: {services: {name: db, namespace: data}}", kSound},
      {"source: {serviceAccounts: {names: [lb], selector: tier == 'edge'}}", kSound},
      {"http: {methods: [GET, PUT], paths: [{exact: /healthz}, {prefix: /api}]}", kSound},
      {"protocol: TCP, http: {methods: [GET]}, metadata: {annotations: {ticket: NET-7}}", kSound},
  });
}

TEST(Rule, HasAKnownActionProtocolAndVersion) {
  ExpectRules({
      {"action: ''", Tag("Action", "", "action")},
      {"action: allow", Tag("Action", "allow", "action")},
      {"ipVersion: 5", Tag("IPVersion", "5", "ipVersion")},
      {"protocol: GRE", Field("Protocol", "GRE", "protocol name invalid")},
      {"protocol: 0", Field("Protocol", "0", "protocol number invalid")},
      {"notProtocol: 256", Field("NotProtocol", "256", "protocol number invalid")},
      {"protocol: ICMP, ipVersion: 6",
       Field("IPVersion", "6", "must set ipversion to '4' with protocol icmp")},
      {"notProtocol: ICMPv6, ipVersion: 4",
       Field("IPVersion", "4", "must set ipversion to '6' with protocol icmpv6")},
  });
}

TEST(Rule, MatchesIcmpOnlyWithItsProtocolAndAType) {
  const std::string protocol = "rules that specify ICMP fields must set protocol to ICMP";
  ExpectRules({
      {"protocol: TCP, icmp: {type: 8}", Field("ICMP", "", protocol)},
      {"icmp: {type: 8}", Field("ICMP", "", protocol)},
      {"protocol: ICMP, icmp: {code: 0}", Field("ICMP", "", "ICMP code specified without an ICMP type")},
      {"protocol: ICMP, icmp: {type: 254, code: 255}", kSound},
      {"protocol: ICMP, icmp: {type: 255}", Tag("ICMP.Type", "255", "lte", "(must be at most 254)")},
      {"protocol: ICMP, icmp: {type: -1}", Tag("ICMP.Type", "-1", "gte", "(must be at least 0)")},
      {"notICMP: {type: 8, code: 256}", Tag("NotICMP.Code", "256", "lte", "(must be at most 255)")},
  });
}

TEST(Rule, HasPortsOnlyWithAProtocolThatHasThem) {
  const std::string numeric = "rules with numeric port or port range must set protocol to TCP or UDP or SCTP";
  const std::string protocol = "rules that specify ports must set protocol to TCP or UDP or SCTP";
  ExpectRules({
      {"source: {ports: [80]}", Field("Source.Ports", "", numeric)},
      {"source: {notPorts: [http, 80]}", Field("Source.NotPorts", "", numeric)},
      {"destination: {ports: ['1:2']}", Field("Destination.Ports", "", numeric)},
      {"protocol: ICMP, destination: {ports: [80]}", Field("Destination.Ports", "", protocol)},
      {"protocol: UDPLite, destination: {notPorts: [http]}", Field("Destination.NotPorts", "", protocol)},
      {"protocol: TCP, destination: {ports: [0]}",
       Field("Destination.Ports", "0", "port range invalid, port number must be between 1 and 65535")},
      {"protocol: TCP, destination: {ports: [a b]}",
       Field("Destination.Ports", "a b", "invalid name for a port")},
  });
}

TEST(Rule, HasMaskedNetsOfOneFamily) {
  const std::string all = "catch-all CIDR in negation creates logical contradiction (matches no traffic)";
  ExpectRules({
      {"source: {nets: [10.0.0.1]}", Field("Source.Nets", "10.0.0.1", "invalid CIDR")},
      {"source: {nets: [10.0.0.1/8]}", Tag("Source.Nets", "10.0.0.1/8", "net", "(host bits must be zero)")},
      {"ipVersion: 4, destination: {nets: ['fd00::/8']}",
       Field("Destination.Nets", "fd00::/8", "rule IP version doesn't match CIDR version")},
      {"source: {nets: [10.0.0.0/8]}, destination: {notNets: ['fd00::/8']}",
       Field("Nets", "", "rule contains both IPv4 and IPv6 CIDRs")},
      {"source: {notNets: [0.0.0.0/0]}", Field("Source.NotNets", "0.0.0.0/0", all)},
      {"destination: {notNets: ['::/0']}", Field("Destination.NotNets", "::/0", all)},
  });
}

TEST(Rule, HasSelectorsThatParse) {
  ExpectRules({
      {"source: {selector: a ==}", Tag("Selector", "a ==", "selector", "(expected string)")},
      {"destination: {notSelector: 'a = b'}", Tag("NotSelector", "a = b", "selector", "(expected ==)")},
      {"source: {namespaceSelector: '!'}",
       Tag("NamespaceSelector", "!", "selector", "(unexpected end of string looking for op)")},
      {"source: {selector: 'global() && has(a)'}",
       Field("Selector field", "global() && has(a)",
             "global() can only be used in an EntityRule namespaceSelector")},
      {"source: {selector: \"a == 'global()'\"}", kSound},  // a value, not the function
      {"source: {namespaceSelector: 'global() && has(a)'}",
       Field("NamespaceSelector field", "global() && has(a)",
             "global() cannot be combined with other selectors")},
      {"source: {serviceAccounts: {names: [Lb]}}", Tag("Names[0]", "Lb", "name")},
      {"source: {serviceAccounts: {selector: 'has('}}",
       Tag("Selector", "has(", "selector", "(expected identifier)")},
  });
}

TEST(Rule, HasServicesAlone) {
  const auto not_with = [](const std::string& what) {
    return Field("Services field", "db", "cannot specify " + what + " and Services on the same rule");
  };
  ExpectRules({
      {"source: {services: {namespace: data}}", Field("Services field", "", "must specify a service name")},
      {"source: {services: {name: D}}", Tag("Name", "D", "name")},
      {"source: {services: {name: db}, namespaceSelector: has(a)}", not_with("NamespaceSelector")},
      {"source: {services: {name: db}, selector: has(a)}", not_with("Selector/NotSelector")},
      {"source: {services: {name: db}, notSelector: has(a)}", not_with("Selector/NotSelector")},
      {"source: {services: {name: db}, serviceAccounts: {names: [a]}}", not_with("ServiceAccounts")},
      {"source: {services: {name: db}, nets: [10.0.0.0/8]}", not_with("Nets/NotNets")},
      {"source: {services: {name: db}, notNets: [10.0.0.0/8]}", not_with("Nets/NotNets")},
      {"destination: {services: {name: db}}",
       Field("Services", "db", "not allowed in ingress rule destination")},
  });
  ExpectRules(
      {
          {"protocol: TCP, destination: {services: {name: db}, ports: [80]}",
           Field("Destination.Ports", "", "cannot specify ports with a service selector")},
          {"protocol: TCP, destination: {services: {name: db}, notPorts: [80]}",
           Field("Destination.NotPorts", "", "cannot specify notports with a service selector")},
          {"source: {services: {name: db}}", Field("Services", "db", "not allowed in egress rule source")},
          {"destination: {services: {name: db}}", kSound},
      },
      "NetworkPolicy", "egress");
  ExpectRules({{"destination: {services: {name: db}}", Field("Namespace", "", "must specify a namespace")},
               {"destination: {services: {name: db, namespace: data}}", kSound}},
              "GlobalNetworkPolicy", "egress");
}

TEST(Rule, MatchesHttpOnlyWhereItCan) {
  ExpectRules({
      {"protocol: UDP, http: {methods: [GET]}",
       Field("Protocol", "UDP", "rules that specify HTTP fields must set protocol to TCP or empty")},
      {"action: Deny, http: {methods: [GET]}", Field("HTTP", "", "only valid for Allow rules")},
      {"http: {methods: [GET, PUT, GET]}",
       Field("Methods", "", "Invalid methods (duplicates): [GET PUT GET]")},
      {"http: {paths: [{exact: /a, prefix: /b}]}",
       Field("Paths", "/a", "Invalid path match. Both 'exact' and 'prefix' are set")},
      {"http: {paths: [{}]}",
       Field("Paths", "", "Invalid path match. Either 'exact' or 'prefix' must be set")},
      {"http: {paths: [{exact: a}]}",
       Field("Paths", "a", "Invalid path a. (must start with `/` and not contain `?` or `#`")},
      {"http: {paths: [{prefix: '/a?b'}]}",
       Field("Paths", "/a?b", "Invalid path /a?b. (must start with `/` and not contain `?` or `#`")},
  });
  ExpectRules({{"http: {methods: [GET]}", Field("HTTP", "", "not allowed in egress rule")}}, "NetworkPolicy",
              "egress");
  ExpectRules({{"http: {methods: [GET]}", Field("HTTP", "", "not allowed in egress rules")}},
              "GlobalNetworkPolicy", "egress");
}

TEST(Rule, OfAProfileMayNameServicesAnywhere) {
  ExpectRules({{"destination: {services: {name: db}}", kSound}, {"action: x", Tag("Action", "x", "action")}},
              "Profile");
}

}  // namespace
}  // namespace calico::model::validate
