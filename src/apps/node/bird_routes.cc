// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bird_routes.h"

#include <algorithm>
#include <functional>

namespace calico::node {
namespace {

using kernel::Route;
using kernel::RouteKey;

Status ForEachRoute(kernel::Rtnetlink& rtnetlink, std::uint8_t protocol,
                    const std::function<Status(const RouteKey&, const Route&)>& visit) {
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const auto routes, rtnetlink.ListRoutes(family, kernel::kMainTable));
    for (const auto& [key, route] : routes) {
      if (route.protocol == protocol) RETURN_IF_ERROR(visit(key, route));
    }
  }
  return Ok();
}

Status Remove(kernel::Rtnetlink& rtnetlink, const RouteKey& key, std::uint8_t protocol) {
  Status removed = rtnetlink.DeleteRoute(kernel::kMainTable, key, protocol);
  if (!removed.has_value() && removed.error().code() == ErrorCode::kNotFound) return Ok();
  return removed;
}

bool IsIn(const std::vector<net::Cidr>& within, const net::Cidr& dst) {
  return std::any_of(within.begin(), within.end(), [&](const net::Cidr& cidr) { return cidr.Contains(dst); });
}

}  // namespace

Result<bool> HasBirdRoutes(kernel::Rtnetlink& rtnetlink) {
  bool found = false;
  RETURN_IF_ERROR(ForEachRoute(rtnetlink, kernel::kProtoBird, [&](const RouteKey&, const Route&) {
    found = true;
    return Ok();
  }));
  return found;
}

Status RemoveBirdRoutes(kernel::Rtnetlink& rtnetlink, const std::vector<net::Cidr>& within) {
  return ForEachRoute(rtnetlink, kernel::kProtoBird, [&](const RouteKey& key, const Route&) {
    return IsIn(within, key.dst) ? Remove(rtnetlink, key, kernel::kProtoBird) : Ok();
  });
}

Status HoldBirdRoutes(kernel::Rtnetlink& rtnetlink, const std::vector<net::Cidr>& within) {
  return ForEachRoute(rtnetlink, kernel::kProtoBird, [&](const RouteKey& key, Route route) {
    if (!IsIn(within, key.dst) || route.type != kernel::RouteType::kUnicast) return Ok();
    route.protocol = kernel::kProtoHeld;
    return rtnetlink.ReplaceRoute(kernel::kMainTable, {key.dst, kHeldMetric}, route);
  });
}

Result<std::size_t> ReleaseHeldRoutes(kernel::Rtnetlink& rtnetlink) {
  std::size_t count = 0;
  RETURN_IF_ERROR(ForEachRoute(rtnetlink, kernel::kProtoHeld, [&](const RouteKey& key, const Route&) {
    ++count;
    return Remove(rtnetlink, key, kernel::kProtoHeld);
  }));
  return count;
}

}  // namespace calico::node
