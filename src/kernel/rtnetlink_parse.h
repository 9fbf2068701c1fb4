// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <utility>

#include "kernel/rtnetlink.h"

struct nlmsghdr;

// Internal to rtnetlink*.cc: messages of the kernel as values. nullopt for what we have no value for (other
// families, cached routes, neighbours without an address). A route of several next hops comes without ifindex
// and gateway: it takes its key, which is what our code must know.
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
std::optional<std::pair<FdbKey, net::Ip>> ParseFdb(const nlmsghdr* message);
std::optional<RoutingRule> ParseRule(const nlmsghdr* message);

}  // namespace calico::kernel
