// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "base/result.h"
#include "kernel/rtnetlink.h"
#include "net/ip.h"

namespace calico::node {

// Where workloads of this host find its BGP speaker (BGPConfiguration localWorkloadPeeringIPV4 and V6): a
// device of its own that has these addresses and no others, so that what is left of a former agent is known
// as ours.
inline constexpr char kPeeringDevice[] = "bgp.calico";
Status SyncPeeringDevice(kernel::Rtnetlink& rtnetlink,
                         const std::set<net::Ip>& addresses);  // none: no device

}  // namespace calico::node
