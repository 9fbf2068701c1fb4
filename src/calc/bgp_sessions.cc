// SPDX-License-Identifier: Apache-2.0
#include "calc/bgp_sessions.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <utility>

#include "base/text.h"
#include "calc/encapsulation.h"
#include "model/selector/selector.h"

namespace calico::calc {
namespace {

using dataplane_api::BgpNextHop;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpSecret;

constexpr std::uint16_t kBgpPort = 179;

std::uint32_t GlobalAsNumber(const ClusterState& state) {
  const auto* global = BgpConfigurationOf(state, "default");
  return global != nullptr && global->as_number ? *global->as_number : model::kDefaultAsNumber;
}

const std::string& ClusterIdOf(const model::Node& node) {
  static const std::string none;
  return node.bgp ? node.bgp->route_reflector_cluster_id : none;
}

std::optional<int> Seconds(const std::string& duration) {
  const auto nanoseconds = ParseGoDuration(duration);
  if (duration.empty() || !nanoseconds) return std::nullopt;
  return static_cast<int>(*nanoseconds / 1'000'000'000);
}

std::optional<BgpSecret> SecretOf(const std::optional<model::BGPPassword>& password) {
  if (!password || !password->secret_key_ref) return std::nullopt;
  return BgpSecret{password->secret_key_ref->name, password->secret_key_ref->key};
}

bool Selects(const std::string& text, const model::Node& node) {
  const auto selector = model::Selector::Parse(text);
  return selector.has_value() && selector->Matches(node.metadata.labels);
}

// "10.0.0.1", "10.0.0.1:1179", "fd00::1", "[fd00::1]:1179".
struct Endpoint {
  net::Ip ip;
  std::optional<std::uint16_t> port;
};
std::optional<Endpoint> ParseEndpoint(const std::string& text) {
  if (const auto ip = net::Ip::Parse(text)) return Endpoint{*ip, std::nullopt};
  const std::size_t colon = text.rfind(':');
  if (colon == std::string::npos) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  const auto ip = net::Ip::Parse(host);
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data() + colon + 1, text.data() + text.size(), port);
  if (!ip || error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return Endpoint{*ip, port};
}

class Sessions {
 public:
  Sessions(const ClusterState& state, const model::Node& self) : state_(state), self_(self) {
    for (const auto& [name, node] : state_.nodes) {
      for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
        if (const auto ip = AddressOf(node, family)) nodes_by_address_.try_emplace(*ip, &name);
      }
    }
  }

  std::vector<BgpPeerView> All() {
    for (const bool global : {true, false}) {
      for (const auto& [name, peer] : state_.bgp_peers) {
        if (IsGlobal(peer) == global) Add(peer);
      }
    }
    AddMesh();
    std::vector<BgpPeerView> sorted;
    for (auto& [key, session] : sessions_) sorted.push_back(std::move(session));
    std::sort(sorted.begin(), sorted.end());
    return sorted;
  }

 private:
  static bool IsGlobal(const model::BGPPeer& peer) { return peer.node.empty() && peer.node_selector.empty(); }

  // Whether the node is one of those that the peer is given for.
  static bool IsNear(const model::BGPPeer& peer, const std::string& name, const model::Node& node) {
    if (!peer.node.empty()) return peer.node == name;
    return peer.node_selector.empty() || Selects(peer.node_selector, node);
  }

  void Add(const model::BGPPeer& peer) {
    if (!peer.local_workload_selector.empty()) {
      if (IsNear(peer, state_.node_name, self_)) AddLocalWorkloads(peer);
      return;
    }
    if (IsNear(peer, state_.node_name, self_)) AddForward(peer);
    if (peer.reverse_peering != "Manual" && IsFar(peer)) AddReverse(peer);
  }

  void AddForward(const model::BGPPeer& peer) {
    BgpPeerView session = Described(peer);
    session.type = IsGlobal(peer) ? BgpPeerView::Type::kGlobal : BgpPeerView::Type::kNode;
    if (peer.peer_selector.empty()) {
      const auto endpoint = ParseEndpoint(peer.peer_ip);
      if (!endpoint) return;
      session.ip = endpoint->ip;
      session.as_number = peer.as_number.value_or(GlobalAsNumber(state_));
      if (const auto known = nodes_by_address_.find(endpoint->ip); known != nodes_by_address_.end())
        session.node = *known->second;
      session.port = endpoint->port.value_or(kBgpPort);
      Keep(std::move(session));
      return;
    }
    for (const auto& [name, node] : state_.nodes) {
      if (name != state_.node_name && Selects(peer.peer_selector, node)) AddNode(session, name, node);
    }
  }

  // Workloads of this host call the node at an address that is the same on every host.
  void AddLocalWorkloads(const model::BGPPeer& peer) {
    const auto* global = BgpConfigurationOf(state_, "default");
    const auto selector = model::Selector::Parse(peer.local_workload_selector);
    if (global == nullptr || !selector.has_value()) return;
    BgpPeerView session = Described(peer);
    session.type = BgpPeerView::Type::kLocalWorkload;
    session.as_number = peer.as_number.value_or(0);
    session.reachable_by.reset();
    session.passive = true;
    for (const ClusterState::LocalWorkload& workload : state_.local_workloads) {
      if (!selector->Matches(workload.labels)) continue;
      for (const net::Cidr& address : workload.addresses) {
        const bool v4 = address.family() == net::Family::kV4;
        session.local_ip =
            net::Ip::Parse(v4 ? global->local_workload_peering_ipv4 : global->local_workload_peering_ipv6);
        session.ip = address.ip();
        if (session.local_ip && session.local_ip->family() == address.family())
          sessions_.try_emplace({session.ip, session.port}, session);
      }
    }
  }

  // Whether this node is the one that the peer is: then whoever it is given for has a session with us.
  bool IsFar(const model::BGPPeer& peer) const {
    if (!peer.peer_selector.empty()) return Selects(peer.peer_selector, self_);
    const auto endpoint = ParseEndpoint(peer.peer_ip);
    if (!endpoint || AddressOf(self_, endpoint->ip.family()) != endpoint->ip) return false;
    if (endpoint->port && *endpoint->port != ListenPortOf(state_, state_.node_name)) return false;
    return peer.as_number.value_or(GlobalAsNumber(state_)) == AsNumberOf(state_, self_);
  }
  void AddReverse(const model::BGPPeer& peer) {
    BgpPeerView session = Described(peer);
    session.type = BgpPeerView::Type::kNode;
    // It is the other side that stands behind the gateway and calls itself by another number.
    session.reachable_by.reset();
    const std::uint32_t others_as = std::exchange(session.local_as_number, 0);
    const auto endpoint = ParseEndpoint(peer.peer_ip);
    for (const auto& [name, node] : state_.nodes) {
      if (name == state_.node_name || !IsNear(peer, name, node)) continue;
      AddNode(session, name, node, endpoint ? std::optional(endpoint->ip.family()) : std::nullopt, others_as);
    }
  }

  // A session to a node in each family that both have, or in one.
  void AddNode(const BgpPeerView& session, const std::string& name, const model::Node& node,
               std::optional<net::Family> only = std::nullopt, std::uint32_t as_number = 0) {
    for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
      const auto ip = AddressOf(node, family);
      if (!ip || !AddressOf(self_, family) || (only && *only != family)) continue;
      BgpPeerView one = session;
      one.ip = *ip;
      one.port = ListenPortOf(state_, name);
      one.as_number = as_number != 0 ? as_number : AsNumberOf(state_, node);
      one.node = name;
      Keep(std::move(one));
    }
  }

  // What a BGPPeer says of its sessions, without the other end.
  BgpPeerView Described(const model::BGPPeer& peer) const {
    BgpPeerView session;
    session.local_as_number = peer.local_as_number.value_or(0);
    if (peer.next_hop_mode == "Self") session.next_hop = BgpNextHop::kSelf;
    if (peer.next_hop_mode == "Keep") session.next_hop = BgpNextHop::kKeep;
    session.keep_next_hop_of_other_as = peer.next_hop_mode.empty() && peer.keep_original_next_hop;
    session.from_node_ip = peer.source_address != "None";
    session.restart_seconds = Seconds(peer.max_restart_time);
    session.keepalive_seconds = Seconds(peer.keepalive_time);
    session.allowed_local_as = peer.num_allowed_local_as_numbers;
    session.ttl_hops = peer.ttl_security;
    session.reachable_by = net::Ip::Parse(peer.reachable_by);
    session.password = SecretOf(peer.password);
    session.filters = peer.filters;
    return session;
  }

  // Every other node that is no reflector, unless we are one.
  void AddMesh() {
    const auto* global = BgpConfigurationOf(state_, "default");
    const bool enabled = global == nullptr || global->node_to_node_mesh_enabled.value_or(true);
    if (!enabled || !ClusterIdOf(self_).empty()) return;
    BgpPeerView session;
    if (global != nullptr) {
      session.password = SecretOf(global->node_mesh_password);
      session.restart_seconds = Seconds(global->node_mesh_max_restart_time);
    }
    for (const auto& [name, node] : state_.nodes) {
      if (name != state_.node_name && ClusterIdOf(node).empty()) AddNode(session, name, node);
    }
  }

  // The first definition of a session stands.
  void Keep(BgpPeerView session) {
    const auto own = AddressOf(self_, session.ip.family());
    if (!own || session.ip == *own) return;
    // One of two nodes calls: the one whose address is the greater text, as upstream compares them.
    session.passive = !session.node.empty() && session.ip.ToString() > own->ToString();
    const std::uint32_t own_as =
        session.local_as_number != 0 ? session.local_as_number : AsNumberOf(state_, self_);
    const auto node = state_.nodes.find(session.node);
    const std::string& far_cluster = node == state_.nodes.end() ? std::string() : ClusterIdOf(node->second);
    const bool other_cluster = session.as_number == own_as && far_cluster != ClusterIdOf(self_);
    session.reflect = other_cluster && !ClusterIdOf(self_).empty();
    session.reflects_us = other_cluster && !far_cluster.empty();
    const bool mesh = session.type == BgpPeerView::Type::kMesh;
    if (mesh && std::any_of(sessions_.begin(), sessions_.end(),
                            [&](const auto& entry) { return entry.first.first == session.ip; }))
      return;
    sessions_.try_emplace({session.ip, session.port}, std::move(session));
  }

  const ClusterState& state_;
  const model::Node& self_;
  std::map<net::Ip, const std::string*> nodes_by_address_;
  std::map<std::pair<net::Ip, std::uint16_t>, BgpPeerView> sessions_;
};

}  // namespace

const model::BGPConfiguration* BgpConfigurationOf(const ClusterState& state, const std::string& name) {
  const auto found = state.bgp_configurations.find(name);
  return found == state.bgp_configurations.end() ? nullptr : &found->second;
}

std::uint32_t AsNumberOf(const ClusterState& state, const model::Node& node) {
  return node.bgp && node.bgp->as_number ? *node.bgp->as_number : GlobalAsNumber(state);
}

std::uint16_t ListenPortOf(const ClusterState& state, const std::string& node) {
  for (const auto* configuration :
       {BgpConfigurationOf(state, "node." + node), BgpConfigurationOf(state, "default")}) {
    if (configuration != nullptr && configuration->listen_port)
      return static_cast<std::uint16_t>(*configuration->listen_port);
  }
  return kBgpPort;
}

std::vector<BgpPeerView> BgpSessionsOf(const ClusterState& state, const model::Node& self) {
  return Sessions(state, self).All();
}

}  // namespace calico::calc
