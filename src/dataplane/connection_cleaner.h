// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>

#include "base/event_loop.h"
#include "kernel/conntrack.h"
#include "net/ip.h"

namespace calico::dataplane {

// Ends the connections of addresses that have left this host, so that whoever gets one next does not meet its
// predecessor's (reference felix 2.13, 3.3). In the background, on a thread of its own: the kernel's table
// may be long. Addresses that leave within 100 ms cost one walk.
class ConnectionCleaner final {
 public:
  explicit ConnectionCleaner(kernel::Conntrack& conntrack);
  ~ConnectionCleaner();

  void Forget(std::set<net::Ip> addresses);

 private:
  void Walk();

  kernel::Conntrack& conntrack_;  // the thread's
  std::set<net::Ip> waiting_;     // the thread's
  std::unique_ptr<EventLoop::Handle> timer_;
  LoopThread thread_{"conntrack"};  // last: it stops before what it uses goes away
};

}  // namespace calico::dataplane
