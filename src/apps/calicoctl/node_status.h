// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "apps/calicoctl/node_process.h"

namespace calico::calicoctl {

enum class NodeStatusForm { kTable, kWide, kJson };

// Where `node status` looks, and how it says what it sees.
struct NodeStatusSources {
  NodeStatusForm form = NodeStatusForm::kTable;
  bool is_root = false;  // BIRD's socket and other processes' namespaces are root's
  bool calico26 = false;
  bool colour = false;
  std::string proc = "/proc";
  // <directory>/bird.ctl, bird6.ctl and calico-node.sock, the first that exists.
  std::vector<std::string> socket_directories = {"/var/run/calico", "/var/run/bird"};
};

// `calicoctl node status` (reference calicoctl C.2.2, D.9): calico-node and its BGP peers. What the agent
// says is wrong with it goes to `err`: scripts read `out`. As JSON everything is on `out`, whatever fails.
int RunNodeStatus(const NodeStatusSources& sources, std::ostream& out, std::ostream& err);

}  // namespace calico::calicoctl
