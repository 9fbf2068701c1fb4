// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/event_loop.h"

namespace calico::bgp {

// Asks BIRD for its greeting every `period`, without blocking the loop: a BIRD that hangs keeps its sessions
// and its process, and nothing else tells. Silence is counted in periods, not read from a clock: a host that
// slept makes nobody hang.
class Watchdog final {
 public:
  // `on_hung` is called each time that BIRD has been silent for `limit`.
  Watchdog(EventLoop& loop, std::string socket_path, Duration period, Duration limit,
           std::function<void()> on_hung);
  ~Watchdog();

  // For how long BIRD has not answered; 0: it does.
  Duration silence() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::bgp
