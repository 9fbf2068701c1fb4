// SPDX-License-Identifier: Apache-2.0
#include "calc/cluster_state.h"

#include <algorithm>

#include "base/text.h"
#include "calc/encapsulation.h"
#include "calc/felix_settings.h"

namespace calico::calc {
namespace {

template <typename T>
bool Store(std::map<std::string, T>& into, const model::Key& key, const model::Object* object) {
  if (object == nullptr)
    into.erase(key.name);
  else
    into.insert_or_assign(key.name, std::get<T>(*object));
  return true;
}

template <typename T>
const T* Find(const std::map<std::string, T>& in, const std::string& name) {
  const auto found = in.find(name);
  return found == in.end() ? nullptr : &found->second;
}

// Every FelixConfiguration that is written without this setting gets "Disabled" (reference datastore-model
// A.7.6), also the one of each node that an agent makes at its first start: the last word may be nobody's.
// Who wants it off everywhere says so to the process.
bool AnyEnables(const ClusterState& state, const char* field) {
  const FelixSettings settings = SettingsOf(state);
  if (FelixSettings({&state.overrides}).Explicit(field)) return settings.Text(field) == "Enabled";
  for (const model::FelixConfiguration* one : settings.configurations()) {
    if (FelixSettings({one}).Explicit(field) == "Enabled") return true;
  }
  return false;
}

void AddServiceAddresses(const ClusterState& state, const std::string& action,
                         dataplane_api::HostSettings& settings) {
  if (EqualsIgnoreCase(action, "Disabled")) return;
  settings.reject_looping = EqualsIgnoreCase(action, "Reject");
  const auto* bgp = Find(state.bgp_configurations, "default");
  if (bgp == nullptr) return;
  for (const auto* list :
       {&bgp->service_cluster_ips, &bgp->service_external_ips, &bgp->service_load_balancer_ips}) {
    for (const model::CidrItem& item : *list) {
      if (const auto cidr = net::Cidr::Parse(item.cidr)) settings.service_addresses.push_back(cidr->Masked());
    }
  }
}

}  // namespace

bool ClusterState::HasWorkloadPeers() const {
  return std::any_of(bgp_peers.begin(), bgp_peers.end(),
                     [](const auto& entry) { return !entry.second.local_workload_selector.empty(); });
}

bool ClusterState::Apply(const model::Key& key, const model::Object* object) {
  switch (key.kind) {
    case model::Kind::kIPPool:
      return Store(pools, key, object);
    case model::Kind::kNode:
      return Store(nodes, key, object);
    case model::Kind::kFelixConfiguration:
      return Store(felix_configurations, key, object);
    case model::Kind::kBGPConfiguration:
      return Store(bgp_configurations, key, object);
    case model::Kind::kBGPPeer:
      return Store(bgp_peers, key, object);
    case model::Kind::kBGPFilter:
      return Store(bgp_filters, key, object);
    case model::Kind::kBlockAffinity: {
      const auto cidr = net::Cidr::ParsePrefix(key.name);
      if (!cidr) return false;
      const auto* affinity = object == nullptr ? nullptr : &std::get<model::BlockAffinity>(*object);
      const bool confirmed =
          affinity != nullptr && affinity->state == model::AffinityState::kConfirmed && !affinity->deleted;
      std::set<std::string>& hosts = block_hosts[*cidr];
      if (confirmed)
        hosts.insert(key.ns);
      else
        hosts.erase(key.ns);
      if (hosts.empty()) block_hosts.erase(*cidr);
      if (key.ns != node_name) return false;
      return confirmed ? own_blocks.insert(*cidr).second : own_blocks.erase(*cidr) > 0;
    }
    default:
      return false;
  }
}

FelixSettings SettingsOf(const ClusterState& state) {
  // Weakest first: global, per node, this process's environment.
  return FelixSettings({Find(state.felix_configurations, "default"),
                        Find(state.felix_configurations, "node." + state.node_name), &state.overrides});
}

dataplane_api::HostSettings ComputeHostSettings(const ClusterState& state) {
  dataplane_api::HostSettings settings;
  const FelixSettings felix = SettingsOf(state);
  for (const model::FelixConfiguration* configuration : felix.configurations()) {
    if (configuration == nullptr) continue;
    if (!configuration->interface_prefix.empty()) {
      settings.interface_prefixes.clear();
      for (const std::string& prefix : Split(configuration->interface_prefix, ',')) {
        if (!Trim(prefix).empty()) settings.interface_prefixes.emplace_back(Trim(prefix));
      }
    }
    using Action = dataplane_api::HostSettings::EndpointToHost;
    const std::string& action = configuration->default_endpoint_to_host_action;
    if (EqualsIgnoreCase(action, "Drop")) settings.endpoint_to_host = Action::kDrop;
    if (EqualsIgnoreCase(action, "Return")) settings.endpoint_to_host = Action::kReturn;
    if (EqualsIgnoreCase(action, "Accept")) settings.endpoint_to_host = Action::kAccept;
  }
  // Both names are Felix's: installations come with the one for iptables.
  settings.reject_denied = EqualsIgnoreCase(felix.Text("nftablesFilterDenyAction"), "Reject") ||
                           EqualsIgnoreCase(felix.Text("iptablesFilterDenyAction"), "Reject");
  settings.ip_forwarding = felix.Text("ipForwarding") != "Disabled";
  settings.edit_foreign_firewalls = felix.Text("foreignFirewall") == "Insert";
  settings.drop_invalid = !felix.Bool("disableConntrackInvalidCheck");
  settings.recheck_flows = felix.Text("establishedConnections") != "Keep";
  settings.allow_spoofing = EqualsIgnoreCase(felix.Text("workloadSourceSpoofing"), "Any");
  settings.floating_ips = AnyEnables(state, "floatingIPs");
  settings.allow_vxlan_from_workloads = felix.Bool("allowVXLANPacketsFromWorkloads");
  settings.allow_ipip_from_workloads = felix.Bool("allowIPIPPacketsFromWorkloads");
  settings.vxlan_port = felix.Port("vxlanPort");
  settings.log_prefix = felix.Text("logPrefix");
  settings.failsafe_inbound = felix.Ports("failsafeInboundHostPorts");
  settings.failsafe_outbound = felix.Ports("failsafeOutboundHostPorts");
  for (const auto& [name, pool] : state.pools) {
    const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
    if (!cidr) continue;
    if (pool.allowed_uses == std::vector<std::string>{"LoadBalancer"}) continue;
    settings.all_pools.push_back(*cidr);
    // Of a disabled pool too: its containers live on.
    if (pool.nat_outgoing) settings.nat.pools.push_back(*cidr);
  }
  settings.nat.except_hosts = felix.Text("natOutgoingExclusions") == "IPPoolsAndHostIPs";
  settings.nat.address = net::Ip::Parse(felix.Text("natOutgoingAddress"));
  settings.nat.ports = felix.PortRange("natPortRange");
  settings.nat.out_interface = felix.Text("iptablesNATOutgoingInterfaceFilter");
  AddServiceAddresses(state, felix.Text("serviceLoopPrevention"), settings);
  settings.own_blocks = state.own_blocks;
  if (const auto* self = Find(state.nodes, state.node_name); self != nullptr && self->bgp) {
    settings.ipv4 = net::Cidr::Parse(self->bgp->ipv4_address);
    settings.ipv6 = net::Cidr::Parse(self->bgp->ipv6_address);
  }
  settings.tunnels = ComputeTunnels(state);
  settings.wireguard = ComputeWireguard(state);
  settings.mtu_interfaces = felix.Text("mtuIfacePattern");
  for (const std::string& text : Split(felix.Text("externalNodesList"), ',')) {
    if (const auto cidr = net::Cidr::Parse(Trim(text))) settings.external_hosts.push_back(cidr->Masked());
  }
  return settings;
}

}  // namespace calico::calc
