// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>
#include <string>

#include "base/result.h"
#include "kernel/rtnetlink.h"

// What all of the agent's own devices need: tunl0, the VXLAN and the WireGuard ones.
namespace calico::dataplane {

// A deletion that came too late: somebody else's, or the device went.
bool IsGone(const Status& deleted);

// What the MTU of a tunnel follows from (reference felix 3.11).
struct MtuInputs {
  const char* setting;       // of FelixConfiguration: "vxlanMTU"
  int configured_bytes = 0;  // by it; 0: not
  int uplink_bytes = 0;      // 0: not known
  int overhead_bytes = 0;    // of the encapsulation
  net::Family inner = net::Family::kV4;
};
struct Mtu {
  const char* setting;  // as in the inputs
  int bytes = 0;        // 0: not known
  std::string problem;  // why it is not what the inputs ask for; empty: it is
};
// The configured one, if every host of the inner family must be able to take as much; without one what the
// encapsulation leaves of the uplink's.
Mtu ChooseMtu(const MtuInputs& inputs);

// Each returns the number of writes.
// An MTU of 0 leaves the device's. The error names the setting.
Result<int> EnsureMtu(kernel::Rtnetlink& rtnetlink, const kernel::Link& link, const Mtu& mtu);
Result<int> EnsureUp(kernel::Rtnetlink& rtnetlink, const kernel::Link& link);
// The device has this address of the family, and no other one but link-local ones. `addresses`: all of this
// host.
Result<int> EnsureOnlyAddress(kernel::Rtnetlink& rtnetlink, int ifindex, net::Family family,
                              const std::optional<net::Ip>& wanted,
                              const std::set<kernel::Address>& addresses);

}  // namespace calico::dataplane
