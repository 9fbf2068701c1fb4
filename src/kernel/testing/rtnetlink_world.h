// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <ostream>
#include <string>

#include "kernel/rtnetlink.h"

namespace calico::kernel::testing {

// What the contract suites need beyond the interface itself: the same on the kernel and on the fake.
class RtnetlinkWorld {
 public:
  virtual ~RtnetlinkWorld() = default;
  virtual Rtnetlink& rtnetlink() = 0;
  virtual std::unique_ptr<RtnetlinkMonitor> OpenMonitor() = 0;
  // Loses notifications of this monitor, which is the newest.
  virtual void Overrun(RtnetlinkMonitor& monitor) = 0;
};

struct RtnetlinkWorldCase {
  std::string name;
  std::function<std::unique_ptr<RtnetlinkWorld>()> open;
};
inline void PrintTo(const RtnetlinkWorldCase& one, std::ostream* out) {
  *out << one.name;
}

// The kernel must be that of a network namespace of the test program's own: see private_network.h.
RtnetlinkWorldCase KernelWorld();
RtnetlinkWorldCase FakeWorld();

}  // namespace calico::kernel::testing
