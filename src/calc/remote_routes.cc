// SPDX-License-Identifier: Apache-2.0
#include "calc/remote_routes.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace calico::calc {

using dataplane_api::Encapsulation;
using dataplane_api::RemoteHost;

// ---- what is told

std::uint32_t RemoteRoutes::NumberOf(const std::string& node) {
  const auto [found, fresh] = numbers_.try_emplace(node, static_cast<std::uint32_t>(nodes_.size()));
  if (fresh) nodes_.push_back(node);
  return found->second;
}

void RemoteRoutes::SetEndpoint(IpSetIndex::SourceId id, const std::string& node) {
  if (node_of_.size() <= id) node_of_.resize(id + 1, kNowhere);
  node_of_[id] = NumberOf(node);
  TouchAddresses(id);
}

void RemoteRoutes::RemoveEndpoint(IpSetIndex::SourceId id) {
  if (node_of_.size() <= id) return;
  TouchAddresses(id);
  node_of_[id] = kNowhere;
}

void RemoteRoutes::Touch(const net::Cidr& destination) {
  if (active_ && !everything_) dirty_.insert(destination);
}
void RemoteRoutes::TouchAddresses(IpSetIndex::SourceId id) {
  if (!active_ || everything_) return;
  for (const net::Cidr& address : addresses_.AddressesOf(id)) {
    if (address.is_host()) dirty_.insert(address);
  }
}

void RemoteRoutes::OnBlock(const net::Cidr& block) {
  lengths_.emplace(block.family(), block.prefix_length());
  Touch(block);
  if (!active_ || everything_) return;
  // Addresses inside may need a route of their own now, or no longer.
  for (const auto& [address, names] : tunnel_addresses_) {
    if (block.Contains(address)) Touch(net::Cidr::Host(address));
  }
  const std::uint64_t size = block.Last().DistanceFrom(block.ip()) + 1;
  constexpr std::uint64_t kLargest = 65536;  // blocks are at most /20 and /116
  for (std::uint64_t i = 0; i < std::min(size, kLargest); ++i) {
    const net::Cidr address = net::Cidr::Host(block.ip().Plus(i));
    if (addresses_.HasHolder(address)) Touch(address);
  }
}

void RemoteRoutes::OnNode(const std::string& name) {
  const auto node = cluster_.nodes.find(name);
  for (const net::Ip& address : std::exchange(tunnel_addresses_of_[name], {})) {
    tunnel_addresses_[address].erase(name);
    if (tunnel_addresses_[address].empty()) tunnel_addresses_.erase(address);
    Touch(net::Cidr::Host(address));
  }
  if (node == cluster_.nodes.end()) {
    tunnel_addresses_of_.erase(name);
    hosts_.erase(name);
  } else {
    const model::Node& it = node->second;
    const model::NodeWireguard wireguard = it.wireguard.value_or(model::NodeWireguard{});
    for (const std::string& text :
         {it.bgp ? it.bgp->ipv4_ipip_tunnel_addr : std::string(), it.ipv4_vxlan_tunnel_addr,
          it.ipv6_vxlan_tunnel_addr, wireguard.interface_ipv4_address, wireguard.interface_ipv6_address}) {
      const auto ip = net::Ip::Parse(text);
      if (!ip) continue;
      tunnel_addresses_[*ip].insert(name);
      tunnel_addresses_of_[name].insert(*ip);
      Touch(net::Cidr::Host(*ip));
    }
    RemoteHost host = RemoteHostOf(it);
    if (const auto known = hosts_.find(name); known != hosts_.end() && known->second == host) return;
    if (name != cluster_.node_name) hosts_.insert_or_assign(name, std::move(host));
  }
  if (name == cluster_.node_name) everything_ = true;  // our subnet may be another one
  if (!active_ || everything_) return;
  for (const auto& [block, hosts] : cluster_.block_hosts) {
    if (*hosts.begin() == name) Touch(block);
  }
  if (const auto routes = routes_of_.find(name); routes != routes_of_.end())
    dirty_.insert(routes->second.begin(), routes->second.end());
  // Addresses without a route yet, for want of the node: nothing remembers them by node.
  if (!unreachable_.empty()) everything_ = true;
}

// ---- what follows

const std::string* RemoteRoutes::BlockHost(const net::Cidr& block) const {
  const auto found = cluster_.block_hosts.find(block);
  return found == cluster_.block_hosts.end() ? nullptr : &*found->second.begin();
}

std::optional<net::Cidr> RemoteRoutes::BlockOf(const net::Ip& ip) const {
  for (auto length = lengths_.rbegin(); length != lengths_.rend(); ++length) {
    if (length->first != ip.family()) continue;
    const net::Cidr block = net::Cidr(ip, length->second).Masked();
    if (cluster_.block_hosts.contains(block)) return block;
  }
  return std::nullopt;
}

// Of several, ourselves; else the one of the smallest name: the answer depends on nobody's order.
const std::string* RemoteRoutes::HolderOf(const net::Ip& ip) const {
  const std::string* best = nullptr;
  const auto consider = [&](const std::string& node) {
    if (node == cluster_.node_name || best == nullptr || (*best != cluster_.node_name && node < *best))
      best = &node;
  };
  addresses_.ForEachHolder(net::Cidr::Host(ip), [&](IpSetIndex::SourceId id) {
    if (id < node_of_.size() && node_of_[id] != kNowhere) consider(nodes_[node_of_[id]]);
  });
  if (const auto found = tunnel_addresses_.find(ip); found != tunnel_addresses_.end()) {
    for (const std::string& node : found->second) consider(node);
  }
  return best;
}

const std::string* RemoteRoutes::OwnerOf(const net::Cidr& destination) const {
  const std::string* of_block = BlockHost(destination);
  if (!destination.is_host()) return of_block;
  const std::string* holder = HolderOf(destination.ip());
  if (holder == nullptr) return of_block;
  const auto block = BlockOf(destination.ip());
  if (block && *block != destination && *BlockHost(*block) == *holder) return nullptr;
  return holder;
}

const RemoteRoutes::Pool* RemoteRoutes::PoolOf(const net::Cidr& destination) const {
  const Pool* best = nullptr;
  for (const Pool& pool : pools_) {
    if (!pool.cidr.Contains(destination)) continue;
    if (best == nullptr || pool.cidr.prefix_length() > best->cidr.prefix_length()) best = &pool;
  }
  return best;
}

std::optional<RemoteRoutes::Route> RemoteRoutes::RouteTo(const net::Cidr& destination) {
  unreachable_.erase(destination);
  const std::string* node = OwnerOf(destination);
  if (node == nullptr) return std::nullopt;
  const bool encrypts = Encrypts(destination.family());
  if (*node == cluster_.node_name) {
    if (!encrypts || BlockHost(destination) == node) return std::nullopt;
    return Route{Route::Way::kHere, {}, *node};
  }
  const Pool* pool = PoolOf(destination);
  if (pool == nullptr) return std::nullopt;
  const std::optional<Route> not_ours =
      encrypts ? std::optional(Route{Route::Way::kNotOurs, {}, *node}) : std::nullopt;
  if (!pool->ours) return not_ours;
  const net::Family family = destination.family();
  const bool v4 = family == net::Family::kV4;
  const auto host = hosts_.find(*node);
  const bool has_key = encrypts && host != hosts_.end() &&
                       !(v4 ? host->second.wireguard_v4 : host->second.wireguard_v6).empty();
  const auto fail = [&](const std::string& why) {
    if (has_key) return not_ours;  // WireGuard leads there all the same
    unreachable_[destination] =
        fmt::format("no route to the addresses of node {} in pool {}: {}", *node, pool->name, why);
    return not_ours;
  };
  if (host == hosts_.end()) return fail("there is no such node");
  const auto& address = v4 ? host->second.ipv4 : host->second.ipv6;
  if (!address) return fail(fmt::format("it has no IPv{} address", v4 ? 4 : 6));
  const PoolEncapsulation& encapsulation = pool->encapsulation;
  Route route;
  route.node = *node;
  route.via = *address;
  const bool none = encapsulation.encapsulation == Encapsulation::kNone;
  if (none || encapsulation.cross_subnet) {
    const auto& subnet = v4 ? subnet_v4_ : subnet_v6_;
    if (subnet && subnet->Contains(*address)) return route;
    if (none && cluster_.beyond_subnet) return not_ours;
    if (none) return fail("it is on another subnet, and the pool has no encapsulation");
  }
  if (encapsulation.encapsulation == Encapsulation::kIpip) {
    route.way = Route::Way::kIpip;
    return route;
  }
  const auto& vtep = v4 ? host->second.vxlan_v4 : host->second.vxlan_v6;
  if (!vtep) return fail("it has no VXLAN tunnel address yet");
  route.way = Route::Way::kVxlan;
  route.via = vtep->ip;
  return route;
}

// What stands in the cluster's objects as text is read once, not for each destination.
void RemoteRoutes::ReadSettings() {
  const FelixSettings felix = SettingsOf(cluster_);
  wireguard_v4_ = felix.Bool("wireguardEnabled");
  wireguard_v6_ = felix.Bool("wireguardEnabledV6");
  subnet_v4_.reset();
  subnet_v6_.reset();
  const auto self = cluster_.nodes.find(cluster_.node_name);
  if (self != cluster_.nodes.end() && self->second.bgp) {
    if (const auto v4 = net::Cidr::Parse(self->second.bgp->ipv4_address)) subnet_v4_ = v4->Masked();
    if (const auto v6 = net::Cidr::Parse(self->second.bgp->ipv6_address)) subnet_v6_ = v6->Masked();
  }
  pools_.clear();
  active_ = wireguard_v4_ || wireguard_v6_;
  for (const auto& [name, pool] : cluster_.pools) {
    const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
    if (!cidr) continue;
    const bool ours = RouteOwnerOf(cluster_, pool) == RouteOwner::kAgent;
    pools_.push_back({name, *cidr, EncapsulationOf(pool), ours});
    active_ = active_ || ours;
  }
}

void RemoteRoutes::TouchEverything() {
  dirty_.clear();
  unreachable_.clear();
  for (const auto& [destination, route] : sent_) dirty_.insert(destination);
  if (!active_) return;
  for (const auto& [block, hosts] : cluster_.block_hosts) dirty_.insert(block);
  for (const auto& [address, names] : tunnel_addresses_) dirty_.insert(net::Cidr::Host(address));
  addresses_.ForEachHeld([&](const net::Cidr& address) {
    // Few of the many need a route of their own: they are looked at here, not remembered.
    if (address.is_host() && OwnerOf(address) != nullptr) dirty_.insert(address);
  });
}

void RemoteRoutes::Flush(std::map<net::Cidr, std::optional<Route>>& out) {
  if (everything_) {
    ReadSettings();
    TouchEverything();
    everything_ = false;
  }
  for (const net::Cidr& destination : std::exchange(dirty_, {})) {
    auto route = active_ ? RouteTo(destination) : std::nullopt;
    const auto sent = sent_.find(destination);
    if (route ? sent != sent_.end() && sent->second == *route : sent == sent_.end()) continue;
    if (sent != sent_.end()) {
      std::set<net::Cidr>& others = routes_of_[sent->second.node];
      others.erase(destination);
      if (others.empty()) routes_of_.erase(sent->second.node);
      sent_.erase(sent);
    }
    if (route) {
      sent_.emplace(destination, *route);
      routes_of_[route->node].insert(destination);
    }
    out[destination] = std::move(route);
  }
}

std::vector<std::string> RemoteRoutes::Problems() const {
  std::set<std::string> all;
  for (const auto& [destination, why] : unreachable_) all.insert(why);
  return {all.begin(), all.end()};
}

}  // namespace calico::calc
