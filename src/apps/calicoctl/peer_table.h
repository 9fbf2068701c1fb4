// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "bgp/peer_status.h"
#include "net/ip.h"

namespace calico::calicoctl {

// "IPv4 BGP status" with its table, or that there are no peers, and an empty line (reference calicoctl
// C.2.2). Colours make a peer that is not up stand out. Sessions with local workloads are not upstream's to
// show here.
std::string PeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour);
// The same with all that is known, and with local workloads.
std::string WidePeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour,
                          WallTime now);

}  // namespace calico::calicoctl
