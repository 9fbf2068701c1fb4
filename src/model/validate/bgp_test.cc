// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.12 to C.4.14.
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

TEST(BgpPeers, AreChosenInOneWay) {
  ExpectVerdicts(
      "BGPPeer", "tor-a", OfCreate,
      {
          {"{}", kSound},
          {"{nodeSelector: rack == 'r1', peerIP: '10.20.0.1:1179', asNumber: 65100, localASNumber: 64600, "
           "nextHopMode: "
           "Self, sourceAddress: UseNodeIP, maxRestartTime: 1m30s, keepaliveTime: 20s, "
           "numAllowedLocalASNumbers: 1, "
           "ttlSecurity: 1, reachableBy: 10.20.0.254, filters: [only-pods], reversePeering: Auto}",
           kSound},
          {"{localWorkloadSelector: has(bgp), asNumber: 64600}", kSound},
          {"{peerIP: '[fd00::1]:1179', reachableBy: 'fd00::2'}", kSound},
          {"{node: a, nodeSelector: all()}",
           Field("Node", "a", "Node field must be empty when NodeSelector is specified")},
          {"{peerSelector: all(), peerIP: 10.0.0.1}",
           Field("PeerIP", "10.0.0.1", "PeerIP field must be empty when PeerSelector is specified")},
          {"{peerSelector: all(), asNumber: 7}",
           Field("ASNumber", "7", "ASNumber field must be empty when PeerSelector is specified")},
          {"{localWorkloadSelector: has(bgp)}",
           Field("ASNumber", "", "ASNumber field must be set when LocalWorkloadSelector is specified")},
          {"{localWorkloadSelector: has(bgp), asNumber: 1, peerIP: 10.0.0.1}",
           Field("PeerIP", "10.0.0.1", "PeerIP field must be empty when LocalWorkloadSelector is specified")},
          {"{reachableBy: 10.0.0.1}",
           Field("ReachableBy", "10.0.0.1", "ReachablyBy field must be empty when PeerIP is empty")},
          {"{peerIP: 'fd00::1', reachableBy: 10.0.0.1}",
           Field("ReachableBy", "10.0.0.1", "ReachableBy and PeerIP address family mismatched")},
          {"{keepOriginalNextHop: true, nextHopMode: Auto}",
           Field("KeepOriginalNextHop", "true",
                 "KeepOriginalNextHop field must be false when NextHopMode is specified")},
      });
}

TEST(BgpPeers, HaveSoundFields) {
  ExpectVerdicts("BGPPeer", "tor-a", OfCreate,
                 {
                     {"{node: A}", Tag("Node", "A", "name")},
                     {"{nodeSelector: 'a =='}", Tag("NodeSelector", "a ==", "selector", "(expected string)")},
                     {"{peerSelector: '('}",
                      Tag("PeerSelector", "(", "selector", "(unexpected end of string looking for op)")},
                     {"{peerIP: '10.0.0.1:0'}", Tag("PeerIP", "10.0.0.1:0", "IP:port")},
                     {"{peerIP: 'fd00::1]:179'}", Tag("PeerIP", "fd00::1]:179", "IP:port")},
                     {"{nextHopMode: self}", Tag("NextHopMode", "self", "oneof")},
                     {"{sourceAddress: None}", kSound},
                     {"{sourceAddress: none}", Tag("SourceAddress", "none", "sourceAddress")},
                     {"{ttlSecurity: 256}", Tag("TTLSecurity", "256", "lte", "(must be at most 255)")},
                     {"{peerIP: 10.0.0.1, reachableBy: x}", Tag("ReachableBy", "x", "reachableBy")},
                     {"{filters: [A]}", Tag("Filters[0]", "A", "name")},
                     {"{reversePeering: Never}", Tag("ReversePeering", "Never", "oneof")},
                 });
}

TEST(BgpConfigurations, OfOneNodeLeaveTheMeshAlone) {
  const auto only = [](const char* field, const std::string& name) {
    return Field(std::string("BGPConfiguration.Spec.") + field, "",
                 "Cannot set " + name + " on a non default BGP Configuration.");
  };
  ExpectVerdicts(
      "BGPConfiguration", "node.h1", OfCreate,
      {
          {"{logSeverityScreen: Debug, listenPort: 1790}", kSound},
          {"{nodeToNodeMeshEnabled: true}", only("NodeToNodeMeshEnabled", "nodeToNodeMeshEnabled")},
          {"{asNumber: 1}", only("ASNumber", "ASNumber")},
          {"{serviceLoadBalancerIPs: [{cidr: 10.0.0.0/8}]}",
           only("ServiceLoadBalancerIPs", "ServiceLoadBalancerIPs")},
          {"{serviceExternalIPs: [{cidr: 10.0.0.0/8}]}", only("ServiceExternalIPs", "ServiceExternalIPs")},
          {"{serviceClusterIPs: [{cidr: 10.0.0.0/8}]}", only("ServiceClusterIPs", "ServiceClusterIPs")},
          {"{nodeMeshPassword: {secretKeyRef: {name: a, key: b}}}",
           only("NodeMeshPassword", "nodeMeshPassword")},
          {"{nodeMeshMaxRestartTime: 2m}", only("NodeMeshMaxRestartTime", "nodeMeshMaxRestartTime")},
      });
}

TEST(BgpConfigurations, HaveSoundFields) {
  const std::string form = "community must be aa:nn with parts of 16 bits or aa:nn:mm with parts of 32 bits";
  const std::string unused = "communities are defined but not used in Spec.PrefixAdvertisement[].";
  ExpectVerdicts(
      "BGPConfiguration", "default", OfCreate,
      {
          {"{logSeverityScreen: Info, nodeToNodeMeshEnabled: false, asNumber: 64512, serviceLoadBalancerIPs: "
           "[{cidr: "
           "203.0.113.0/24}], communities: [{name: blackhole, value: '65535:666'}], prefixAdvertisements: "
           "[{cidr: "
           "10.77.0.0/16, communities: [blackhole, '64512:100']}], listenPort: 1790, bindMode: NodeIP, "
           "ignoredInterfaces: [docker0, veth*], localWorkloadPeeringIPV4: 169.254.0.179, "
           "localWorkloadPeeringIPV6: "
           "'fe80::179', programClusterRoutes: Enabled, ipv4NormalRoutePriority: 1024}",
           kSound},
          {"{logSeverityScreen: info}", Tag("LogSeverityScreen", "info", "logLevel")},
          {"{serviceClusterIPs: [{cidr: 10.0.0.1/8}]}",
           Tag("ServiceClusterIPs[0].CIDR", "10.0.0.1/8", "net")},
          {"{serviceLoadBalancerAggregation: 'Yes'}", Tag("ServiceLoadBalancerAggregation", "Yes", "oneof")},
          {"{communities: [{name: a, value: '1:2'}]}", Field("Spec.Communities[]", "a", unused)},
          {"{communities: [{name: a, value: '1:65536'}], prefixAdvertisements: [{cidr: 10.0.0.0/8, "
           "communities: [a]}]}",
           Field("Spec.Communities[].Value", "1:65536", form)},
          {"{communities: [{name: A, value: '1:2'}], prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: "
           "[A]}]}",
           Tag("Name", "A", "name")},
          {"{prefixAdvertisements: [{cidr: 10.0.0.0/8, communities: [b]}]}",
           Field("Spec.PrefixAdvertisement[].Communities[]", "b",
                 "community used is invalid or not defined.")},
          {"{prefixAdvertisements: [{communities: ['1:2']}]}", Tag("CIDR", "", "net")},
          {"{prefixAdvertisements: [{cidr: 10.0.0.0/8}]}", Tag("Communities", "", "required")},
          {"{listenPort: 65536}", Tag("ListenPort", "65536", "lte", "(must be at most 65535)")},
          {"{listenPort: 0}", Tag("ListenPort", "0", "gte", "(must be at least 1)")},
          {"{nodeToNodeMeshEnabled: false, nodeMeshMaxRestartTime: 2m}",
           Field("BGPConfiguration.Spec.NodeMeshMaxRestartTime", "2m0s",
                 "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false")},
          {"{nodeToNodeMeshEnabled: false, nodeMeshPassword: {}}",
           Field("BGPConfiguration.Spec.NodeMeshPassword", "",
                 "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false")},
          {"{bindMode: All}", Tag("BindMode", "All", "oneof")},
          {"{ignoredInterfaces: ['*']}", Tag("IgnoredInterfaces[0]", "*", "ignoredInterface")},
          {"{localWorkloadPeeringIPV4: 'fe80::1'}", Tag("LocalWorkloadPeeringIPV4", "fe80::1", "ipv4")},
          {"{localWorkloadPeeringIPV6: 10.0.0.1}", Tag("LocalWorkloadPeeringIPV6", "10.0.0.1", "ipv6")},
          {"{programClusterRoutes: enabled}", Tag("ProgramClusterRoutes", "enabled", "oneof")},
          {"{ipv6NormalRoutePriority: 0}",
           Tag("IPv6NormalRoutePriority", "0", "gte", "(must be at least 1)")},
          {"{ipv4NormalRoutePriority: 2147483647}",
           Tag("IPv4NormalRoutePriority", "2147483647", "lte", "(must be at most 2147483646)")},
      });
}

TEST(BgpFilters, HaveSoundRules) {
  const std::string form = "community must be aa:nn with parts of 16 bits or aa:nn:mm with parts of 32 bits";
  const auto rule = [](const std::string& more) { return "{exportV4: [{action: Accept, " + more + "}]}"; };
  ExpectVerdicts(
      "BGPFilter", "only-pods", OfCreate,
      {
          {"{exportV4: [{cidr: 10.77.0.0/16, prefixLength: {min: 26, max: 32}, matchOperator: In, source: "
           "RemotePeers, "
           "interface: '*.calico', peerType: eBGP, communities: {values: ['64512:100']}, asPathPrefix: "
           "[65100], "
           "priority: 1024, action: Accept, operations: [{addCommunity: {value: '64512:200'}}, "
           "{prependASPath: "
           "{prefix: [64512, 64512]}}, {setPriority: {value: 512}}]}, {action: Reject}], importV6: [{cidr: "
           "'fd00::/8', "
           "prefixLength: {max: 128}, matchOperator: NotIn, action: Reject}]}",
           kSound},
          {"{importV4: [{action: ''}]}", Tag("Action", "", "filterAction")},
          {"{importV4: [{action: accept}]}", Tag("Action", "accept", "filterAction")},
          {rule("cidr: 'fd00::/8', matchOperator: In"), Tag("CIDR", "fd00::/8", "netv4")},
          {"{importV6: [{action: Accept, cidr: 10.0.0.0/8, matchOperator: In}]}",
           Tag("CIDR", "10.0.0.0/8", "netv6")},
          {rule("cidr: 10.0.0.1/8, matchOperator: In"), Tag("CIDR", "10.0.0.1/8", "netv4")},
          {rule("cidr: 10.0.0.0/8"),
           Field("MatchOperator", "", "MatchOperator cannot be empty when CIDR is not")},
          {rule("matchOperator: In"), Field("CIDR", "", "CIDR cannot be empty when MatchOperator is not")},
          {rule("prefixLength: {min: 1}"),
           Field("CIDR", "", "CIDR cannot be empty when PrefixLength is not")},
          {rule("cidr: 10.0.0.0/8, matchOperator: In, prefixLength: {max: 33}"),
           Tag("PrefixLength.Max", "33", "lte", "(must be at most 32)")},
          {rule("cidr: 10.0.0.0/8, matchOperator: is"), Tag("MatchOperator", "is", "matchOperator")},
          {rule("source: Local"), Tag("Source", "Local", "oneof")},
          {rule("interface: 'a b'"), Tag("Interface", "a b", "bgpFilterInterface")},
          {rule("peerType: BGP"), Tag("PeerType", "BGP", "oneof")},
          {rule("communities: {values: []}"),
           Field("Communities.Values", "", "must have exactly one community")},
          {rule("communities: {values: ['1:x']}"), Field("Communities.Values", "1:x", form)},
          {rule("priority: 0"), Tag("Priority", "0", "gte", "(must be at least 1)")},
          {"{exportV4: [{action: Reject, operations: [{setPriority: {value: 1}}]}]}",
           Field("Operations", "", "operations may only be used with action Accept")},
          {rule("operations: [{}]"),
           Field("Operations", "",
                 "exactly one of addCommunity, prependASPath and setPriority must be set in an operation")},
          {rule("operations: [{addCommunity: {value: x}}]"), Field("AddCommunity.Value", "x", form)},
          {rule("operations: [{prependASPath: {prefix: []}}]"),
           Field("PrependASPath.Prefix", "", "must have 1 to 10 AS numbers")},
          {rule("operations: [{setPriority: {value: 0}}]"),
           Tag("SetPriority.Value", "0", "gte", "(must be at least 1)")},
      });
}

}  // namespace
}  // namespace calico::model::validate
