// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>

#include "calc/cluster_state.h"
#include "calc/encapsulation.h"
#include "model/selector/selector.h"

// The BGP part of the cluster's state (reference bgp-and-node B3 to B7).
namespace calico::calc {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpPoolView;
using dataplane_api::BgpView;

constexpr std::uint16_t kBgpPort = 179;

const model::BGPConfiguration* Configuration(const ClusterState& state, const std::string& name) {
  const auto found = state.bgp_configurations.find(name);
  return found == state.bgp_configurations.end() ? nullptr : &found->second;
}

std::uint32_t GlobalAsNumber(const ClusterState& state) {
  const auto* global = Configuration(state, "default");
  return global != nullptr && global->as_number ? *global->as_number : model::kDefaultAsNumber;
}
std::uint32_t AsNumberOf(const ClusterState& state, const model::Node& node) {
  return node.bgp && node.bgp->as_number ? *node.bgp->as_number : GlobalAsNumber(state);
}
std::uint16_t ListenPortOf(const ClusterState& state, const std::string& node) {
  for (const auto* configuration : {Configuration(state, "node." + node), Configuration(state, "default")}) {
    if (configuration != nullptr && configuration->listen_port)
      return static_cast<std::uint16_t>(*configuration->listen_port);
  }
  return kBgpPort;
}
std::string LogSeverityOf(const ClusterState& state) {
  for (const auto* configuration :
       {Configuration(state, "node." + state.node_name), Configuration(state, "default")}) {
    if (configuration != nullptr && !configuration->log_severity_screen.empty())
      return configuration->log_severity_screen;
  }
  return "Info";
}

bool IsReflector(const model::Node& node) {
  return node.bgp && !node.bgp->route_reflector_cluster_id.empty();
}

// Every other node that has an address of a family that we have, unless one of the two is a route reflector.
void AddMesh(const ClusterState& state, const model::Node& self, BgpView& view) {
  const auto* global = Configuration(state, "default");
  const bool enabled = global == nullptr || global->node_to_node_mesh_enabled.value_or(true);
  if (!enabled || IsReflector(self)) return;
  for (const auto& [name, node] : state.nodes) {
    if (name == state.node_name || !node.bgp || IsReflector(node)) continue;
    for (const auto& [text, ours] :
         {std::pair{node.bgp->ipv4_address, view.ipv4}, {node.bgp->ipv6_address, view.ipv6}}) {
      const auto address = net::Cidr::Parse(text);
      if (!address || !ours) continue;
      view.peers.push_back({BgpPeerView::Type::kMesh, address->ip(), ListenPortOf(state, name),
                            AsNumberOf(state, node), name});
    }
  }
}

// "10.0.0.1", "10.0.0.1:1179", "fd00::1", "[fd00::1]:1179".
bool ParsePeerAddress(const std::string& text, BgpPeerView& peer) {
  if (const auto ip = net::Ip::Parse(text)) {
    peer.ip = *ip;
    return true;
  }
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return false;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto ip = net::Ip::Parse(host);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (!ip || error != std::errc() || end != text.data() + text.size() || port == 0) return false;
  peer.ip = *ip;
  peer.port = port;
  return true;
}

void AddExplicitPeers(const ClusterState& state, const model::Node& self, BgpView& view) {
  for (const auto& [name, resource] : state.bgp_peers) {
    if (!resource.peer_selector.empty()) continue;  // peers that are nodes: with the route reflectors
    if (!resource.node.empty() && resource.node != state.node_name) continue;
    if (!resource.node_selector.empty()) {
      const auto selector = model::Selector::Parse(resource.node_selector);
      if (!selector.has_value() || !selector->Matches(self.metadata.labels)) continue;
    }
    BgpPeerView peer;
    if (!ParsePeerAddress(resource.peer_ip, peer)) continue;
    const bool global = resource.node.empty() && resource.node_selector.empty();
    peer.type = global ? BgpPeerView::Type::kGlobal : BgpPeerView::Type::kNode;
    peer.as_number = resource.as_number.value_or(GlobalAsNumber(state));
    if ((view.ipv4 && view.ipv4->ip() == peer.ip) || (view.ipv6 && view.ipv6->ip() == peer.ip)) continue;
    // A session with one neighbour exists once: the explicit peer replaces the mesh's.
    std::erase_if(view.peers, [&](const BgpPeerView& other) { return other.ip == peer.ip; });
    view.peers.push_back(peer);
  }
}

BgpPoolView PoolView(const ClusterState& state, const std::string& name, const model::IPPool& pool,
                     const net::Cidr& cidr) {
  BgpPoolView view;
  view.cidr = cidr;
  view.name = name;
  view.disable_bgp_export = pool.disable_bgp_export;
  const PoolEncapsulation encapsulation = EncapsulationOf(pool);
  view.encapsulation = encapsulation.encapsulation;
  view.cross_subnet = encapsulation.cross_subnet;
  view.speaker_routes = RouteOwnerOf(state, pool) == RouteOwner::kSpeaker;
  return view;
}

}  // namespace

BgpView ComputeBgpView(const ClusterState& state) {
  BgpView view;
  view.log_severity = LogSeverityOf(state);
  const auto self = state.nodes.find(state.node_name);
  if (self == state.nodes.end()) return view;
  view.node_exists = true;
  view.as_number = AsNumberOf(state, self->second);
  view.listen_port = ListenPortOf(state, state.node_name);
  if (self->second.bgp) {
    view.ipv4 = net::Cidr::Parse(self->second.bgp->ipv4_address);
    view.ipv6 = net::Cidr::Parse(self->second.bgp->ipv6_address);
  }
  AddMesh(state, self->second, view);
  AddExplicitPeers(state, self->second, view);
  std::sort(view.peers.begin(), view.peers.end());
  for (const auto& [name, pool] : state.pools) {
    if (const auto cidr = net::Cidr::ParsePrefix(pool.cidr))
      view.pools.push_back(PoolView(state, name, pool, *cidr));
  }
  view.own_blocks.assign(state.own_blocks.begin(), state.own_blocks.end());
  return view;
}

}  // namespace calico::calc
