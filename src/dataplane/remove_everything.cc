// SPDX-License-Identifier: Apache-2.0
#include <optional>

#include "dataplane/driver.h"
#include "dataplane/tunnels.h"

namespace calico::dataplane {
namespace {

using kernel::IptablesBackend;

Status RemoveRoutes(kernel::Rtnetlink& rtnetlink) {
  ASSIGN_OR_RETURN(const auto links, rtnetlink.ListLinks());
  std::map<int, std::string> names;
  for (const kernel::Link& link : links) names[link.ifindex] = link.name;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const auto routes, rtnetlink.ListRoutes(family, kernel::kMainTable));
    for (const auto& [key, route] : routes) {
      const bool on_workload =
          route.protocol == kernel::kProtoBoot && names[route.ifindex].starts_with("cali");
      const bool ours = route.protocol == kernel::kProtoCalico || route.protocol == kernel::kProtoHeld;
      if (!on_workload && !ours) continue;
      Status status = rtnetlink.DeleteRoute(kernel::kMainTable, key, route.protocol);
      if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) return status;
    }
  }
  return Ok();
}

}  // namespace

Status RemoveEverything(const Driver::Kernel& kernel) {
  // Each part on its own: one that fails leaves the others done. The first error is told.
  std::optional<Error> first;
  const auto note = [&](Status status) {
    if (!status.has_value() && !first) first = std::move(status).error();
  };
  for (const IptablesBackend backend : {IptablesBackend::kNft, IptablesBackend::kLegacy}) {
    for (const kernel::IptablesPlace& place : kernel::PlacesOf(backend))
      note(kernel.iptables.RemoveAccept(place));
  }
  note(kernel.foreign.RemoveAccepts());
  note(kernel.nftables.Apply(
      {{net::Family::kV4, {kernel::nft::DeleteTable{}}}, {net::Family::kV6, {kernel::nft::DeleteTable{}}}}));
  note(RemoveRoutes(kernel.rtnetlink));
  note(RemoveTunnels(kernel.rtnetlink));
  return first ? Status(*first) : Ok();
}

}  // namespace calico::dataplane
