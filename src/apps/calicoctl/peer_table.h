// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bgp/bird/control.h"
#include "dataplane_api/bgp_view.h"
#include "model/ip_pool.h"
#include "net/ip.h"

namespace calico::calicoctl {

// "IPv4 BGP status" with its table, or that there are no peers, and an empty line (reference calicoctl
// C.2.2). Colours make a peer that is not up stand out.
std::string PeerTable(const std::vector<bgp::BirdPeer>& peers, net::Family family, bool colour);

// As much of a speaker's view as bgp::UnroutedPools looks at.
dataplane_api::BgpView ViewOfPools(const std::vector<model::IPPool>& pools);

}  // namespace calico::calicoctl
