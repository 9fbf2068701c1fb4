// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.9 to C.4.11.
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

constexpr char kWorkload[] = "rack1--host7-libnetwork-libnetwork-e1";
// A sound endpoint with more members.
std::string With(const std::string& more) {
  std::string spec = "{orchestrator: libnetwork, workload: libnetwork, node: rack1-host7, endpoint: e1";
  if (more.find("interfaceName:") == std::string::npos) spec += ", interfaceName: cali0ef24ba4d1f";
  if (more.find("ipNetworks:") == std::string::npos) spec += ", ipNetworks: [10.77.3.5/32, 'fd00:77::5']";
  return spec + (more.empty() ? "" : ", ") + more + "}";
}

TEST(WorkloadEndpoints, HaveSoundFields) {
  const std::string port = "port range invalid, port number must be between 1 and 65535";
  const std::vector<Row> rows{
      {"", kSound},
      {"mac: 'ca:fe:1d:52:bb:e9', profiles: [kns.shop], ipv4Gateway: 169.254.1.1, ipv6Gateway: 'fe80::1'",
       kSound},
      {"ports: [{name: http, protocol: TCP, port: 8080}, {protocol: UDP, port: 53, hostPort: 53, hostIP: "
       "10.0.0.1}]",
       kSound},
      {"ipNATs: [{internalIP: 10.77.3.5, externalIP: 198.51.100.9}]", kSound},
      {"allowSpoofedSourcePrefixes: [192.0.2.0/24], qosControls: {ingressBandwidth: 10000000, dscp: AF11}",
       kSound},
      {"interfaceName: ''", Tag("InterfaceName", "", "interface")},
      {"interfaceName: bad name!", Tag("InterfaceName", "bad name!", "interface")},
      {"interfaceName: cali0123456789abc", Tag("InterfaceName", "cali0123456789abc", "interface")},
      {"containerID: a_b", Tag("ContainerID", "a_b", "containerID")},
      {"pod: P", Tag("Pod", "P", "name")},
      {"serviceAccountName: S", Tag("ServiceAccountName", "S", "name")},
      {"ipNetworks: [10.0.0.0/24]",
       Field("IPNetworks", "10.0.0.0/24", "IP network contains multiple addresses")},
      {"ipNetworks: [10.0.0.1, x]", Tag("IPNetworks[1]", "x", "net")},
      {"ipNetworks: [10.0.0.1/24]", Tag("IPNetworks[0]", "10.0.0.1/24", "net")},
      {"ipNATs: [{internalIP: 10.77.3.5, externalIP: 'fd00::1'}]",
       Field("InternalIP", "10.77.3.5", "mismatched IP versions")},
      {"ipNATs: [{internalIP: 10.77.3.6, externalIP: 10.0.0.1}]",
       Field("InternalIP", "10.77.3.6", "NAT is not in the endpoint networks")},
      {"ipNATs: [{internalIP: x, externalIP: 10.0.0.1}]", Tag("InternalIP", "x", "ip")},
      {"ipv4Gateway: 'fe80::1'", Tag("IPv4Gateway", "fe80::1", "ipv4")},
      {"ipv6Gateway: 10.0.0.1", Tag("IPv6Gateway", "10.0.0.1", "ipv6")},
      {"profiles: [a, B]", Tag("Profiles[1]", "B", "name")},
      {"mac: 'ee:ee'", Tag("MAC", "ee:ee", "mac")},
      {"ports: [{name: http, protocol: TCP, port: 0}]", Field("EndpointPort.Port", "0", port)},
      {"ports: [{name: http, protocol: ICMP, port: 1}]",
       Field("EndpointPort.Protocol", "ICMP", "protocol must support ports")},
      {"ports: [{name: 'http_1', protocol: TCP, port: 1}]", Tag("EndpointPort.Name", "http_1", "portName")},
      {"ports: [{protocol: TCP, port: 1}]",
       Field("EndpointPort.Name", "",
             "WorkloadEndpointPort name must not be empty if no HostPort is specified")},
      {"allowSpoofedSourcePrefixes: [x]", Tag("AllowSpoofedSourcePrefixes[0]", "x", "cidr")},
      {"qosControls: {dscp: 64}", Tag("DSCP", "64", "dscp")},
  };
  for (const Row& row : rows)
    EXPECT_EQ(OfFields(Parsed(Yaml("WorkloadEndpoint", With(row.spec), kWorkload))), row.verdict) << row.spec;
}

TEST(WorkloadEndpoints, AreNamedByWhatIdentifiesThem) {
  EXPECT_EQ(OfCreate(Parsed(Yaml("WorkloadEndpoint", With(""), kWorkload))), kSound);
  EXPECT_EQ(
      OfCreate(Parsed(Yaml("WorkloadEndpoint", With(""), "other"))),
      Field("Name", "other",
            "the WorkloadEndpoint name does not match the primary identifiers assigned in the Spec: expected "
            "name rack1--host7-libnetwork-libnetwork-e1"));
}

TEST(HostEndpoints, HaveAnInterfaceOrAddresses) {
  const std::string port = "port range invalid, port number must be between 1 and 65535";
  ExpectVerdicts(
      "HostEndpoint", "h1-eth0", OfCreate,
      {
          {"{node: h1, interfaceName: eth0, profiles: [projectcalico-default-allow], ports: [{name: bgp, "
           "protocol: "
           "TCP, port: 179}]}",
           kSound},
          {"{node: h1, interfaceName: '*'}", kSound},
          {"{node: h1, expectedIPs: [10.20.0.7, 'fd00::7']}", kSound},
          {"{interfaceName: eth0}", Field("Node", "", "no node has been specified")},
          {"{node: h1}", Field("InterfaceName", "", "no interface or expected IPs have been specified")},
          {"{node: H1, interfaceName: eth0}", Tag("Node", "H1", "name")},
          {"{node: h1, interfaceName: a/b}", Tag("InterfaceName", "a/b", "interface")},
          {"{node: h1, expectedIPs: [10.0.0.0/8]}", Tag("ExpectedIPs[0]", "10.0.0.0/8", "ip")},
          {"{node: h1, interfaceName: eth0, profiles: [P]}", Tag("Profiles[0]", "P", "name")},
          {"{node: h1, interfaceName: eth0, ports: [{protocol: TCP, port: 1}]}",
           Tag("EndpointPort.Name", "", "portName")},
          {"{node: h1, interfaceName: eth0, ports: [{name: a, protocol: ICMP, port: 1}]}",
           Field("EndpointPort.Protocol", "ICMP", "protocol must support ports")},
          {"{node: h1, interfaceName: eth0, ports: [{name: a, protocol: TCP, port: 0}]}",
           Field("EndpointPort.Port", "0", port)},
      });
}

TEST(Nodes, HaveSoundAddressesAndKeys) {
  ExpectVerdicts("Node", "h1", OfCreate,
                 {
                     {"{}", kSound},
                     {"{bgp: {asNumber: 64512, ipv4Address: 10.20.0.7/24, ipv6Address: '2001:db8::7/64', "
                      "routeReflectorClusterID: 244.0.0.1}, vxlanTunnelMACAddr: '66:3a:ab:01:02:03', "
                      "addresses: [{address: "
                      "10.20.0.7/24, type: CalicoNodeIP}, {address: 10.20.0.7, type: InternalIP}]}",
                      kSound},
                     {"{bgp: {}}", Field("Spec.BGP", "", "Spec.BGP should not be empty")},
                     {"{bgp: {ipv4Address: 'fd00::1/64'}}", Tag("IPv4Address", "fd00::1/64", "cidrv4")},
                     {"{bgp: {ipv6Address: 10.0.0.1}}", Tag("IPv6Address", "10.0.0.1", "cidrv6")},
                     {"{bgp: {ipv4IPIPTunnelAddr: x}}", Tag("IPv4IPIPTunnelAddr", "x", "ipv4")},
                     {"{bgp: {routeReflectorClusterID: '7'}}", Tag("RouteReflectorClusterID", "7", "ipv4")},
                     {"{ipv4VXLANTunnelAddr: 10.0.0.0/8}", Tag("IPv4VXLANTunnelAddr", "10.0.0.0/8", "ipv4")},
                     {"{ipv6VXLANTunnelAddr: 10.0.0.1}", Tag("IPv6VXLANTunnelAddr", "10.0.0.1", "ipv6")},
                     {"{vxlanTunnelMACAddr: x}", Tag("VXLANTunnelMACAddr", "x", "mac")},
                     {"{vxlanTunnelMACAddrV6: x}", Tag("VXLANTunnelMACAddrV6", "x", "mac")},
                     {"{wireguard: {interfaceIPv4Address: x}}", Tag("InterfaceIPv4Address", "x", "ipv4")},
                     {"{wireguard: {interfaceIPv6Address: x}}", Tag("InterfaceIPv6Address", "x", "ipv6")},
                     {"{addresses: [{address: host}]}", Tag("Address", "host", "net")},
                     {"{addresses: [{address: 10.0.0.1, type: Pod}]}", Tag("Type", "Pod", "ipType")},
                 });
  Node node;
  node.metadata.name = "h1";
  node.status.wireguard_public_key = "jlkVyQYooZYzI2wFfNhSZez5eWh44yfq1wKVjLvSXgY=";
  EXPECT_EQ(OfCreate(node), kSound);
  node.status.wireguard_public_key_v6 = "key";
  EXPECT_EQ(OfCreate(node), Tag("WireguardPublicKeyV6", "key", "wireguardPublicKey"));
}

}  // namespace
}  // namespace calico::model::validate
