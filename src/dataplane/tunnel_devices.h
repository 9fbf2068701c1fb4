// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <set>

#include "base/result.h"
#include "kernel/rtnetlink.h"

// What all of the agent's own devices need: tunl0, the VXLAN and the WireGuard ones.
namespace calico::dataplane {

// A deletion that came too late: somebody else's, or the device went.
bool IsGone(const Status& deleted);

// The configured MTU; without one what the uplink's leaves after the encapsulation. 0: the uplink is not
// known.
int TunnelMtu(int configured_bytes, int uplink_bytes, int overhead_bytes);

// Sets the MTU, unless it is 0, and the device up. Returns the number of writes.
Result<int> EnsureUp(kernel::Rtnetlink& rtnetlink, const kernel::Link& link, int mtu_bytes);

// The device has this address of the family, and no other one but link-local ones. `addresses`: all of this
// host. Returns the number of writes.
Result<int> EnsureOnlyAddress(kernel::Rtnetlink& rtnetlink, int ifindex, net::Family family,
                              const std::optional<net::Ip>& wanted,
                              const std::set<kernel::Address>& addresses);

}  // namespace calico::dataplane
