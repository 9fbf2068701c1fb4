// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "net/ip.h"

namespace calico::dataplane {

// Some network cards and hypervisors spoil the checksums of packets inside VXLAN: pings pass, TCP does not,
// and nobody says why (reference felix 5.3, Encapsulation). Each VXLAN device is asked once whether it is one
// of them: another host's tunnel address is called by TCP on a port that nobody serves. Its refusal is an
// answer, and comes with a checksum of the kernel's own, so that it tells about this host alone. If none
// comes, but one does with the offload switched off, it stays off.
//
// Runs on a thread of its own: an answer may take seconds.
class OffloadCheck final {
 public:
  struct Probe {
    std::string interface;
    int ifindex = 0;
    net::Ip from;                // the device's address
    std::vector<net::Ip> peers;  // other hosts' devices; any of them will do
  };
  // True: somebody answered. Replaced by tests.
  using Call = std::function<bool(const Probe& probe, Duration timeout)>;

  OffloadCheck();
  explicit OffloadCheck(Call call);
  ~OffloadCheck();

  // The device is there and has peers. A device that was considered before is not asked again. From any
  // thread.
  void Consider(const Probe& probe);

 private:
  void Check(const Probe& probe, int tries);

  const Call call_;
  std::set<int> seen_;  // devices; the thread's
  std::vector<std::unique_ptr<EventLoop::Handle>> later_;
  LoopThread thread_;
};

}  // namespace calico::dataplane
