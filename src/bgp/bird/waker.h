// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include <sys/types.h>

#include "base/event_loop.h"
#include "kernel/rtnetlink_waker.h"

namespace calico::bgp {

// Wakes a BIRD that sleeps although it has work to do. BIRD 2.0 decides how long to wait in poll(), up to
// 3 s, before it looks at what its timers and its background work have just put on the list: a session that
// has been fed 100 000 routes, or a single one, may stand still until anything happens on any of BIRD's
// sockets. So whenever BIRD has run, it is woken a moment later; a BIRD that does nothing is left alone. Runs
// on one loop.
class Waker final {
 public:
  Waker(EventLoop& loop, pid_t bird);

 private:
  void LookAfter(Duration delay);
  Duration Look();  // when to look again
  void Wake();

  EventLoop& loop_;
  const pid_t bird_;
  clockid_t run_time_clock_{};
  std::unique_ptr<kernel::RtnetlinkWaker> waker_;
  Duration run_time_{};  // of BIRD, when last looked at
  Duration idle_wake_;   // what a wake for nothing costs BIRD
  Duration pause_{};     // after the next wake
  Duration until_wake_{};
  bool woken_ = false;   // what it ran since is our doing
  std::string problem_;  // told already
  std::unique_ptr<EventLoop::Handle> timer_;
};

}  // namespace calico::bgp
