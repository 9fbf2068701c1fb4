// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "apps/node/startup.h"
#include "base/event_loop.h"
#include "kernel/rtnetlink.h"

namespace calico::node {

// Looks again at the addresses of a running agent (reference bgp-and-node A4): a moment after the kernel has
// told of a change of a link or an address, and every AUTODETECT_POLL_INTERVAL. On a thread of its own. An
// address that another node has is not taken: it is logged, told to those who ask, and tried again.
class AddressMonitor final {
 public:
  // `look` is UpdateAddresses() on what the host has now.
  using Look = std::function<Result<std::vector<AddressChoice>>()>;
  AddressMonitor(Look look, std::vector<AddressChoice> at_start, Duration period);
  ~AddressMonitor();

  Status Start();
  // From any thread; never waits: a look may wait for the store.
  std::vector<AddressChoice> Choices() const;
  std::vector<std::string> Problems() const;

 private:
  struct Seen {
    std::vector<AddressChoice> choices;
    std::string error;  // of the last look
  };
  void Read();
  void Check();

  const Look look_;
  const Duration period_;
  std::atomic<std::shared_ptr<const Seen>> seen_;
  std::vector<std::string> told_;  // the thread's, like all below
  std::unique_ptr<kernel::RtnetlinkMonitor> monitor_;
  std::unique_ptr<EventLoop::Handle> events_, soon_, ticks_;
  LoopThread thread_;
};

}  // namespace calico::node
