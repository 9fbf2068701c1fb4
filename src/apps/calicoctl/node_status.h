// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "bgp/bird/control.h"
#include "model/ip_pool.h"

namespace calico::calicoctl {

// Where `node status` looks.
struct NodeStatusSources {
  bool is_root = false;  // BIRD's socket and other processes' namespaces are root's
  std::string proc = "/proc";
  std::string bird_socket = bgp::BirdControl::kDefaultSocket;
  std::function<Result<std::vector<model::IPPool>>()> pools;
};

// Whether calico-node runs on this host. Hosts that share a process namespace (a lab of network namespaces)
// are told apart by their network namespace.
bool IsCalicoNodeRunning(const std::string& proc);

// `calicoctl node status` (reference calicoctl C.2.2): calico-node, BGP peers, and the pools that have no
// route.
int RunNodeStatus(const NodeStatusSources& sources, std::ostream& out, std::ostream& err);

}  // namespace calico::calicoctl
