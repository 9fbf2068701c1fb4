// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "calc/cluster_state.h"
#include "dataplane_api/remote.h"

// How packets travel between hosts, as pools, nodes and settings say: pure functions of the cluster's state
// (reference felix 3.3, 3.7 and 3.8, bgp-and-node B9 and B15).
namespace calico::calc {

struct PoolEncapsulation {
  dataplane_api::Encapsulation encapsulation = dataplane_api::Encapsulation::kNone;
  bool cross_subnet = false;  // only between hosts of different subnets
};
PoolEncapsulation EncapsulationOf(const model::IPPool& pool);

// Who programs the routes to other hosts' blocks of a pool. Exactly one does, so that they cannot fight:
// VXLAN and, without BIRD or with FelixConfiguration's programClusterRoutes, all others are the agent's.
enum class RouteOwner { kAgent, kSpeaker, kNobody };
RouteOwner RouteOwnerOf(const ClusterState& state, const model::IPPool& pool);

// That it is reached at in BGP, too.
std::optional<net::Ip> AddressOf(const model::Node& node, net::Family family);
dataplane_api::RemoteHost RemoteHostOf(const model::Node& node);
// What this host needs itself. Devices are wanted while a pool wants them, a disabled one too: its workloads
// live on.
dataplane_api::Tunnels ComputeTunnels(const ClusterState& state);
dataplane_api::Wireguard ComputeWireguard(const ClusterState& state);
// "66:…" of a node's name, unless the node says otherwise.
net::Mac VtepMacOf(const model::Node& node, net::Family family);

}  // namespace calico::calc
