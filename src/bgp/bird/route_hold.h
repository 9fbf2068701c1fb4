// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "net/cidr.h"

namespace calico::bgp {

// Keeps packets flowing where BIRD loses routes for a moment that it will find again: it was started anew, or
// its sessions are set up anew. The kernel has copies of the routes meanwhile, which lead nowhere else than
// BIRD's did. Runs on one loop.
class RouteHold final {
 public:
  struct Kernel {
    // Copies BIRD's routes that lie within these prefixes.
    std::function<Status(const std::vector<net::Cidr>& within)> hold;
    std::function<Result<std::size_t>()> release;  // all copies; how many there were
  };
  // `sessions_are_up`: of BIRD, all that it has.
  RouteHold(EventLoop& loop, const Clock& clock, Kernel kernel, std::function<bool()> sessions_are_up);

  void Hold(const std::vector<net::Cidr>& within);
  // When the sessions have been up for a while, or some are not up after a long time.
  void ReleaseWhenUp();
  bool releases() const { return watch_ != nullptr; }  // ReleaseWhenUp() goes on

 private:
  void Release(bool up);

  EventLoop& loop_;
  const Clock& clock_;
  const Kernel kernel_;
  const std::function<bool()> sessions_are_up_;
  std::unique_ptr<EventLoop::Handle> watch_;
};

}  // namespace calico::bgp
