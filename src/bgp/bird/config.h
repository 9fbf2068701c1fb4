// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// bird.cfg for stock BIRD 2.0.12 (reference bgp-and-node B8, B9, B14, B16, B18). Pure; equal views give equal
// text.
std::string RenderBirdConfig(const dataplane_api::BgpView& view);

// Pools whose encapsulation this version lacks: routes to blocks off our subnet are not installed.
// One sentence each: "IP pool x (10.0.0.0/16) asks for IPIP …: blocks on other subnets have no route".
std::vector<std::string> UnroutedPools(const dataplane_api::BgpView& view);

}  // namespace calico::bgp
