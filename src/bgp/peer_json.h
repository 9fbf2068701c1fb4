// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "bgp/peer_status.h"

namespace calico::bgp {

// Sessions as JSON: what the agent answers on its socket, and `calicoctl node status -o json` prints. Numbers
// are numbers, times RFC 3339; what is not known is left out.
std::string PeersToJson(const std::vector<PeerStatus>& peers);
Result<std::vector<PeerStatus>> PeersFromJson(const std::string& text);

}  // namespace calico::bgp
