// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "bgp/bird/control.h"
#include "dataplane_api/bgp_view.h"
#include "model/ip_pool.h"

namespace calico::calicoctl {

// "IPv4 BGP status" and "IPv6 BGP status" with their tables, each section followed by an empty line
// (reference calicoctl C.2.2).
std::string PeerTables(const std::vector<bgp::BirdPeer>& peers);

// As much of a speaker's view as bgp::UnroutedPools looks at.
dataplane_api::BgpView ViewOfPools(const std::vector<model::IPPool>& pools);

}  // namespace calico::calicoctl
