// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>

#include "base/result.h"
#include "net/ip.h"

namespace calico::kernel {

// The kernel's table of connections, in the network namespace of the thread that opened it (ctnetlink:
// linux/netfilter/nfnetlink_conntrack.h). Not thread-safe.
class Conntrack {
 public:
  virtual ~Conntrack() = default;
  // Deletes the connections that have one of these addresses at either end, before or after translation.
  // Walks the whole table once, however many addresses there are. How many went.
  virtual Result<int> DeleteConnectionsOf(const std::set<net::Ip>& addresses) = 0;
};
Result<std::unique_ptr<Conntrack>> OpenConntrack();

}  // namespace calico::kernel
