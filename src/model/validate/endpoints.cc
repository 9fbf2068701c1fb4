// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.9 to C.4.11: endpoints and nodes.
#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"
#include "net/ports.h"

namespace calico::model::validate {
namespace {

void CheckPort(const EndpointPort& port, Problems& problems) {
  problems.Match("EndpointPort.Name", port.name, IsEndpointPort, "portName");
  const auto protocol = net::ParseProtocol(port.protocol);
  if (protocol != net::kTcp && protocol != net::kUdp && protocol != net::kSctp)
    problems.Add("EndpointPort.Protocol", port.protocol, "protocol must support ports");
  if (port.port <= 0 || port.port > 65535)
    problems.Add("EndpointPort.Port", std::to_string(port.port),
                 "port range invalid, port number must be between 1 and 65535");
}

void CheckWorkloadPort(const EndpointPort& port, Problems& problems) {
  CheckPort(port, problems);
  if (port.host_port < 0 || port.host_port > 65535)
    problems.Add("EndpointPort.HostPort", std::to_string(port.host_port), "port range invalid");
  problems.Match("EndpointPort.HostIP", port.host_ip, IsNet, "net");
  if (port.name.empty() && port.host_port == 0) {
    problems.Add("EndpointPort.Name", "",
                 "WorkloadEndpointPort name must not be empty if no HostPort is specified");
  }
}

void CheckNat(const IpNat& nat, const WorkloadEndpoint& endpoint, Problems& problems) {
  const auto internal = net::Ip::Parse(nat.internal_ip), external = net::Ip::Parse(nat.external_ip);
  if (!internal) problems.Tag("InternalIP", nat.internal_ip, "ip");
  if (!external) problems.Tag("ExternalIP", nat.external_ip, "ip");
  if (!internal) return;
  if (external && internal->family() != external->family())
    problems.Add("InternalIP", nat.internal_ip, "mismatched IP versions");
  for (const std::string& text : endpoint.ip_networks) {
    const auto cidr = net::Cidr::Parse(text);
    if (cidr && cidr->family() == internal->family() && cidr->Contains(*internal)) return;
  }
  problems.Add("InternalIP", nat.internal_ip, "NAT is not in the endpoint networks");
}

void CheckNetworks(const WorkloadEndpoint& endpoint, Problems& problems) {
  for (std::size_t i = 0; i < endpoint.ip_networks.size(); ++i) {
    const std::string& text = endpoint.ip_networks[i];
    const auto cidr = net::Cidr::Parse(text);
    if (!cidr || !cidr->IsMasked())
      problems.Tag(Element("IPNetworks", i), text, "net");
    else if (!cidr->is_host())
      problems.Add("IPNetworks", text, "IP network contains multiple addresses");
  }
}

}  // namespace

void Check(const WorkloadEndpoint& endpoint, Problems& problems) {
  if (endpoint.interface_name.empty()) problems.Tag("InterfaceName", "", "interface");
  problems.Match("InterfaceName", endpoint.interface_name, IsInterface, "interface");
  problems.Match("Orchestrator", endpoint.orchestrator, IsName, "name");
  problems.Match("Workload", endpoint.workload, IsName, "name");
  problems.Match("Node", endpoint.node, IsName, "name");
  problems.Match("Pod", endpoint.pod, IsName, "name");
  problems.Match("Endpoint", endpoint.endpoint, IsName, "name");
  problems.Match("ServiceAccountName", endpoint.service_account_name, IsName, "name");
  problems.Match("ContainerID", endpoint.container_id, IsContainerId, "containerID");
  CheckNetworks(endpoint, problems);
  for (const IpNat& nat : endpoint.ip_nats) CheckNat(nat, endpoint, problems);
  CheckIp("IPv4Gateway", endpoint.ipv4_gateway, net::Family::kV4, problems);
  CheckIp("IPv6Gateway", endpoint.ipv6_gateway, net::Family::kV6, problems);
  problems.MatchAll("Profiles", endpoint.profiles, IsName, "name");
  problems.Match("MAC", endpoint.mac, IsMac, "mac");
  for (const EndpointPort& port : endpoint.ports) CheckWorkloadPort(port, problems);
  problems.MatchAll("AllowSpoofedSourcePrefixes", endpoint.allow_spoofed_source_prefixes, IsCidr, "cidr");
  if (endpoint.qos_controls) problems.Match("DSCP", endpoint.qos_controls->dscp, IsDscp, "dscp");
}

void Check(const HostEndpoint& endpoint, Problems& problems) {
  if (endpoint.node.empty()) problems.Add("Node", "", "no node has been specified");
  if (endpoint.interface_name.empty() && endpoint.expected_ips.empty())
    problems.Add("InterfaceName", "", "no interface or expected IPs have been specified");
  problems.Match("Node", endpoint.node, IsName, "name");
  problems.Match("InterfaceName", endpoint.interface_name, IsInterface, "interface");
  problems.MatchAll("ExpectedIPs", endpoint.expected_ips, IsIp, "ip");
  problems.MatchAll("Profiles", endpoint.profiles, IsName, "name");
  for (const EndpointPort& port : endpoint.ports) {
    if (port.name.empty()) problems.Tag("EndpointPort.Name", "", "portName");
    CheckPort(port, problems);
  }
}

void Check(const Node& node, Problems& problems) {
  if (node.bgp) {
    if (*node.bgp == NodeBgp{}) problems.Add("Spec.BGP", "", "Spec.BGP should not be empty");
    CheckCidr("IPv4Address", node.bgp->ipv4_address, net::Family::kV4, problems);
    CheckCidr("IPv6Address", node.bgp->ipv6_address, net::Family::kV6, problems);
    CheckIp("IPv4IPIPTunnelAddr", node.bgp->ipv4_ipip_tunnel_addr, net::Family::kV4, problems);
    CheckIp("RouteReflectorClusterID", node.bgp->route_reflector_cluster_id, net::Family::kV4, problems);
  }
  CheckIp("IPv4VXLANTunnelAddr", node.ipv4_vxlan_tunnel_addr, net::Family::kV4, problems);
  problems.Match("VXLANTunnelMACAddr", node.vxlan_tunnel_mac_addr, IsMac, "mac");
  CheckIp("IPv6VXLANTunnelAddr", node.ipv6_vxlan_tunnel_addr, net::Family::kV6, problems);
  problems.Match("VXLANTunnelMACAddrV6", node.vxlan_tunnel_mac_addr_v6, IsMac, "mac");
  if (node.wireguard) {
    CheckIp("InterfaceIPv4Address", node.wireguard->interface_ipv4_address, net::Family::kV4, problems);
    CheckIp("InterfaceIPv6Address", node.wireguard->interface_ipv6_address, net::Family::kV6, problems);
  }
  for (const NodeAddress& address : node.addresses) {
    // calico-node itself stores "10.20.0.7/24" here, so host bits are allowed.
    if (!IsCidr(address.address)) problems.Tag("Address", address.address, "net");
    problems.OneOf("Type", address.type, {"CalicoNodeIP", "InternalIP", "ExternalIP"}, "ipType");
  }
  problems.Match("WireguardPublicKey", node.status.wireguard_public_key, IsWireguardKey,
                 "wireguardPublicKey");
  problems.Match("WireguardPublicKeyV6", node.status.wireguard_public_key_v6, IsWireguardKey,
                 "wireguardPublicKey");
}

}  // namespace calico::model::validate
