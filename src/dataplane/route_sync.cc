// SPDX-License-Identifier: Apache-2.0
#include "dataplane/route_sync.h"

#include <fmt/format.h>

namespace calico::dataplane {
namespace {

using kernel::Route;
using kernel::RouteKey;
using kernel::RouteType;

constexpr Duration kYoung = std::chrono::seconds(10);

Route WorkloadRoute(net::Family family, int ifindex) {
  Route route;
  // IPv6 routes have no scope: they read back as universe.
  route.scope = family == net::Family::kV4 ? kernel::RouteScope::kLink : kernel::RouteScope::kUniverse;
  route.protocol = kernel::kProtoBoot;
  route.ifindex = ifindex;
  return route;
}
Route Blackhole() {
  Route route;
  route.type = RouteType::kBlackhole;
  route.protocol = kernel::kProtoCalico;
  return route;
}

}  // namespace

void RouteSync::Touch(const Endpoint& endpoint) {
  for (const net::Cidr& address : endpoint.addresses) dirty_.insert(RouteKey::To(address));
}

void RouteSync::SetEndpoint(const std::string& name, const std::string& interface,
                            const std::vector<net::Cidr>& addresses) {
  RemoveEndpoint(name);
  Endpoint endpoint{interface, addresses};
  for (const net::Cidr& address : addresses) claims_[address].insert(name);
  on_interface_[interface].insert(name);
  Touch(endpoint);
  endpoints_.insert_or_assign(name, std::move(endpoint));
}

void RouteSync::RemoveEndpoint(const std::string& name) {
  const auto found = endpoints_.find(name);
  if (found == endpoints_.end()) return;
  Touch(found->second);
  for (const net::Cidr& address : found->second.addresses) {
    claims_[address].erase(name);
    if (claims_[address].empty()) claims_.erase(address);
  }
  std::set<std::string>& others = on_interface_[found->second.interface];
  others.erase(name);
  if (others.empty()) on_interface_.erase(found->second.interface);
  endpoints_.erase(found);
}

void RouteSync::SetBlocks(const std::set<net::Cidr>& blocks) {
  for (const net::Cidr& block : blocks_) dirty_.insert(RouteKey::To(block));
  for (const net::Cidr& block : blocks) dirty_.insert(RouteKey::To(block));
  blocks_ = blocks;
}

void RouteSync::SetRemote(const net::Cidr& destination,
                          const std::optional<dataplane_api::RemoteRoute>& route) {
  if (route)
    remote_.insert_or_assign(destination, *route);
  else
    remote_.erase(destination);
  dirty_.insert(RouteKey::To(destination));
}

void RouteSync::SetTunnelLinks(const TunnelLinks& links) {
  links_ = links;
  for (const auto& [destination, route] : remote_) dirty_.insert(RouteKey::To(destination));
}

void RouteSync::OnLink(const std::string& interface) {
  const auto found = on_interface_.find(interface);
  if (found == on_interface_.end()) return;
  for (const std::string& name : found->second) Touch(endpoints_.at(name));
}

void RouteSync::OnLinkDown(int ifindex) {
  for (auto it = actual_.begin(); it != actual_.end();) {
    if (it->second.ifindex != ifindex) {
      ++it;
      continue;
    }
    dirty_.insert(it->first);
    it = actual_.erase(it);
  }
}

bool RouteSync::Owns(const RouteKey&, const Route& route) const {
  if (route.protocol == kernel::kProtoCalico) return true;
  if (route.protocol != kernel::kProtoBoot || route.type != RouteType::kUnicast) return false;
  const auto* interface = interfaces_.Find(route.ifindex);
  return interface != nullptr && interfaces_.IsWorkload(interface->link.name);
}

bool RouteSync::OnRoute(const kernel::RouteChanged& event) {
  if (event.table != kernel::kMainTable) return false;
  const auto believed = actual_.find(event.key);
  if (event.removed) {
    if (believed == actual_.end() || believed->second != event.route) return false;
    actual_.erase(believed);
    dirty_.insert(event.key);
    return true;
  }
  if (believed != actual_.end() && believed->second == event.route) return false;  // our own write comes back
  const bool wanted = !WantedFor(event.key.dst).empty();
  if (!wanted && !Owns(event.key, event.route)) return false;
  actual_.insert_or_assign(event.key, event.route);
  dirty_.insert(event.key);
  return true;
}

// What should be under this destination: nothing or one route.
std::map<RouteKey, Route> RouteSync::WantedFor(const net::Cidr& dst) const {
  const kernel::Link* best = nullptr;
  if (const auto claims = claims_.find(dst); claims != claims_.end()) {
    for (const std::string& name : claims->second) {
      const auto* interface = interfaces_.Find(endpoints_.at(name).interface);
      if (interface == nullptr || !interface->link.admin_up) continue;
      if (best == nullptr || interface->link.ifindex > best->ifindex) best = &interface->link;
    }
  }
  if (best != nullptr) return {{RouteKey::To(dst), WorkloadRoute(dst.family(), best->ifindex)}};
  if (const auto remote = RemoteRouteTo(dst)) return {{RouteKey::To(dst), *remote}};
  if (blocks_.contains(dst) && !dst.is_host()) return {{RouteKey::To(dst), Blackhole()}};
  return {};
}

std::optional<Route> RouteSync::RemoteRouteTo(const net::Cidr& destination) const {
  const auto found = remote_.find(destination);
  using Way = dataplane_api::RemoteRoute::Way;
  if (found == remote_.end() || found->second.way == Way::kNotOurs || found->second.way == Way::kHere)
    return std::nullopt;
  const bool v4 = destination.family() == net::Family::kV4;
  Route route;
  route.protocol = kernel::kProtoCalico;
  route.gateway = found->second.via;
  // A tunnel has no subnet that the gateway could be in; on the uplink its address says it all.
  route.onlink = true;
  route.ifindex = found->second.way == Way::kIpip    ? links_.ipip
                  : found->second.way == Way::kVxlan ? (v4 ? links_.vxlan_v4 : links_.vxlan_v6)
                                                     : (v4 ? links_.parent_v4 : links_.parent_v6);
  const auto* interface = interfaces_.Find(route.ifindex);
  if (interface == nullptr || !interface->link.admin_up) return std::nullopt;
  return route;
}

Status RouteSync::ReadActual() {
  std::map<RouteKey, Route> read;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const auto routes, rtnetlink_.ListRoutes(family, kernel::kMainTable));
    for (const auto& [key, route] : routes) {
      if (Owns(key, route) || !WantedFor(key.dst).empty()) read.emplace(key, route);
    }
  }
  for (const auto& [key, route] : actual_) dirty_.insert(key);
  actual_ = std::move(read);
  for (const auto& [key, route] : actual_) dirty_.insert(key);
  for (const auto& [address, names] : claims_) dirty_.insert(RouteKey::To(address));
  for (const net::Cidr& block : blocks_) dirty_.insert(RouteKey::To(block));
  for (const auto& [destination, route] : remote_) dirty_.insert(RouteKey::To(destination));
  must_read_ = false;
  return Ok();
}

// True: nothing left to do for this key.
bool RouteSync::ApplyOne(const RouteKey& key, TimePoint now, RouteOutcome& outcome) {
  const auto all = WantedFor(key.dst);
  const auto wanted = all.find(key);
  const auto held = actual_.find(key);
  if (wanted == all.end()) {
    if (held == actual_.end()) return true;
    // Not ours: it only was noted because it stood where a route of ours belongs.
    if (!Owns(key, held->second)) return true;
    if (held->second.type == RouteType::kUnicast && !was_wanted_.contains(key)) {
      const auto* interface = interfaces_.Find(held->second.ifindex);
      if (interface != nullptr && now - interface->first_seen < kYoung) {
        outcome.wait_for_young = true;
        return false;
      }
    }
    Status status = rtnetlink_.DeleteRoute(kernel::kMainTable, key, held->second.protocol);
    if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) {
      outcome.failures.push_back({"removing route " + key.dst.ToString(), status.error().message()});
      return false;
    }
    actual_.erase(held);
    was_wanted_.erase(key);
    ++outcome.writes;
    return true;
  }
  was_wanted_.insert(key);
  if (held != actual_.end() && held->second == wanted->second) return true;
  Status status = rtnetlink_.ReplaceRoute(kernel::kMainTable, key, wanted->second);
  if (!status.has_value()) {
    const auto* interface = interfaces_.Find(wanted->second.ifindex);
    outcome.failures.push_back({fmt::format("route {}{}", key.dst.ToString(),
                                            interface == nullptr ? "" : " dev " + interface->link.name),
                                status.error().message()});
    return false;
  }
  actual_.insert_or_assign(key, wanted->second);
  ++outcome.writes;
  return true;
}

Result<RouteSync::RouteOutcome> RouteSync::Apply(TimePoint now) {
  if (must_read_) RETURN_IF_ERROR(ReadActual());
  RouteOutcome outcome;
  std::set<RouteKey> left;
  for (const RouteKey& key : dirty_) {
    if (!ApplyOne(key, now, outcome)) left.insert(key);
  }
  dirty_ = std::move(left);
  return outcome;
}

bool RouteSync::InKernel(const std::string& name) const {
  const auto endpoint = endpoints_.find(name);
  if (endpoint == endpoints_.end()) return false;
  for (const net::Cidr& address : endpoint->second.addresses) {
    const auto all = WantedFor(address);
    const auto wanted = all.find(RouteKey::To(address));
    const auto held = actual_.find(RouteKey::To(address));
    if (wanted == all.end() || held == actual_.end() || held->second != wanted->second) return false;
  }
  return true;
}

}  // namespace calico::dataplane
