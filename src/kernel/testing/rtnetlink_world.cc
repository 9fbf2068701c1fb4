// SPDX-License-Identifier: Apache-2.0
#include "kernel/testing/rtnetlink_world.h"

#include <gtest/gtest.h>
#include <sys/socket.h>

#include "base/check.h"
#include "kernel/testing/fake_rtnetlink.h"
#include "kernel/testing/private_network.h"

namespace calico::kernel::testing {
namespace {

class OnKernel final : public RtnetlinkWorld {
 public:
  OnKernel() : rtnetlink_(OpenRtnetlink().value()) {
    CHECK(PrivateNetwork::Entered(), "this suite must not run on the machine's own network");
  }
  Rtnetlink& rtnetlink() override { return *rtnetlink_; }
  std::unique_ptr<RtnetlinkMonitor> OpenMonitor() override { return OpenRtnetlinkMonitor().value(); }
  void Overrun(RtnetlinkMonitor& monitor) override {
    const int smallest = 1;  // the kernel rounds up: room for one or two notifications
    ASSERT_EQ(::setsockopt(monitor.fd(), SOL_SOCKET, SO_RCVBUF, &smallest, sizeof smallest), 0);
    Route blackhole;
    blackhole.type = RouteType::kBlackhole;
    blackhole.protocol = kProtoCalico;
    for (std::uint32_t i = 0; i < 100; ++i) {
      const RouteKey key{net::Cidr::Host(net::Ip::V4(0x0a630000 + i)), 0};
      ASSERT_TRUE(rtnetlink_->ReplaceRoute(kMainTable, key, blackhole).has_value());
      ASSERT_TRUE(rtnetlink_->DeleteRoute(kMainTable, key, kAnyProtocol).has_value());
    }
  }

 private:
  const std::unique_ptr<Rtnetlink> rtnetlink_;
};

class OnFake final : public RtnetlinkWorld {
 public:
  Rtnetlink& rtnetlink() override { return fake_; }
  std::unique_ptr<RtnetlinkMonitor> OpenMonitor() override {
    auto monitor = std::make_unique<FakeMonitor>();
    newest_ = monitor.get();
    fake_.Announce(newest_);
    return monitor;
  }
  void Overrun(RtnetlinkMonitor& monitor) override {
    ASSERT_EQ(&monitor, newest_);
    newest_->Inject(kernel::Overrun{});
  }

 private:
  FakeRtnetlink fake_;
  FakeMonitor* newest_ = nullptr;
};

}  // namespace

RtnetlinkWorldCase KernelWorld() {
  return {"kernel", [] { return std::make_unique<OnKernel>(); }};
}
RtnetlinkWorldCase FakeWorld() {
  return {"fake", [] { return std::make_unique<OnFake>(); }};
}

}  // namespace calico::kernel::testing
