// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// What every speaker of this node calls itself, so that changing the speaker does not change it.
std::string RouterIdOf(const dataplane_api::BgpView& view);

// "Mesh_10_1_0_2": what `node status` of every version decodes.
std::string SessionNameOf(const dataplane_api::BgpPeerView& peer);

}  // namespace calico::bgp
