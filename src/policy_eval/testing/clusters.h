// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "policy_eval/cluster.h"
#include "policy_eval/packet.h"

namespace calico::policy_eval {

// Of documents between lines of "---", whose apiVersion may be left out. A document that cannot be written
// stops the test.
Cluster ClusterOf(const std::string& documents);
// Likewise, on top; `stored`: as they are, without defaults and checks.
void Add(Cluster& cluster, const std::string& documents, bool stored = false);

// The first packet of a TCP connection.
Packet Tcp(const std::string& source, const std::string& destination, std::uint16_t port);

}  // namespace calico::policy_eval
