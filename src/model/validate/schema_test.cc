// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.7. Many of these rules also have a field check that comes first, so the rules
// are asked directly.
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

std::string Rule(const std::string& path, const std::string& reason) {
  return Field(path, "", reason);
}

TEST(Schema, IsOnlyAskedWhenTheFieldsAreSound) {
  ExpectVerdicts(
      "GlobalNetworkSet", "a", OfCreate,
      {{"{nets: [10.0.0.0/8, 10.0.0.0/8]}", Rule("spec.nets[1]", "Duplicate value: \"10.0.0.0/8\"")},
       {"{nets: [10.0.0.0/8, 10.0.0.0/8, x]}", Tag("Nets[2]", "x", "cidr")}});
  // What calicoctl validate does.
  ExpectVerdicts("GlobalNetworkSet", "a", OfFields, {{"{nets: [10.0.0.0/8, 10.0.0.0/8]}", kSound}});
}

TEST(Schema, LeavesKindsWithoutDefinitionAlone) {
  EXPECT_EQ(OfSchema(Node{}), kSound);
  EXPECT_EQ(OfSchema(WorkloadEndpoint{}), kSound);
  Profile profile;
  profile.ingress.emplace_back().http.emplace();
  EXPECT_EQ(OfSchema(profile), kSound);
}

TEST(Schema, OfPolicies) {
  const std::string many =
      "[a1, a2, a3, a4, a5, a6, a7, a8, a9, a10, a11, a12, a13, a14, a15, a16, a17, a18, a19, "
      "a20, a21]";
  for (const char* kind :
       {"NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"}) {
    ExpectVerdicts(
        kind, "web", OfSchema,
        {
            {"{types: [Ingress, Egress]}", kSound},
            {"{types: [Ingress, Ingress]}", Rule("spec.types[1]", "Duplicate value: \"Ingress\"")},
            {"{types: [Ingress, Egress, Other]}", Rule("spec.types", "must have at most 2 items")},
            {"{ingress: [{action: Allow}, {action: Deny, source: {nets: [10.0.0.0/8, 10.0.0.0/8]}}]}",
             Rule("spec.ingress[1].source.nets[1]", "Duplicate value: \"10.0.0.0/8\"")},
            {"{egress: [{action: Allow, destination: {serviceAccounts: {names: [a, a]}}}]}",
             Rule("spec.egress[0].destination.serviceAccounts.names[1]", "Duplicate value: \"a\"")},
            {"{ingress: [{action: Allow, http: {methods: " + many + "}}]}",
             Rule("spec.ingress[0].http.methods", "must have at most 20 items")},
            {"{ingress: [{action: Allow, http: {paths: [{exact: /" + std::string(1024, 'a') + "}]}}]}",
             Rule("spec.ingress[0].http.paths[0].exact", "may not be more than 1024 bytes")},
            {"{ingress: [{action: Allow, protocol: UDP, http: {}}]}",
             Rule("spec.ingress[0]", "rules with HTTP match must have protocol TCP or unset")},
            {"{ingress: [{action: Deny, http: {}}]}",
             Rule("spec.ingress[0]", "HTTP match is only valid on Allow rules")},
            {"{egress: [{action: Allow, destination: {services: {name: a}, ports: [1]}}]}",
             Rule("spec.egress[0].destination", "ports and notPorts cannot be specified with services")},
            {"{ingress: [{action: Allow, icmp: {code: 1}}]}",
             Rule("spec.ingress[0].icmp", "ICMP code specified without an ICMP type")},
        });
  }
  ExpectVerdicts("GlobalNetworkPolicy", "web", OfSchema,
                 {
                     {"{preDNAT: true, doNotTrack: true, applyOnForward: true}",
                      Rule("spec", "preDNAT and doNotTrack cannot both be true")},
                     {"{preDNAT: true, applyOnForward: true, egress: [{action: Allow}]}",
                      Rule("spec", "preDNAT policy cannot have any egress rules")},
                     {"{preDNAT: true, applyOnForward: true, types: [Egress]}",
                      Rule("spec", "preDNAT policy cannot have 'Egress' type")},
                     {"{doNotTrack: true}",
                      Rule("spec", "applyOnForward must be true if either preDNAT or doNotTrack is true")},
                 });
  ExpectVerdicts(
      "StagedKubernetesNetworkPolicy", "a", OfSchema,
      {{"{policyTypes: [Ingress, Ingress]}", Rule("spec.policyTypes[1]", "Duplicate value: \"Ingress\"")}});
}

TEST(Schema, OfPoolsAndSets) {
  ExpectVerdicts(
      "IPPool", "a", OfSchema,
      {
          {"{cidr: 10.0.0.0/8}", kSound},
          {"{cidr: 10.0.0.0}", Rule("spec.cidr", "spec.cidr in body must be of type cidr")},
          {"{cidr: '0000:0000:0000:0000:0000:0000:0000:0000:0000:0000/8'}",
           "error with the following fields:\n-  spec.cidr (may not be more than 48 bytes)\n-  spec.cidr "
           "(spec.cidr in "
           "body must be of type cidr)"},
          {"{cidr: 10.0.0.0/8, blockSize: 129}",
           Rule("spec.blockSize", "spec.blockSize in body should be less than or equal to 128")},
          {"{cidr: 10.0.0.0/8, allowedUses: [Workload, Workload]}",
           Rule("spec.allowedUses[1]", "Duplicate value: \"Workload\"")},
          {"{cidr: 10.0.0.0/8, ipipMode: Always, vxlanMode: Always}",
           Rule("spec", "ipipMode and vxlanMode cannot both be enabled")},
          {"{cidr: 10.0.0.0/8, ipipMode: Always, allowedUses: [LoadBalancer]}",
           Rule("spec", "LoadBalancer IP pool cannot have IPIP or VXLAN enabled")},
          {"{cidr: 10.0.0.0/8, allowedUses: [LoadBalancer, Tunnel]}",
           Rule("spec", "LoadBalancer cannot be combined with Workload or Tunnel allowed uses")},
          {"{cidr: 'fd00::/8', ipipMode: CrossSubnet}", Rule("spec", "IPIP is not supported on IPv6 pools")},
      });
  ExpectVerdicts("IPReservation", "a", OfSchema,
                 {{"{reservedCIDRs: [a, a]}", Rule("spec.reservedCIDRs[1]", "Duplicate value: \"a\"")}});
  ExpectVerdicts("NetworkSet", "a", OfSchema,
                 {{"{nets: [a, a]}", Rule("spec.nets[1]", "Duplicate value: \"a\"")}});
}

TEST(Schema, OfHostEndpoints) {
  ExpectVerdicts(
      "HostEndpoint", "a", OfSchema,
      {
          {"{node: a, interfaceName: eth0}", kSound},
          {"{node: a, interfaceName: a123456789012345}",
           Rule("spec.interfaceName", "may not be more than 15 bytes")},
          {"{node: " + std::string(254, 'a') + ", interfaceName: eth0}",
           Rule("spec.node", "may not be more than 253 bytes")},
          {"{node: a, expectedIPs: [10.0.0.1, 10.0.0.1]}",
           Rule("spec.expectedIPs[1]", "Duplicate value: \"10.0.0.1\"")},
          {"{node: a, interfaceName: e, profiles: [p, p]}",
           Rule("spec.profiles[1]", "Duplicate value: \"p\"")},
          {"{node: a, interfaceName: e, ports: [{name: a, protocol: TCP, port: 65536}]}",
           Rule("spec.ports[0].port", "spec.ports[0].port in body should be less than or equal to 65535")},
          {"{node: a}", Rule("spec", "at least one of interfaceName or expectedIPs must be specified")},
          {"{interfaceName: e}", Rule("spec", "node must be specified")},
      });
}

TEST(Schema, OfBgp) {
  const std::string long_selector = "a == '" + std::string(4096, 'x') + "'";
  ExpectVerdicts(
      "BGPPeer", "a", OfSchema,
      {
          {"{node: " + std::string(254, 'a') + "}", Rule("spec.node", "may not be more than 253 bytes")},
          {"{peerIP: " + std::string(65, 'a') + "}", Rule("spec.peerIP", "may not be more than 64 bytes")},
          {"{nodeSelector: \"" + long_selector + "\"}",
           Rule("spec.nodeSelector", "may not be more than 4096 bytes")},
          {"{peerSelector: \"" + long_selector + "\"}",
           Rule("spec.peerSelector", "may not be more than 4096 bytes")},
          {"{node: a, nodeSelector: all()}", Rule("spec", "node and nodeSelector cannot both be set")},
          {"{peerIP: a, peerSelector: all()}", Rule("spec", "peerIP and peerSelector cannot both be set")},
          {"{asNumber: 1, peerSelector: all()}",
           Rule("spec", "asNumber must be empty when peerSelector is set")},
          {"{asNumber: 1, peerIP: a, localWorkloadSelector: all()}",
           Rule("spec", "peerIP must be empty when localWorkloadSelector is set")},
          {"{localWorkloadSelector: all()}",
           Rule("spec", "asNumber is required when localWorkloadSelector is set")},
          {"{peerSelector: all(), localWorkloadSelector: all()}",
           "error with the following fields:\n"
           "-  spec (peerSelector must be empty when localWorkloadSelector is set)\n"
           "-  spec (asNumber is required when localWorkloadSelector is set)"},
      });
  ExpectVerdicts(
      "BGPFilter", "a", OfSchema,
      {
          {"{exportV4: [{action: Accept, cidr: 1234567890123456789, matchOperator: In}]}",
           Rule("spec.exportV4[0].cidr", "may not be more than 18 bytes")},
          {"{importV6: [{action: Accept, cidr: '" + std::string(44, 'a') + "', matchOperator: In}]}",
           Rule("spec.importV6[0].cidr", "may not be more than 43 bytes")},
          {"{importV6: [{action: Accept, communities: {values: ['" + std::string(33, 'a') + "']}}]}",
           Rule("spec.importV6[0].communities.values", "may not be more than 32 bytes")},
          {"{exportV6: [{action: Accept, cidr: a}]}",
           Rule("spec.exportV6[0]", "cidr and matchOperator must both be set or both be empty")},
          {"{exportV6: [{action: Accept, prefixLength: {min: 1}}]}",
           Rule("spec.exportV6[0]", "cidr is required when prefixLength is set")},
          {"{exportV6: [{action: Reject, operations: [{}]}]}",
           Rule("spec.exportV6[0]", "operations may only be used with action Accept")},
      });
  ExpectVerdicts(
      "BGPConfiguration", "a", OfSchema,
      {
          {"{ignoredInterfaces: [a, a]}", Rule("spec.ignoredInterfaces[1]", "Duplicate value: \"a\"")},
          {"{communities: [{name: a, value: x}]}",
           Rule("spec.communities[0].value",
                R"(spec.communities[0].value in body should match '^(\d+):(\d+)$|^(\d+):(\d+):(\d+)$')")},
          {"{nodeToNodeMeshEnabled: false, nodeMeshPassword: {}}",
           Rule("spec", "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false")},
          {"{nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: 1s}",
           Rule("spec", "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false")},
      });
}

TEST(Schema, OfFelixForbidsBothFormsOfRouteTables) {
  ExpectVerdicts("FelixConfiguration", "a", OfSchema,
                 {{"{routeTableRange: {min: 1, max: 2}, routeTableRanges: [{min: 1, max: 2}]}",
                   Rule("spec", "routeTableRange and routeTableRanges cannot both be set")},
                  {"{nodeSelector: \"" + std::string(1025, 'a') + "\"}",
                   Rule("spec.nodeSelector", "may not be more than 1024 bytes")}});
  ExpectVerdicts(
      "FelixConfiguration", "node.h1", OfSchema,
      {{"{nodeSelector: all()}",
        Rule("FelixConfiguration",
             "nodeSelector must not be set on the 'default' or per-node ('node.*') FelixConfiguration")}});
}

}  // namespace
}  // namespace calico::model::validate
