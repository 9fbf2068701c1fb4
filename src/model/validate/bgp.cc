// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.12, C.4.13.
#include <algorithm>

#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

bool IsDuration(std::string_view text) {
  return ParseGoDuration(text).has_value();
}

void CheckReachableBy(const BGPPeer& peer, Problems& problems) {
  const auto router = net::Ip::Parse(peer.reachable_by);
  if (!router) {
    problems.Tag("ReachableBy", peer.reachable_by, "reachableBy");
  } else if (peer.peer_ip.empty()) {
    problems.Add("ReachableBy", peer.reachable_by, "ReachablyBy field must be empty when PeerIP is empty");
  } else if (const auto ip = net::Ip::Parse(AddressOfPeer(peer.peer_ip));
             ip && ip->family() != router->family()) {
    problems.Add("ReachableBy", peer.reachable_by, "ReachableBy and PeerIP address family mismatched");
  }
}

// What chooses the peer excludes the other ways to do it.
void CheckWhoIsPeer(const BGPPeer& peer, Problems& problems) {
  if (!peer.node.empty() && !peer.node_selector.empty())
    problems.Add("Node", peer.node, "Node field must be empty when NodeSelector is specified");
  const bool has_as_number = peer.as_number.value_or(0) != 0;
  if (!peer.peer_selector.empty()) {
    if (!peer.peer_ip.empty())
      problems.Add("PeerIP", peer.peer_ip, "PeerIP field must be empty when PeerSelector is specified");
    if (has_as_number)
      problems.Add("ASNumber", std::to_string(*peer.as_number),
                   "ASNumber field must be empty when PeerSelector is specified");
  }
  if (peer.local_workload_selector.empty()) return;
  if (!peer.peer_ip.empty())
    problems.Add("PeerIP", peer.peer_ip,
                 "PeerIP field must be empty when LocalWorkloadSelector is specified");
  if (!peer.peer_selector.empty())
    problems.Add("PeerSelector", peer.peer_selector,
                 "PeerSelector field must be empty when LocalWorkloadSelector is specified");
  if (!has_as_number)
    problems.Add("ASNumber", "", "ASNumber field must be set when LocalWorkloadSelector is specified");
}

// Only the configuration of all hosts has these.
void CheckOnlyDefault(const BGPConfiguration& configuration, Problems& problems) {
  const auto refuse = [&](bool set, const char* field, const char* name) {
    if (set)
      problems.Add(fmt::format("BGPConfiguration.Spec.{}", field), "",
                   fmt::format("Cannot set {} on a non default BGP Configuration.", name));
  };
  refuse(configuration.node_to_node_mesh_enabled.has_value(), "NodeToNodeMeshEnabled",
         "nodeToNodeMeshEnabled");
  refuse(configuration.as_number.has_value(), "ASNumber", "ASNumber");
  refuse(!configuration.service_load_balancer_ips.empty(), "ServiceLoadBalancerIPs",
         "ServiceLoadBalancerIPs");
  refuse(!configuration.service_external_ips.empty(), "ServiceExternalIPs", "ServiceExternalIPs");
  refuse(!configuration.service_cluster_ips.empty(), "ServiceClusterIPs", "ServiceClusterIPs");
  refuse(configuration.node_mesh_password.has_value(), "NodeMeshPassword", "nodeMeshPassword");
  refuse(!configuration.node_mesh_max_restart_time.empty(), "NodeMeshMaxRestartTime",
         "nodeMeshMaxRestartTime");
}

void CheckCommunities(const BGPConfiguration& configuration, Problems& problems) {
  for (const Community& community : configuration.communities) {
    if (!IsName(community.name)) problems.Tag("Name", community.name, "name");
    if (!IsCommunity(community.value)) {
      problems.Add("Spec.Communities[].Value", community.value,
                   "community must be aa:nn with parts of 16 bits or aa:nn:mm with parts of 32 bits");
    }
  }
  if (!configuration.communities.empty() && configuration.prefix_advertisements.empty()) {
    problems.Add("Spec.Communities[]", configuration.communities[0].name,
                 "communities are defined but not used in Spec.PrefixAdvertisement[].");
  }
  for (const PrefixAdvertisement& advertisement : configuration.prefix_advertisements) {
    if (!IsNet(advertisement.cidr)) problems.Tag("CIDR", advertisement.cidr, "net");
    if (advertisement.communities.empty()) problems.Tag("Communities", "", "required");
    for (const std::string& used : advertisement.communities) {
      const auto& defined = configuration.communities;
      const bool known = std::any_of(defined.begin(), defined.end(),
                                     [&](const Community& community) { return community.name == used; });
      if (!known && !IsCommunity(used)) {
        problems.Add("Spec.PrefixAdvertisement[].Communities[]", used,
                     "community used is invalid or not defined.");
      }
    }
  }
}

void CheckServiceNets(std::string_view field, const std::vector<CidrItem>& items, Problems& problems) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (!IsNet(items[i].cidr)) problems.Tag(Element(field, i) + ".CIDR", items[i].cidr, "net");
  }
}

constexpr int kLastRoutePriority = 2147483646;

}  // namespace

void Check(const BGPPeer& peer, Problems& problems) {
  problems.Match("Node", peer.node, IsName, "name");
  problems.SelectorText("NodeSelector", peer.node_selector);
  problems.Match("PeerIP", peer.peer_ip, IsPeerAddress, "IP:port");
  problems.SelectorText("PeerSelector", peer.peer_selector);
  problems.SelectorText("LocalWorkloadSelector", peer.local_workload_selector);
  problems.OneOf("NextHopMode", peer.next_hop_mode, {"Auto", "Self", "Keep"}, "oneof");
  problems.OneOf("SourceAddress", peer.source_address, {"UseNodeIP", "None"}, "sourceAddress");
  problems.Match("MaxRestartTime", peer.max_restart_time, IsDuration, "duration");
  problems.Match("KeepaliveTime", peer.keepalive_time, IsDuration, "duration");
  if (peer.ttl_security) problems.Range("TTLSecurity", *peer.ttl_security, 0, 255);
  problems.MatchAll("Filters", peer.filters, IsName, "name");
  problems.OneOf("ReversePeering", peer.reverse_peering, {"Auto", "Manual"}, "oneof");
  CheckWhoIsPeer(peer, problems);
  if (peer.keep_original_next_hop && !peer.next_hop_mode.empty()) {
    problems.Add("KeepOriginalNextHop", "true",
                 "KeepOriginalNextHop field must be false when NextHopMode is specified");
  }
  if (!peer.reachable_by.empty()) CheckReachableBy(peer, problems);
}

void Check(const BGPConfiguration& configuration, Problems& problems) {
  problems.OneOf("LogSeverityScreen", configuration.log_severity_screen,
                 {"Trace", "Debug", "Info", "Warning", "Error", "Fatal"}, "logLevel");
  if (configuration.metadata.name != "default") CheckOnlyDefault(configuration, problems);
  CheckServiceNets("ServiceLoadBalancerIPs", configuration.service_load_balancer_ips, problems);
  CheckServiceNets("ServiceExternalIPs", configuration.service_external_ips, problems);
  CheckServiceNets("ServiceClusterIPs", configuration.service_cluster_ips, problems);
  problems.OneOf("ServiceLoadBalancerAggregation", configuration.service_load_balancer_aggregation,
                 {"Enabled", "Disabled"}, "oneof");
  CheckCommunities(configuration, problems);
  if (configuration.listen_port) problems.Range("ListenPort", *configuration.listen_port, 1, 65535);
  if (!configuration.node_to_node_mesh_enabled.value_or(true)) {
    if (configuration.node_mesh_password)
      problems.Add("BGPConfiguration.Spec.NodeMeshPassword", "",
                   "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false");
    if (!configuration.node_mesh_max_restart_time.empty())
      problems.Add("BGPConfiguration.Spec.NodeMeshMaxRestartTime", configuration.node_mesh_max_restart_time,
                   "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false");
  }
  problems.Match("NodeMeshMaxRestartTime", configuration.node_mesh_max_restart_time, IsDuration, "duration");
  problems.OneOf("BindMode", configuration.bind_mode, {"None", "NodeIP"}, "oneof");
  problems.MatchAll(
      "IgnoredInterfaces", configuration.ignored_interfaces,
      [](std::string_view text) { return IsInterfacePattern(text) && text != "*"; }, "ignoredInterface");
  CheckIp("LocalWorkloadPeeringIPV4", configuration.local_workload_peering_ipv4, net::Family::kV4, problems);
  CheckIp("LocalWorkloadPeeringIPV6", configuration.local_workload_peering_ipv6, net::Family::kV6, problems);
  problems.OneOf("ProgramClusterRoutes", configuration.program_cluster_routes, {"Enabled", "Disabled"},
                 "oneof");
  if (configuration.ipv4_normal_route_priority)
    problems.Range("IPv4NormalRoutePriority", *configuration.ipv4_normal_route_priority, 1,
                   kLastRoutePriority);
  if (configuration.ipv6_normal_route_priority)
    problems.Range("IPv6NormalRoutePriority", *configuration.ipv6_normal_route_priority, 1,
                   kLastRoutePriority);
}

}  // namespace calico::model::validate
