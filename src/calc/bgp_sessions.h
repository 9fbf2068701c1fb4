// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "calc/cluster_state.h"
#include "dataplane_api/bgp_view.h"

// Which BGP sessions a node has, and what holds for them: pure functions of the cluster's state (reference
// bgp-and-node B3 to B6).
namespace calico::calc {

// "default" or "node.<name>"; nullptr: there is none.
const model::BGPConfiguration* BgpConfigurationOf(const ClusterState& state, const std::string& name);
std::uint32_t AsNumberOf(const ClusterState& state, const model::Node& node);
std::uint16_t ListenPortOf(const ClusterState& state, const std::string& node);

// All sessions of this node, sorted: the mesh's, and those of BGPPeers from either of their ends. With one
// neighbour there is one session: a BGPPeer's goes before the mesh's, a global one before a node's own.
std::vector<dataplane_api::BgpPeerView> BgpSessionsOf(const ClusterState& state, const model::Node& self);

}  // namespace calico::calc
