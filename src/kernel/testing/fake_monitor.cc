// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/fake_monitor.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include "base/check.h"

namespace calico::kernel::testing {

FakeMonitor::FakeMonitor() : fd_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
  CHECK(fd_.valid(), "eventfd");
}

Result<RtnetlinkMonitor::Events> FakeMonitor::Read() {
  if (failure_) {
    Error error = *std::move(failure_);
    failure_.reset();
    return error;
  }
  std::uint64_t rings = 0;  // EAGAIN: nothing is pending
  static_cast<void>(::read(fd_.get(), &rings, sizeof rings) == sizeof rings);
  return std::exchange(pending_, Events{});
}

void FakeMonitor::Inject(LinkChanged event) {
  pending_.links.push_back(std::move(event));
  Ring();
}
void FakeMonitor::Inject(LinkRemoved event) {
  pending_.links_removed.push_back(std::move(event));
  Ring();
}
void FakeMonitor::Inject(AddressChanged event) {
  pending_.addresses.push_back(std::move(event));
  Ring();
}
void FakeMonitor::Inject(RouteChanged event) {
  pending_.routes.push_back(std::move(event));
  Ring();
}
void FakeMonitor::Inject(Overrun) {
  pending_.overrun = true;
  Ring();
}
void FakeMonitor::FailRead(Error error) {
  failure_ = std::move(error);
  Ring();
}

void FakeMonitor::Ring() {
  const std::uint64_t one = 1;
  CHECK(::write(fd_.get(), &one, sizeof one) == sizeof one, "eventfd");
}

}  // namespace calico::kernel::testing
