// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/rtnetlink.h"
#include "kernel/sysctl.h"
#include "net/cidr.h"
#include "net/mac.h"

namespace calico::dataplane {

// sysctls of one workload interface (reference felix 3.2), read first: what is right already is not written.
// Returns the number of writes. An interface without IPv6 has no IPv6 settings.
// `foreign_sources`: it may send from addresses that are not where the routes lead, which the kernel's own
// check must let pass.
Result<int> EnsureInterfaceSysctls(kernel::Sysctl& sysctl, const std::string& interface,
                                   bool foreign_sources);
// ip_forward and its IPv6 counterpart: without them a host is no router.
Result<int> EnsureForwarding(kernel::Sysctl& sysctl);
// The mark counts when the kernel asks where a packet's source would be routed to: what is encrypted and what
// is not have different ways.
Result<int> EnsureValidMarks(kernel::Sysctl& sysctl);

// Permanent neighbour entries, so that the first packet to a container needs no ARP: address -> its MAC on
// the workload's interface.
class NeighbourSync final {
 public:
  explicit NeighbourSync(kernel::Rtnetlink& rtnetlink) : rtnetlink_(rtnetlink) {}

  void RereadNext() { must_read_ = true; }
  void Forget(int ifindex);  // the kernel drops the entries of a link that goes down
  Result<int> Ensure(int ifindex, const std::vector<net::Cidr>& addresses, const net::Mac& mac);

 private:
  kernel::Rtnetlink& rtnetlink_;
  std::map<kernel::NeighbourKey, kernel::Neighbour> actual_;
  bool must_read_ = true;
};

}  // namespace calico::dataplane
