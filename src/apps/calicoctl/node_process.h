// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace calico::calicoctl {

// Which of Calico's processes run on this host. Hosts that share a process namespace (a lab of network
// namespaces) are told apart by their network namespace.
struct NodeProcesses {
  bool agent = false;  // calico-node run, or calico-felix
  bool bird = false;   // BIRD 1: IPv4; BIRD 2: both families
  bool bird6 = false;  // BIRD 1: IPv6
  bool gobgp = false;  // calico-bgp-daemon of 2.6, gobgpd
  bool operator==(const NodeProcesses&) const = default;
};
NodeProcesses FindNodeProcesses(const std::string& proc);

}  // namespace calico::calicoctl
