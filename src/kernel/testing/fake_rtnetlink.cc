// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_rtnetlink.h"

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

namespace calico::kernel::testing {
namespace {

constexpr std::uint32_t kIpv6DefaultMetric = 1024;

std::string Named(const char* verb, std::uint32_t table, const RouteKey& key) {
  return fmt::format("{} route {} {} metric {}", verb, table, key.dst.ToString(), key.metric);
}
std::string Named(const char* verb, const NeighbourKey& key) {
  return fmt::format("{} neighbour {} {}", verb, key.ifindex, key.ip.ToString());
}
std::string Named(const char* verb, const FdbKey& key) {
  return fmt::format("{} fdb {} {}", verb, key.ifindex, key.mac.ToString());
}
bool IsUnicast(const Route& route) {
  return route.type == RouteType::kUnicast || route.type == RouteType::kLocal;
}
RouteKey Stored(const RouteKey& key) {
  RouteKey stored{key.dst.Masked(), key.metric};
  if (key.dst.family() == net::Family::kV6 && stored.metric == 0) stored.metric = kIpv6DefaultMetric;
  return stored;
}

}  // namespace

FakeRtnetlink::FakeRtnetlink() {
  Link lo;
  lo.name = "lo";
  lo.admin_up = lo.running = lo.loopback = true;
  lo.mtu_bytes = 65536;
  AddLink(lo);
}

Result<std::map<RouteKey, Route>> FakeRtnetlink::ListRoutes(net::Family family, std::uint32_t table) {
  RETURN_IF_ERROR(script_.OnRead("list routes"));
  Routes found;
  for (const auto& [key, route] : tables_[table]) {
    if (key.dst.family() == family) found.emplace(key, route);
  }
  return found;
}

Status FakeRtnetlink::ReplaceRoute(std::uint32_t table, const RouteKey& key, const Route& route) {
  const std::string call = Named("replace", table, key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  Route stored = route;
  if (IsUnicast(route)) {
    std::vector<NextHop> next_hops = route.next_hops;
    if (next_hops.empty()) next_hops.push_back({route.ifindex, route.gateway, route.onlink});
    for (const NextHop& next_hop : next_hops) {
      const Link* link = FindLink(next_hop.ifindex);
      if (link == nullptr) return Error::FromErrno(ENODEV, call);
      if (!link->admin_up) return Error::FromErrno(ENETDOWN, call);
      if (next_hop.gateway && !next_hop.onlink && !GatewayIsOnLink(*next_hop.gateway))
        return Error::FromErrno(ENETUNREACH, call);
    }
  } else {
    stored.ifindex = 0;
  }
  if (key.dst.family() == net::Family::kV6) stored.scope = RouteScope::kUniverse;  // IPv6 has no scopes
  StoreRoute(table, Stored(key), stored);
  return Ok();
}

Status FakeRtnetlink::DeleteRoute(std::uint32_t table, const RouteKey& key, std::uint8_t protocol) {
  const std::string call = Named("delete", table, key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  Routes& routes = tables_[table];
  // A metric of 0 means any: the lowest one goes.
  auto found = routes.lower_bound({key.dst.Masked(), key.metric});
  while (key.metric == 0 && protocol != kAnyProtocol && found != routes.end() &&
         found->first.dst == key.dst.Masked() && found->second.protocol != protocol)
    ++found;
  const bool hit = found != routes.end() && found->first.dst == key.dst.Masked() &&
                   (key.metric == 0 || found->first.metric == key.metric) &&
                   (protocol == kAnyProtocol || found->second.protocol == protocol);
  if (!hit) return Error::FromErrno(ESRCH, call);
  const RouteChanged gone{key.dst.family(), table, found->first, found->second, true};
  routes.erase(found);
  Tell(gone);
  return Ok();
}

Result<std::map<NeighbourKey, Neighbour>> FakeRtnetlink::ListNeighbours(net::Family family) {
  RETURN_IF_ERROR(script_.OnRead("list neighbours"));
  std::map<NeighbourKey, Neighbour> found;
  for (const auto& [key, neighbour] : neighbours_) {
    if (key.ip.family() == family) found.emplace(key, neighbour);
  }
  return found;
}

Status FakeRtnetlink::ReplaceNeighbour(const NeighbourKey& key, const Neighbour& neighbour) {
  const std::string call = Named("replace", key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  if (FindLink(key.ifindex) == nullptr) return Error::FromErrno(ENODEV, call);
  neighbours_[key] = neighbour;
  return Ok();
}

Status FakeRtnetlink::DeleteNeighbour(const NeighbourKey& key) {
  const std::string call = Named("delete", key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  return neighbours_.erase(key) == 1 ? Ok() : Status(Error::FromErrno(ENOENT, call));
}

Result<std::map<FdbKey, net::Ip>> FakeRtnetlink::ListFdb(int ifindex) {
  RETURN_IF_ERROR(script_.OnRead("list fdb"));
  std::map<FdbKey, net::Ip> found;
  for (const auto& [key, remote] : fdb_) {
    if (key.ifindex == ifindex) found.emplace(key, remote);
  }
  return found;
}

Status FakeRtnetlink::ReplaceFdb(const FdbKey& key, const net::Ip& remote_host) {
  const std::string call = Named("replace", key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  const Link* link = FindLink(key.ifindex);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  if (!link->vxlan) return Error::FromErrno(EOPNOTSUPP, call);
  fdb_[key] = remote_host;
  return Ok();
}

Status FakeRtnetlink::DeleteFdb(const FdbKey& key) {
  const std::string call = Named("delete", key);
  RETURN_IF_ERROR(script_.OnWrite(call));
  return fdb_.erase(key) == 1 ? Ok() : Status(Error::FromErrno(ENOENT, call));
}

Result<std::set<RoutingRule>> FakeRtnetlink::ListRules(net::Family family) {
  RETURN_IF_ERROR(script_.OnRead("list rules"));
  std::set<RoutingRule> found;
  for (const RoutingRule& rule : rules_) {
    if (rule.family == family) found.insert(rule);
  }
  return found;
}

Status FakeRtnetlink::AddRule(const RoutingRule& rule) {
  const std::string call = fmt::format("add rule {}", rule.priority);
  RETURN_IF_ERROR(script_.OnWrite(call));
  return rules_.insert(rule).second ? Ok() : Status(Error::FromErrno(EEXIST, call));
}

Status FakeRtnetlink::DeleteRule(const RoutingRule& rule) {
  const std::string call = fmt::format("delete rule {}", rule.priority);
  RETURN_IF_ERROR(script_.OnWrite(call));
  return rules_.erase(rule) == 1 ? Ok() : Status(Error::FromErrno(ENOENT, call));
}

void FakeRtnetlink::StoreRoute(std::uint32_t table, const RouteKey& key, const Route& route) {
  tables_[table][key] = route;
  Tell(RouteChanged{key.dst.family(), table, key, route, false});
}

void FakeRtnetlink::DropRoutesVia(int ifindex) {
  // Without a notification: that is how the kernel does it for IPv4.
  for (auto& [table, routes] : tables_)
    std::erase_if(routes, [&](const auto& one) { return one.second.ifindex == ifindex; });
}

bool FakeRtnetlink::GatewayIsOnLink(const net::Ip& gateway) const {
  const auto main = tables_.find(kMainTable);
  return main != tables_.end() && std::any_of(main->second.begin(), main->second.end(), [&](const auto& one) {
           return IsUnicast(one.second) && !one.second.gateway && one.first.dst.Contains(gateway);
         });
}

}  // namespace calico::kernel::testing
