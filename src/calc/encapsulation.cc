// SPDX-License-Identifier: Apache-2.0
#include "calc/encapsulation.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "calc/felix_settings.h"

namespace calico::calc {
namespace {

using dataplane_api::Encapsulation;
using dataplane_api::RemoteHost;
using dataplane_api::TunnelDevice;
using dataplane_api::Tunnels;
using dataplane_api::Vtep;

bool Uses(const std::string& mode) {
  return mode == "Always" || mode == "CrossSubnet";
}

std::optional<net::Family> FamilyOf(const model::IPPool& pool) {
  const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
  return cidr ? std::optional(cidr->family()) : std::nullopt;
}

bool AnyPool(const ClusterState& state, net::Family family, Encapsulation encapsulation) {
  return std::any_of(state.pools.begin(), state.pools.end(), [&](const auto& entry) {
    return FamilyOf(entry.second) == family && EncapsulationOf(entry.second).encapsulation == encapsulation;
  });
}

std::optional<TunnelDevice> Device(const std::string& address, int mtu_bytes) {
  TunnelDevice device;
  device.address = net::Ip::Parse(address);
  device.mtu_bytes = mtu_bytes;
  return device;
}

}  // namespace

PoolEncapsulation EncapsulationOf(const model::IPPool& pool) {
  PoolEncapsulation out;
  // IPIP carries IPv4 only.
  if (Uses(pool.ipip_mode) && FamilyOf(pool) == net::Family::kV4) {
    out.encapsulation = Encapsulation::kIpip;
    out.cross_subnet = pool.ipip_mode == "CrossSubnet";
  }
  if (Uses(pool.vxlan_mode)) {
    out.encapsulation = Encapsulation::kVxlan;
    out.cross_subnet = pool.vxlan_mode == "CrossSubnet";
  }
  return out;
}

RouteOwner RouteOwnerOf(const ClusterState& state, const model::IPPool& pool) {
  if (EncapsulationOf(pool).encapsulation == Encapsulation::kVxlan) return RouteOwner::kAgent;
  const auto said = SettingsOf(state).Explicit("programClusterRoutes");
  if (said == "Enabled") return RouteOwner::kAgent;
  if (!state.speaker) return said == "Disabled" ? RouteOwner::kNobody : RouteOwner::kAgent;
  const auto bgp = state.bgp_configurations.find("default");
  const bool refused =
      bgp != state.bgp_configurations.end() && bgp->second.program_cluster_routes == "Disabled";
  return refused ? RouteOwner::kNobody : RouteOwner::kSpeaker;
}

net::Mac VtepMacOf(const model::Node& node, net::Family family) {
  const bool v4 = family == net::Family::kV4;
  if (const auto mac = net::Mac::Parse(v4 ? node.vxlan_tunnel_mac_addr : node.vxlan_tunnel_mac_addr_v6))
    return *mac;
  const std::string hash = Sha1Hex(node.metadata.name + (v4 ? "" : "-v6"));
  net::Mac mac;
  mac.bytes[0] = 0x66;
  for (std::size_t i = 1; i < mac.bytes.size(); ++i) {
    const char* digits = hash.data() + (i - 1) * 2;
    std::from_chars(digits, digits + 2, mac.bytes[i], 16);
  }
  return mac;
}

std::optional<net::Ip> AddressOf(const model::Node& node, net::Family family) {
  if (!node.bgp) return std::nullopt;
  const auto cidr =
      net::Cidr::Parse(family == net::Family::kV4 ? node.bgp->ipv4_address : node.bgp->ipv6_address);
  return cidr ? std::optional(cidr->ip()) : std::nullopt;
}

RemoteHost RemoteHostOf(const model::Node& node) {
  RemoteHost host;
  host.ipv4 = AddressOf(node, net::Family::kV4);
  host.ipv6 = AddressOf(node, net::Family::kV6);
  if (const auto ip = net::Ip::Parse(node.ipv4_vxlan_tunnel_addr))
    host.vxlan_v4 = Vtep{*ip, VtepMacOf(node, net::Family::kV4)};
  if (const auto ip = net::Ip::Parse(node.ipv6_vxlan_tunnel_addr))
    host.vxlan_v6 = Vtep{*ip, VtepMacOf(node, net::Family::kV6)};
  host.wireguard_v4 = node.status.wireguard_public_key;
  host.wireguard_v6 = node.status.wireguard_public_key_v6;
  return host;
}

Tunnels ComputeTunnels(const ClusterState& state) {
  Tunnels tunnels;
  const auto found = state.nodes.find(state.node_name);
  if (found == state.nodes.end()) return tunnels;
  const model::Node& self = found->second;
  const FelixSettings felix = SettingsOf(state);
  tunnels.vxlan_vni = static_cast<std::uint32_t>(felix.Number("vxlanVNI"));
  const auto wanted = [&](const char* setting, Encapsulation encapsulation) {
    const auto said = felix.Explicit(setting);
    return said ? *said == "true" : AnyPool(state, net::Family::kV4, encapsulation);
  };
  if (wanted("ipipEnabled", Encapsulation::kIpip))
    tunnels.ipip = Device(self.bgp ? self.bgp->ipv4_ipip_tunnel_addr : "", felix.Number("ipipMTU"));
  if (wanted("vxlanEnabled", Encapsulation::kVxlan)) {
    tunnels.vxlan_v4 = Device(self.ipv4_vxlan_tunnel_addr, felix.Number("vxlanMTU"));
    tunnels.vxlan_v4->mac = VtepMacOf(self, net::Family::kV4);
  }
  if (AnyPool(state, net::Family::kV6, Encapsulation::kVxlan)) {
    tunnels.vxlan_v6 = Device(self.ipv6_vxlan_tunnel_addr, felix.Number("vxlanMTUV6"));
    tunnels.vxlan_v6->mac = VtepMacOf(self, net::Family::kV6);
  }
  return tunnels;
}

dataplane_api::Wireguard ComputeWireguard(const ClusterState& state) {
  const FelixSettings felix = SettingsOf(state);
  const auto self = state.nodes.find(state.node_name);
  const model::NodeWireguard node =
      self != state.nodes.end() && self->second.wireguard ? *self->second.wireguard : model::NodeWireguard{};
  dataplane_api::Wireguard out;
  out.host_encryption = felix.Bool("wireguardHostEncryptionEnabled");
  out.rule_priority = static_cast<std::uint32_t>(felix.Number("wireguardRoutingRulePriority"));
  out.keepalive_seconds = static_cast<std::uint16_t>(felix.Number("wireguardKeepAlive"));
  // The first table of the ranges, which are 1-250 if nobody says otherwise (reference felix 3.10).
  for (const char* ranges : {"routeTableRange", "routeTableRanges"}) {
    if (felix.Explicit(ranges) && felix.Number(ranges) > 0)
      out.table = static_cast<std::uint32_t>(felix.Number(ranges));
  }
  const auto device = [&](const char* suffix, const std::string& address) {
    const auto named = [&](const char* field) { return std::string("wireguard") + field + suffix; };
    dataplane_api::WireguardDevice one;
    one.enabled = felix.Bool(named("Enabled"));
    one.interface = felix.Text(named("InterfaceName"));
    one.port = felix.Port(named("ListeningPort"));
    one.mtu_bytes = felix.Number(named("MTU"));
    if (!out.host_encryption) one.address = net::Ip::Parse(address);
    return one;
  };
  out.v4 = device("", node.interface_ipv4_address);
  out.v6 = device("V6", node.interface_ipv6_address);
  return out;
}

}  // namespace calico::calc
