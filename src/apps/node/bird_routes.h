// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "base/result.h"
#include "kernel/rtnetlink.h"

// What the agent does with the routes that BIRD has written into the kernel's main table.
namespace calico::node {

// Of a BIRD that ended and should start with -R, as only then is there something to keep.
Result<bool> HasBirdRoutes(kernel::Rtnetlink& rtnetlink);

// Of a BIRD that has ended for good.
Status RemoveBirdRoutes(kernel::Rtnetlink& rtnetlink, const std::vector<net::Cidr>& within);

// Held routes: copies of BIRD's routes into the pools which the kernel follows only while BIRD has none
// itself, as when its sessions are set up anew. They carry a protocol number of their own
// (kernel::kProtoHeld) and a worse metric than anybody's, and BIRD does not learn them.
inline constexpr std::uint32_t kHeldMetric = 8192;
Status HoldBirdRoutes(kernel::Rtnetlink& rtnetlink, const std::vector<net::Cidr>& within);
Result<std::size_t> ReleaseHeldRoutes(kernel::Rtnetlink& rtnetlink);  // how many there were

}  // namespace calico::node
