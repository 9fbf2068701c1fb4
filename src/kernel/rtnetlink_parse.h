// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "kernel/rtnetlink.h"

struct nlmsghdr;

// Internal to rtnetlink*.cc: messages of the kernel as values. nullopt for what we have no value for (other
// families, multipath routes, neighbours without an address).
namespace calico::kernel {

std::optional<Link> ParseLink(const nlmsghdr* message);
std::optional<Address> ParseAddress(const nlmsghdr* message);
struct ParsedRoute {
  net::Family family = net::Family::kV4;
  std::uint32_t table = 0;
  RouteKey key;
  Route route;
};
std::optional<ParsedRoute> ParseRoute(const nlmsghdr* message);
std::optional<std::pair<NeighbourKey, Neighbour>> ParseNeighbour(const nlmsghdr* message);

}  // namespace calico::kernel
