// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/learned_routes.h"

#include <algorithm>
#include <utility>

namespace calico::bgp {

using kernel::NextHop;
using kernel::Route;
using kernel::RouteKey;

namespace {

constexpr int kDeepest = 3;  // a gateway that is behind a gateway
constexpr net::Family kFamilies[] = {net::Family::kV4, net::Family::kV6};

}  // namespace

void LearnedRoutes::Set(const net::Cidr& prefix, const std::set<net::Ip>& next_hops) {
  auto& told = told_[prefix];
  if (told != next_hops) {
    for (const net::Ip& ip : told) {
      if (--next_hops_[ip] == 0) next_hops_.erase(ip);
    }
    for (const net::Ip& ip : next_hops) ++next_hops_[ip];
    told = next_hops;
  }
  if (told.empty()) {
    told_.erase(prefix);
    gone_.insert(prefix);
  } else {
    gone_.erase(prefix);
  }
  dirty_.insert(prefix);
}

void LearnedRoutes::SetForeign(const std::vector<net::Cidr>& prefixes) {
  if (foreign_ == prefixes) return;
  foreign_ = prefixes;
  TouchAll();
}

void LearnedRoutes::SetGateways(const std::map<net::Ip, net::Ip>& gateways) {
  if (gateways_ == gateways) return;
  for (const auto& [peer, gateway] : std::exchange(gateways_, gateways)) dirty_.insert(net::Cidr::Host(peer));
  TouchAll();
}

void LearnedRoutes::SetComplete() {
  complete_ = true;
  TouchAll();
}

void LearnedRoutes::Restart() {
  told_.clear();
  next_hops_.clear();
  gone_.clear();
  complete_ = false;
}

void LearnedRoutes::TouchAll() {
  for (const auto& [prefix, next_hops] : told_) dirty_.insert(prefix);
  for (const auto& [peer, gateway] : gateways_) dirty_.insert(net::Cidr::Host(peer));
  for (const auto& [key, route] : actual_) dirty_.insert(key.dst);
}

bool LearnedRoutes::OnRoute(const kernel::RouteChanged& event) {
  if (event.table != kernel::kMainTable || must_read_) return must_read_;
  if (event.route.protocol == kProtocol) {
    const auto known = actual_.find(event.key);
    if (event.removed ? known == actual_.end() : known != actual_.end() && known->second == event.route)
      return false;  // our own doing
    if (event.removed)
      actual_.erase(event.key);
    else
      actual_[event.key] = event.route;
    dirty_.insert(event.key.dst);
    return true;
  }
  if (event.removed)
    others_.erase(event.key);
  else
    others_[event.key] = event.route;
  const bool told = told_.contains(event.key.dst);  // it may have been the agent's until now, or become so
  if (told) dirty_.insert(event.key.dst);
  const bool leads = std::any_of(next_hops_.begin(), next_hops_.end(),
                                 [&](const auto& entry) { return event.key.dst.Contains(entry.first); });
  const bool gateway = std::any_of(gateways_.begin(), gateways_.end(),
                                   [&](const auto& entry) { return event.key.dst.Contains(entry.second); });
  if (leads || gateway) TouchAll();
  return told || leads || gateway;
}

Status LearnedRoutes::Read() {
  actual_.clear();
  others_.clear();
  for (const net::Family family : kFamilies) {
    ASSIGN_OR_RETURN(const auto routes, rtnetlink_.ListRoutes(family, kernel::kMainTable));
    for (const auto& [key, route] : routes) (route.protocol == kProtocol ? actual_ : others_)[key] = route;
  }
  must_read_ = false;
  TouchAll();
  return Ok();
}

bool LearnedRoutes::IsForeign(const net::Cidr& prefix) const {
  return std::any_of(foreign_.begin(), foreign_.end(),
                     [&](const net::Cidr& foreign) { return foreign.Contains(prefix); });
}

std::optional<NextHop> LearnedRoutes::WayTo(const net::Ip& next_hop, int depth) const {
  if (const auto gateway = gateways_.find(next_hop); gateway != gateways_.end() && depth > 0)
    return WayTo(gateway->second, depth - 1);
  const std::pair<const RouteKey, Route>* best = nullptr;
  for (const auto& entry : others_) {
    if (!entry.first.dst.Contains(next_hop)) continue;
    const auto rank = [](const auto& e) { return std::pair(-e.first.dst.prefix_length(), e.first.metric); };
    if (best == nullptr || rank(entry) < rank(*best)) best = &entry;
  }
  if (best == nullptr || best->second.type != kernel::RouteType::kUnicast) return std::nullopt;
  const Route& route = best->second;
  if (!route.next_hops.empty()) return route.next_hops.front();
  if (route.ifindex == 0) return std::nullopt;
  return NextHop{route.ifindex, route.gateway ? *route.gateway : next_hop, route.onlink};
}

std::optional<Route> LearnedRoutes::WantedFor(const net::Cidr& prefix) const {
  std::set<net::Ip> to;
  if (const auto told = told_.find(prefix); told != told_.end() && !IsForeign(prefix)) to = told->second;
  const auto agents = others_.find(RouteKey::To(prefix));
  if (agents != others_.end() && agents->second.protocol == kernel::kProtoCalico) to.clear();
  if (prefix.is_host()) {
    if (const auto gateway = gateways_.find(prefix.ip()); gateway != gateways_.end()) to = {gateway->second};
  }
  std::set<NextHop> ways;
  for (const net::Ip& next_hop : to) {
    if (auto way = WayTo(next_hop, kDeepest)) ways.insert(*way);
  }
  if (ways.empty()) return std::nullopt;
  Route route;
  route.protocol = kProtocol;
  if (ways.size() > 1) {
    route.next_hops.assign(ways.begin(), ways.end());
    return route;
  }
  route.ifindex = ways.begin()->ifindex;
  route.gateway = ways.begin()->gateway;
  route.onlink = ways.begin()->onlink;
  return route;
}

Status LearnedRoutes::Apply() {
  if (must_read_) RETURN_IF_ERROR(Read());
  Status first = Ok();
  for (auto prefix = dirty_.begin(); prefix != dirty_.end();) {
    const RouteKey key = KeyOf(*prefix);
    const auto wanted = WantedFor(*prefix);
    const auto actual = actual_.find(key);
    Status status = Ok();
    if (wanted && others_.contains(key)) {
      // Somebody else's of this very metric: it is not ours to replace.
    } else if (wanted && (actual == actual_.end() || actual->second != *wanted)) {
      status = rtnetlink_.ReplaceRoute(kernel::kMainTable, key, *wanted);
      if (status.has_value()) actual_[key] = *wanted;
    } else if (!wanted && actual != actual_.end() &&
               (complete_ || gone_.contains(*prefix) || told_.contains(*prefix))) {
      status = rtnetlink_.DeleteRoute(kernel::kMainTable, key, kProtocol);
      if (!status.has_value() && status.error().code() == ErrorCode::kNotFound) status = Ok();
      if (status.has_value()) actual_.erase(actual);
    }
    if (status.has_value()) {
      gone_.erase(*prefix);
      prefix = dirty_.erase(prefix);
      continue;
    }
    if (first.has_value()) first = status;
    ++prefix;
  }
  return first;
}

Status LearnedRoutes::RemoveAll(kernel::Rtnetlink& rtnetlink) {
  for (const net::Family family : kFamilies) {
    ASSIGN_OR_RETURN(const auto routes, rtnetlink.ListRoutes(family, kernel::kMainTable));
    for (const auto& [key, route] : routes) {
      if (route.protocol != kProtocol) continue;
      const Status removed = rtnetlink.DeleteRoute(kernel::kMainTable, key, kProtocol);
      if (!removed.has_value() && removed.error().code() != ErrorCode::kNotFound) return removed;
    }
  }
  return Ok();
}

}  // namespace calico::bgp
