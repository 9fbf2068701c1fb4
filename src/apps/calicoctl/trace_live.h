// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "dataplane/table_walk.h"
#include "kernel/nftables.h"
#include "net/ip.h"
#include "policy_eval/path.h"

// `trace --live`: what stands in the kernel of this host, beside what the policies say.
namespace calico::calicoctl {

struct LiveHost {
  std::string node;
  std::map<std::string, int> interfaces;  // name -> index
  std::map<std::string, std::vector<net::Ip>> addresses;
  std::map<net::Family, dataplane::RoutingTable> routes;
  std::map<net::Family, kernel::nft::TableContent> tables;

  std::string InterfaceTo(const net::Ip& ip) const;  // empty: there is no route
};
// This host as it is now. kSystem without root; kNotFound if Calico's tables are not there.
Result<LiveHost> ReadLiveHost(const Environment& environment);

// What the host's kernel does to the packet of one of its crossings.
dataplane::Walk WalkAt(const LiveHost& host, const policy_eval::Cluster& cluster,
                       const policy_eval::Crossing& crossing);

struct LiveAnswer {
  policy_eval::Crossing crossing;
  dataplane::Walk walk;
  bool agrees = false;  // with the policies
};
// One for each time that the packet comes through this host. kNotFound: it does not.
Result<std::vector<LiveAnswer>> AskLive(const LiveHost& host, const policy_eval::Cluster& cluster,
                                        const policy_eval::Journey& journey);

}  // namespace calico::calicoctl
