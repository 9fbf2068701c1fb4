// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/unique_fd.h"
#include "kernel/rtnetlink.h"

namespace calico::kernel::testing {

// Notifications that a test (or FakeRtnetlink) puts in. fd() is readable while some are pending.
class FakeMonitor final : public RtnetlinkMonitor {
 public:
  FakeMonitor();

  int fd() const override { return fd_.get(); }
  Result<Events> Read() override;

  void Inject(LinkChanged event);
  void Inject(LinkRemoved event);
  void Inject(AddressChanged event);
  void Inject(RouteChanged event);
  void Inject(Overrun event);
  // The next Read() fails once; what is pending stays.
  void FailRead(Error error);

 private:
  void Ring();

  const UniqueFd fd_;  // an eventfd
  Events pending_;
  std::optional<Error> failure_;
};

}  // namespace calico::kernel::testing
