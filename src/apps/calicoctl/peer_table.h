// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bgp/bird/control.h"
#include "net/ip.h"

namespace calico::calicoctl {

// "IPv4 BGP status" with its table, or that there are no peers, and an empty line (reference calicoctl
// C.2.2). Colours make a peer that is not up stand out.
std::string PeerTable(const std::vector<bgp::PeerStatus>& peers, net::Family family, bool colour);

}  // namespace calico::calicoctl
