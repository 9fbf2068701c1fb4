// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/rtnetlink.h"
#include "net/cidr.h"

namespace calico::bgp {

// Makes the kernel route what BGP has told, for a speaker that does not do it itself: routes of protocol 17
// (GoBGP's in Calico 2.6) in the main table, with several next hops where several paths are equally good.
// A next hop that is on no link is reached as the kernel's other routes say.
class LearnedRoutes final {
 public:
  // Behind BIRD's metric of 32, so that both may stand while one speaker takes over from the other.
  static constexpr std::uint32_t kMetric = 33;
  static constexpr std::uint8_t kProtocol = 17;

  explicit LearnedRoutes(kernel::Rtnetlink& rtnetlink) : rtnetlink_(rtnetlink) {}

  // No next hops: the route has gone.
  void Set(const net::Cidr& prefix, const std::set<net::Ip>& next_hops);
  // Prefixes whose routes are others' business. So is a prefix to which the agent has a route.
  void SetForeign(const std::vector<net::Cidr>& prefixes);
  // Gateways to single addresses, which are peers': routes of their own, and the way to what these peers
  // tell.
  void SetGateways(const std::map<net::Ip, net::Ip>& gateways);
  // All has been told: routes that nobody has told of go. Until then they stay.
  void SetComplete();
  // Nothing is known any more: the speaker has ended. What is in the kernel stays.
  void Restart();

  // The kernel told of a route. True: something may have to be done.
  bool OnRoute(const kernel::RouteChanged& event);
  void RereadNext() { must_read_ = true; }
  // Does what can be done; the first error of the rest, which is tried again next time.
  Status Apply();

  // The kernel's other routes of the main table, as of the last Apply() or event.
  const std::map<kernel::RouteKey, kernel::Route>& others() const { return others_; }

  // All of protocol 17 goes.
  static Status RemoveAll(kernel::Rtnetlink& rtnetlink);

 private:
  static kernel::RouteKey KeyOf(const net::Cidr& prefix) { return {prefix, kMetric}; }
  Status Read();
  bool IsForeign(const net::Cidr& prefix) const;
  std::optional<kernel::NextHop> WayTo(const net::Ip& next_hop, int depth) const;
  std::optional<kernel::Route> WantedFor(const net::Cidr& prefix) const;
  void TouchAll();

  kernel::Rtnetlink& rtnetlink_;
  std::map<net::Cidr, std::set<net::Ip>> told_;
  std::map<net::Ip, net::Ip> gateways_;
  std::vector<net::Cidr> foreign_;
  std::map<kernel::RouteKey, kernel::Route> actual_, others_;
  std::set<net::Cidr> dirty_;
  std::map<net::Ip, int> next_hops_;  // in use, how often
  std::set<net::Cidr> gone_;          // told so
  bool complete_ = false;
  bool must_read_ = true;
};

}  // namespace calico::bgp
