// SPDX-License-Identifier: Apache-2.0
// A table of accepted and refused values for each kind of Calico 2.6 (reference datastore-model C.10).
#include "model/validate/v1.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "model/codec/document.h"
#include "model/testing/v1_documents.h"

namespace calico::model {
namespace {

using ::testing::HasSubstr;

std::string ErrorOf(const std::string& text) {
  DocumentOptions options;
  options.v1_names = V1Names::kVerbatim;
  const auto documents = ParseDocuments("{apiVersion: v1, " + text + "}", "f", options);
  return documents ? "" : documents.error().message();
}

struct Row {
  std::string text;
  std::string words;  // that the error must have; empty: accepted
};
void Check(const std::string& front, const std::vector<Row>& rows, const std::string& back = "") {
  for (const Row& row : rows) {
    const std::string error = ErrorOf(front + row.text + back);
    if (row.words.empty())
      EXPECT_EQ(error, "") << row.text;
    else
      EXPECT_THAT(error, HasSubstr(row.words)) << row.text;
  }
}

TEST(ValidateV1, AcceptsTheReferencesExamples) {
  for (const auto& [kind, text] : testing::V1Examples()) {
    const auto documents = ParseDocuments(text, "f");
    EXPECT_TRUE(documents.has_value()) << kind << ": " << documents.error().message();
  }
}

TEST(ValidateV1, Peers) {
  Check("kind: bgpPeer, spec: {asNumber: 64512}, metadata: {",
        {{"scope: global, peerIP: 10.0.0.1", ""},
         {"scope: node, node: h, peerIP: \"fd00::1\"", ""},
         {"peerIP: 10.0.0.1", "insufficient identifiers, missing 'scope'"},
         {"scope: global", "insufficient identifiers, missing 'peerIP'"},
         {"scope: node, peerIP: 10.0.0.1", "insufficient identifiers, missing 'node'"},
         {"scope: rack, peerIP: 10.0.0.1", "Scope = 'rack'"},
         {"scope: global, node: h, peerIP: 10.0.0.1",
          "Node = 'h' (no BGP Peer node name should be specified when scope is global)"},
         {"scope: node, node: a/b, peerIP: 10.0.0.1", "Node = 'a/b'"},
         {"scope: global, peerIP: 10.0.0.1/24", "PeerIP = '10.0.0.1/24'"},
         {"scope: global, peerIP: tor", "PeerIP = 'tor'"}},
        "}");
  Check("kind: bgpPeer, metadata: {scope: global, peerIP: 10.0.0.1}, spec: {asNumber: ",
        {{"1", ""},
         {"\"64512\"", ""},
         {"1.10", ""},
         {"4294967296", "asNumber"},
         {"-1", "asNumber"},
         {"x", "asNumber"}},
        "}");
}

TEST(ValidateV1, HostEndpoints) {
  Check(
      "kind: hostEndpoint, ",
      {{"metadata: {name: a/b, node: h}, spec: {interfaceName: eth0}", ""},
       {"metadata: {name: e, node: h}, spec: {expectedIPs: [10.0.0.1, \"fd00::1\"]}", ""},
       {"metadata: {name: e}, spec: {interfaceName: eth0}", "insufficient identifiers, missing 'node'"},
       {"metadata: {node: h}, spec: {interfaceName: eth0}", "insufficient identifiers, missing 'name'"},
       {"metadata: {name: e, node: h}", "no interface or expected IPs have been specified"},
       {"metadata: {name: e, node: h}, spec: {interfaceName: sixteen-letters_}",
        "InterfaceName = 'sixteen-letters_'"},
       {"metadata: {name: e, node: h}, spec: {interfaceName: eth0.1}", "InterfaceName = 'eth0.1'"},
       {"metadata: {name: e, node: h}, spec: {expectedIPs: [10.0.0.0/24]}", "ExpectedIPs = '10.0.0.0/24'"},
       {"metadata: {name: e, node: h}, spec: {interfaceName: e, profiles: [\"a b\"]}", "Profiles = 'a b'"},
       {"metadata: {name: e f, node: h}, spec: {interfaceName: e}", "Name = 'e f'"},
       {"metadata: {name: e, node: h, labels: {a b: c}}, spec: {interfaceName: e}", "Labels = 'a b'"},
       {"metadata: {name: e, node: h, labels: {a/b: c-}}, spec: {interfaceName: e}", "Labels = 'a/b: c-'"},
       {"metadata: {name: e, node: h, labels: {a/b: \"\"}}, spec: {interfaceName: e}", ""},
       {"metadata: {name: " + std::string(128, 'n') + ", node: h}, spec: {interfaceName: e}", ""},
       {"metadata: {name: " + std::string(129, 'n') + ", node: h}, spec: {interfaceName: e}", "Name = 'n"}});
}

TEST(ValidateV1, Pools) {
  Check(
      "kind: ipPool, ",
      {{"metadata: {cidr: 10.0.0.0/26}", ""},
       {"metadata: {cidr: \"fd00::/122\"}", ""},
       {"metadata: {cidr: 10.0.0.0/28}, spec: {disabled: true}", ""},
       {"metadata: {cidr: 10.0.0.0/16}, spec: {ipip: {enabled: true, mode: always}}", ""},
       {"metadata: {}", "insufficient identifiers, missing 'cidr'"},
       {"metadata: {cidr: pool}", "CIDR = 'pool'"},
       {"metadata: {cidr: 10.0.0.0/27}",
        "CIDR = '10.0.0.0/27' (IP pool size is too small (min /26) for use with Calico IPAM)"},
       {"metadata: {cidr: \"fd00::/123\"}", "IP pool size is too small (min /122) for use with Calico IPAM"},
       {"metadata: {cidr: 10.0.0.1/16}", "CIDR = '10.0.0.1/16' (IP pool CIDR is not strictly masked)"},
       {"metadata: {cidr: 169.254.3.0/24}",
        "IP pool range overlaps with IPv4 Link Local range 169.254.0.0/16"},
       {"metadata: {cidr: \"fe80::/64\"}", "IP pool range overlaps with IPv6 Link Local range fe80::/10"},
       {"metadata: {cidr: \"fd00::/64\"}, spec: {ipip: {enabled: true}}",
        "IPIP.Enabled = 'true' (IPIP is not supported on an IPv6 IP pool)"},
       {"metadata: {cidr: \"fd00::/64\"}, spec: {ipip: {enabled: false}}", ""},
       {"metadata: {cidr: 10.0.0.0/16}, spec: {ipip: {mode: Always}}", "IPIP.Mode = 'Always'"}});
}

TEST(ValidateV1, Nodes) {
  Check("kind: node, ",
        {{"metadata: {name: n_1.A-b}", ""},
         {"metadata: {}", "insufficient identifiers, missing 'name'"},
         {"metadata: {name: a/b}", "Name = 'a/b'"},
         {"metadata: {name: n}, spec: {bgp: {ipv4Address: 10.0.0.1}}", ""},
         {"metadata: {name: n}, spec: {bgp: {ipv4Address: 10.0.0.1/24, ipv6Address: \"fd00::1/64\"}}", ""},
         {"metadata: {name: n}, spec: {bgp: {asNumber: 1}}", "BGP (no BGP IP address and subnet specified)"},
         {"metadata: {name: n}, spec: {bgp: {ipv4Address: \"fd00::1\"}}", "IPv4Address = 'fd00::1'"},
         {"metadata: {name: n}, spec: {bgp: {ipv6Address: 10.0.0.1/24}}", "IPv6Address = '10.0.0.1/24'"},
         {"metadata: {name: n}, spec: {orchRefs: [{nodeName: a}]}", "Orchestrator"}});
}

TEST(ValidateV1, Policies) {
  Check("kind: policy, metadata: {", {{"name: a.b/c}", ""},
                                      {"}", "insufficient identifiers, missing 'name'"},
                                      {"name: a b}", "Name = 'a b'"}});
  Check("kind: policy, metadata: {name: p}, spec: {",
        {{"order: 1.5, selector: \"a == 'b' && has(c)\"", ""},
         {"selector: a = b", "Selector = 'a = b'"},
         {"types: [ingress, egress]", ""},
         {"types: [ingress, ingress]", "Types = 'ingress' (is there twice)"},
         {"types: [Ingress]", "Types = 'Ingress'"},
         {"preDNAT: true, ingress: [{action: allow}], types: [ingress]", ""},
         {"doNotTrack: true, egress: [{action: allow}]", ""},
         {"preDNAT: true, doNotTrack: true", "PreDNAT and DoNotTrack cannot both be true"},
         {"preDNAT: true, egress: [{action: allow}]", "PreDNAT PolicySpec cannot have any Egress rules"},
         {"preDNAT: true, types: [egress]", "PreDNAT PolicySpec cannot have 'egress' Type"},
         {"order: first", "spec.order"},
         {"ingress: {}", "spec.ingress"}},
        "}");
}

TEST(ValidateV1, Profiles) {
  Check("kind: profile, metadata: {",
        {{"name: k8s_ns.a/b, tags: [a_B-1.c], labels: {x: y}", ""},
         {"tags: [a]", "insufficient identifiers, missing 'name'"},
         {"name: a b", "Name = 'a b'"},
         {"name: p, tags: [a/b]", "Tags = 'a/b'"},
         {"name: p, tags: [\"\"]", "Tags"},
         {"name: p, labels: {x: a b}", "Labels = 'x: a b'"},
         {"name: p, labels: {x: " + std::string(63, 'v') + "}", ""},
         {"name: p, labels: {x: " + std::string(64, 'v') + "}", "Labels"}},
        "}");
}

TEST(ValidateV1, Rules) {
  Check("kind: profile, metadata: {name: p}, spec: {egress: [{",
        {{"action: allow", ""},
         {"action: deny", ""},
         {"action: log", ""},
         {"action: pass", ""},
         {"", "Action (a rule needs an action"},
         {"action: Allow", "Action = 'Allow'"},
         {"action: next-tier", "Action = 'next-tier'"},
         {"action: allow, ipVersion: 6", ""},
         {"action: allow, ipVersion: 5", "IPVersion = '5'"},
         {"action: allow, protocol: udplite", ""},
         {"action: allow, protocol: 255", ""},
         {"action: allow, protocol: 0", "Protocol = '0'"},
         {"action: allow, protocol: 256", "Protocol = '256'"},
         {"action: allow, protocol: TCP", "Protocol = 'TCP'"},
         {"action: allow, notProtocol: ipip", "NotProtocol = 'ipip'"},
         {"action: allow, icmp: {type: 254, code: 255}", ""},  // without a protocol too
         {"action: allow, icmp: {type: 255}", "ICMP.Type = '255'"},
         {"action: allow, icmp: {type: 1, code: 256}", "ICMP.Code = '256'"},
         {"action: allow, notICMP: {code: 1}",
          "NotICMP.Code = '1' (ICMP code specified without an ICMP type)"}},
        "}]}");
}

TEST(ValidateV1, EntitiesOfRules) {
  Check("kind: profile, metadata: {name: p}, spec: {ingress: [{action: allow, ",
        {{"protocol: tcp, source: {ports: [1, 65535, \"80:90\"]}", ""},
         {"protocol: 17, destination: {notPorts: [53]}", ""},
         {"source: {ports: [1]}", "Source.Ports (protocol does not support ports)"},
         {"protocol: icmp, destination: {ports: [1]}",
          "Destination.Ports = 'icmp' (protocol does not support ports)"},
         {"protocol: sctp, destination: {ports: [1]}", "protocol does not support ports"},
         {"protocol: tcp, source: {ports: [0]}",
          "Source.Ports = '0' (port range invalid, port number must be between 1 and 65535)"},
         {"protocol: tcp, source: {ports: [65536]}", "port range invalid"},
         {"protocol: tcp, source: {ports: [\"9:8\"]}", "minimum port number (9) is greater"},
         {"protocol: tcp, source: {ports: [http]}", "Source.Ports = 'http'"},
         {"source: {net: 10.0.0.1}", ""},
         {"source: {net: 10.0.0.0/8, notNet: 10.1.0.0/16}", ""},
         {"source: {nets: [10.0.0.7/8, \"10.0.0.1\"]}, destination: {notNets: [10.0.0.0/8]}", ""},
         {"source: {net: 10.0.0.0/8, nets: [10.0.0.0/8]}", "only one of Net and Nets fields allowed"},
         {"source: {net: 10.0.0.0/8}, destination: {notNets: [10.0.0.0/8]}",
          "only one of Net and Nets fields allowed"},
         {"source: {net: net}", "Source.Net = 'net'"},
         {"destination: {notNets: [10.0.0.0/33]}", "Destination.NotNets = '10.0.0.0/33'"},
         {"source: {nets: [10.0.0.0/8, \"fd00::/8\"]}", "Source.Nets = 'fd00::/8'"},
         {"source: {net: 10.0.0.0/8}, destination: {net: \"fd00::/8\"}", "Destination.Net = 'fd00::/8'"},
         {"ipVersion: 6, source: {net: 10.0.0.0/8}", "Source.Net = '10.0.0.0/8'"},
         {"ipVersion: 6, source: {net: \"fd00::/8\"}", ""},
         {"source: {tag: a.B_c-1, notTag: x}", ""},
         {"source: {tag: a/b}", "Source.Tag = 'a/b'"},
         {"destination: {notTag: a b}", "Destination.NotTag = 'a b'"},
         {"source: {selector: a ==}", "Source.Selector = 'a =='"},
         {"destination: {notSelector: \"has(\"}", "Destination.NotSelector = 'has('"}},
        "}]}");
}

TEST(ValidateV1, WorkloadEndpoints) {
  const std::string good = "node: h, orchestrator: o, workload: w/1, name: e";
  Check("kind: workloadEndpoint, spec: {interfaceName: cali1}, metadata: {",
        {{good, ""},
         {good + ", activeInstanceID: abc", ""},
         {good + ", activeInstanceID: a/b", "ActiveInstanceID = 'a/b'"},
         {"orchestrator: o, workload: w, name: e", "insufficient identifiers, missing 'node'"},
         {"node: h, workload: w, name: e", "insufficient identifiers, missing 'orchestrator'"},
         {"node: h, orchestrator: o, name: e", "insufficient identifiers, missing 'workload'"},
         {"node: h, orchestrator: o, workload: w", "insufficient identifiers, missing 'name'"},
         {"node: h/m, orchestrator: o, workload: w, name: e", "Node = 'h/m'"},
         {"node: h, orchestrator: o p, workload: w, name: e", "Orchestrator = 'o p'"},
         {"node: h, orchestrator: o, workload: w!, name: e", "Workload = 'w!'"},
         {"node: h, orchestrator: o, workload: w, name: e?", "Name = 'e?'"}},
        "}");
  Check(
      "kind: workloadEndpoint, metadata: {" + good + "}, spec: {",
      {{"interfaceName: cali1, ipNetworks: [10.0.0.1/32, \"fd00::1/128\", 10.0.0.2]", ""},
       {"mac: \"ee:ee:ee:ee:ee:ee\"", "InterfaceName"},
       {"interfaceName: cali1, mac: \"ee:ee\"", "MAC = 'ee:ee'"},
       {"interfaceName: cali1, mac: \"ee:ee:ee:ee:ee:ee\"", ""},
       {"interfaceName: cali1, ipNetworks: [10.0.0.0/24]", "IPNetworks = '10.0.0.0/24'"},
       {"interfaceName: cali1, ipNetworks: [\"fd00::/64\"]", "IPNetworks = 'fd00::/64'"},
       {"interfaceName: cali1, ipv4Gateway: 10.0.0.1, ipv6Gateway: \"fd00::1\"", ""},
       {"interfaceName: cali1, ipv4Gateway: \"fd00::1\"", "IPv4Gateway = 'fd00::1'"},
       {"interfaceName: cali1, ipv6Gateway: 10.0.0.1", "IPv6Gateway = '10.0.0.1'"},
       {"interfaceName: cali1, ipNetworks: [10.0.0.1], ipNATs: [{internalIP: 10.0.0.1, externalIP: 1.2.3.4}]",
        ""},
       {"interfaceName: cali1, ipNetworks: [10.0.0.1], ipNATs: [{internalIP: 10.0.0.2, externalIP: 1.2.3.4}]",
        "IPNATs.InternalIP = '10.0.0.2' (NAT is not in the endpoint networks)"},
       {"interfaceName: cali1, ipNetworks: [10.0.0.1], ipNATs: [{internalIP: 10.0.0.1, externalIP: "
        "\"fd00::1\"}]",
        "IPNATs"},
       {"interfaceName: cali1, ipNetworks: [10.0.0.1], ipNATs: [{internalIP: 10.0.0.1}]",
        "IPNATs.ExternalIP"},
       {"interfaceName: cali1, profiles: [a/b.c]", ""},
       {"interfaceName: cali1, profiles: [a b]", "Profiles = 'a b'"}},
      "}");
}

// For a store of Calico 2.6: names of v3's alphabet are not asked for.
TEST(ValidateV1, ChecksObjectsToo) {
  GlobalNetworkPolicy policy;
  policy.metadata.name = "Prod_Web";
  EXPECT_TRUE(ValidateV1(Object(policy)).has_value());
  policy.metadata.name = "a b";
  EXPECT_THAT(ValidateV1(Object(policy)).error().message(), HasSubstr("Name = 'a b'"));
  policy.metadata.name = "p";
  policy.spec.tier = "security";
  EXPECT_THAT(ValidateV1(Object(policy)).error().message(), HasSubstr("spec.tier = 'security'"));
  EXPECT_THAT(ValidateV1(Object(Tier{})).error().message(), HasSubstr("no kind Tier"));
}

TEST(ValidateV1, ReportsEveryFieldOfADocument) {
  EXPECT_EQ(ErrorOf("kind: hostEndpoint, metadata: {name: a b, node: h}, spec: {interfaceName: c d}"),
            "f: line 1, column 49: error with the following fields:\n"
            "-  Name = 'a b' (must be 1 to 128 letters, digits, '_', '.', '-' or '/')\n"
            "-  InterfaceName = 'c d' (must be 1 to 15 letters, digits, '_' or '-')");
}

}  // namespace
}  // namespace calico::model
