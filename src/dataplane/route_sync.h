// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "dataplane/outcome.h"
#include "dataplane/tunnels.h"
#include "dataplane/workload_interfaces.h"
#include "dataplane_api/remote.h"
#include "kernel/rtnetlink.h"
#include "net/cidr.h"

namespace calico::dataplane {

// Our routes of the main table (reference felix 3.3): one per workload address, `proto boot scope link`; of
// protocol 80 those to other hosts' blocks, and a blackhole for each of this host's. Of several for one
// destination the first in this order is in the kernel.
//
// Why it is not trivial:
//  * two endpoints may claim one address for a moment: the interface with the highest index wins;
//  * the kernel removes routes of a link that goes down or away without telling: OnLinkDown() does that to
//  our books;
//  * whoever makes a workload's interface adds its route before we hear of the endpoint: routes that nobody
//  wants are
//    left alone until their interface is 10 s old.
// Never touched: routes of other protocols, and those on other interfaces.
class RouteSync final {
 public:
  RouteSync(kernel::Rtnetlink& rtnetlink, const WorkloadInterfaces& interfaces)
      : rtnetlink_(rtnetlink), interfaces_(interfaces) {}

  void SetEndpoint(const std::string& name, const std::string& interface,
                   const std::vector<net::Cidr>& addresses);
  void RemoveEndpoint(const std::string& name);
  void SetBlocks(const std::set<net::Cidr>& blocks);
  void SetRemote(const net::Cidr& destination, const std::optional<dataplane_api::RemoteRoute>& route);
  // What the remote routes lead through.
  void SetTunnelLinks(const TunnelLinks& links);
  // The state of this interface has changed: its routes are to be looked at.
  void OnLink(const std::string& interface);
  void OnLinkDown(int ifindex);
  // The kernel told of a route. True: it is not what we believed, so something must be done.
  bool OnRoute(const kernel::RouteChanged& event);

  void RereadNext() { must_read_ = true; }
  struct RouteOutcome : Outcome {
    bool wait_for_young = false;  // there are leftovers on interfaces that are too young to judge
  };
  Result<RouteOutcome> Apply(TimePoint now);
  // Whether all addresses of the endpoint have their route in the kernel.
  bool InKernel(const std::string& name) const;

 private:
  struct Endpoint {
    std::string interface;
    std::vector<net::Cidr> addresses;
  };
  Status ReadActual();
  bool Owns(const kernel::RouteKey& key, const kernel::Route& route) const;
  std::optional<kernel::Route> RemoteRouteTo(const net::Cidr& destination) const;
  std::map<kernel::RouteKey, kernel::Route> WantedFor(const net::Cidr& address) const;
  void Touch(const Endpoint& endpoint);
  bool ApplyOne(const kernel::RouteKey& key, TimePoint now, RouteOutcome& outcome);

  kernel::Rtnetlink& rtnetlink_;
  const WorkloadInterfaces& interfaces_;
  std::map<std::string, Endpoint> endpoints_;
  std::map<net::Cidr, std::set<std::string>> claims_;          // address -> endpoints
  std::map<std::string, std::set<std::string>> on_interface_;  // interface -> endpoints
  std::set<net::Cidr> blocks_;
  std::map<net::Cidr, dataplane_api::RemoteRoute> remote_;
  TunnelLinks links_;
  std::map<kernel::RouteKey, kernel::Route> actual_;
  std::set<kernel::RouteKey> dirty_;
  std::set<kernel::RouteKey> was_wanted_;  // once: such a route needs no grace when it is unwanted
  bool must_read_ = true;
};

}  // namespace calico::dataplane
