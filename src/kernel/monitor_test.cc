// SPDX-License-Identifier: Apache-2.0
// One suite for the kernel's notifications and for the fake's.
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "kernel/testing/fake_monitor.h"
#include "kernel/testing/rtnetlink_world.h"

namespace calico::kernel {
namespace {

using Events = RtnetlinkMonitor::Events;
using testing::RtnetlinkWorldCase;

constexpr int kPatienceMs = 5000;

net::Cidr C(const char* text) {
  return net::Cidr::Parse(text).value();
}
bool IsReadable(const RtnetlinkMonitor& monitor) {
  pollfd fd{monitor.fd(), POLLIN, 0};
  return ::poll(&fd, 1, 0) == 1;
}

class MonitorContract : public ::testing::TestWithParam<RtnetlinkWorldCase> {
 protected:
  void SetUp() override {
    VethPair pair;
    pair.host_name = "calimonitor";
    pair.peer_name = "peermonitor";
    ASSERT_TRUE(rtnetlink_.CreateVeth(pair).has_value());
    host_ = rtnetlink_.GetLink("calimonitor").value();
    const Link peer = rtnetlink_.GetLink("peermonitor").value();
    ASSERT_TRUE(rtnetlink_.SetLinkUp(peer.ifindex, true).has_value());
    monitor_ = world_->OpenMonitor();
  }
  void TearDown() override { static_cast<void>(rtnetlink_.DeleteLink("calimonitor")); }

  // Reads until `seen` says that the awaited event is among those since the last call.
  template <typename Seen>
  ::testing::AssertionResult Await(Seen seen) {
    for (;;) {
      pollfd fd{monitor_->fd(), POLLIN, 0};
      if (::poll(&fd, 1, kPatienceMs) != 1) return ::testing::AssertionFailure() << "no such event";
      auto events = monitor_->Read();
      if (!events.has_value()) return ::testing::AssertionFailure() << events.error().message();
      if (seen(*events)) return ::testing::AssertionSuccess();
    }
  }
  Route OnLink() const {
    Route route;
    route.scope = RouteScope::kLink;
    route.protocol = kProtoBoot;
    route.ifindex = host_.ifindex;
    return route;
  }
  auto SeesRoute(std::uint32_t table, const RouteKey& key, bool removed) const {
    return [=, this](const Events& events) {
      for (const RouteChanged& one : events.routes) {
        if (one.table == table && one.key == key && one.removed == removed && one.route == OnLink() &&
            one.family == net::Family::kV4)
          return true;
      }
      return false;
    };
  }

  const std::unique_ptr<testing::RtnetlinkWorld> world_ = GetParam().open();
  Rtnetlink& rtnetlink_ = world_->rtnetlink();
  std::unique_ptr<RtnetlinkMonitor> monitor_;
  Link host_;
};
INSTANTIATE_TEST_SUITE_P(Both, MonitorContract,
                         ::testing::Values(testing::KernelWorld(), testing::FakeWorld()),
                         [](const auto& one) { return one.param.name; });

// Not that there is nothing: the kernel adds IPv6 routes in its own time when a carrier comes up.
TEST_P(MonitorContract, ReadingNothingDoesNotBlock) {
  const auto start = std::chrono::steady_clock::now();
  while (IsReadable(*monitor_)) ASSERT_TRUE(monitor_->Read().has_value());
  const auto events = monitor_->Read();
  ASSERT_TRUE(events.has_value());
  EXPECT_FALSE(events->overrun);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(4))
      << "the socket's time-out is 5 s";
}

TEST_P(MonitorContract, TellsOfRoutesInEveryTable) {
  for (const std::uint32_t table : {kMainTable, std::uint32_t{1000}}) {
    const RouteKey key{C("10.65.0.7/32"), 0};
    ASSERT_TRUE(rtnetlink_.ReplaceRoute(table, key, OnLink()).has_value());
    EXPECT_TRUE(Await(SeesRoute(table, key, false)));
    ASSERT_TRUE(rtnetlink_.DeleteRoute(table, key, kAnyProtocol).has_value());
    EXPECT_TRUE(Await(SeesRoute(table, key, true)));
  }
}

TEST_P(MonitorContract, TellsOfChangedLinks) {
  ASSERT_TRUE(rtnetlink_.SetLinkMtu(host_.ifindex, 1400).has_value());
  EXPECT_TRUE(Await([&](const Events& events) {
    for (const LinkChanged& one : events.links)
      if (one.link.name == "calimonitor" && one.link.mtu_bytes == 1400 && one.link.admin_up) return true;
    return false;
  }));
  ASSERT_TRUE(rtnetlink_.SetLinkUp(host_.ifindex, false).has_value());
  EXPECT_TRUE(Await([&](const Events& events) {
    for (const LinkChanged& one : events.links)
      if (one.link.ifindex == host_.ifindex && !one.link.admin_up) return true;
    return false;
  }));
}

TEST_P(MonitorContract, TellsOfNewAndRemovedLinks) {
  VethPair pair;
  pair.host_name = "calinew";
  pair.peer_name = "peernew";
  ASSERT_TRUE(rtnetlink_.CreateVeth(pair).has_value());
  EXPECT_TRUE(Await([&](const Events& events) {
    for (const LinkChanged& one : events.links)
      if (one.link.name == "calinew" && one.link.kind == "veth" && one.link.admin_up) return true;
    return false;
  }));
  ASSERT_TRUE(rtnetlink_.DeleteLink("calinew").has_value());
  std::size_t gone = 0;  // both ends, in either order
  EXPECT_TRUE(Await([&](const Events& events) {
    for (const LinkRemoved& one : events.links_removed)
      if (one.name == "calinew" || one.name == "peernew") ++gone;
    return gone == 2;
  }));
}

TEST_P(MonitorContract, TellsOfAddressesThatComeAndGo) {
  for (const char* text : {"172.30.200.36/24", "fd00:30::36/64"}) {
    const Address address{host_.ifindex, C(text)};
    const auto sees = [&](bool removed) {
      return [&address, removed](const Events& events) {
        for (const AddressChanged& one : events.addresses)
          if (one.address == address && one.removed == removed) return true;
        return false;
      };
    };
    ASSERT_TRUE(rtnetlink_.AddAddress({host_.ifindex, address.address}).has_value());
    EXPECT_TRUE(Await(sees(false))) << text;
    ASSERT_TRUE(rtnetlink_.DeleteAddress({host_.ifindex, address.address}).has_value());
    EXPECT_TRUE(Await(sees(true))) << text;
  }
}

TEST_P(MonitorContract, SaysSoWhenSomeWereLostAndGoesOn) {
  world_->Overrun(*monitor_);
  EXPECT_TRUE(Await([](const Events& events) { return events.overrun; }));
  const RouteKey key{C("10.65.0.8/32"), 0};
  ASSERT_TRUE(rtnetlink_.ReplaceRoute(kMainTable, key, OnLink()).has_value());
  EXPECT_TRUE(Await(SeesRoute(kMainTable, key, false)));
}

TEST(FakeMonitor, IsReadableWhileSomethingIsPending) {
  testing::FakeMonitor monitor;
  EXPECT_FALSE(IsReadable(monitor));
  monitor.Inject(LinkRemoved{7, "cali7"});
  monitor.Inject(Overrun{});
  EXPECT_TRUE(IsReadable(monitor));
  monitor.FailRead(Error(ErrorCode::kSystem, "scripted"));
  EXPECT_EQ(monitor.Read().error().message(), "scripted");
  EXPECT_TRUE(IsReadable(monitor)) << "a failed read loses nothing";
  const auto events = monitor.Read();
  ASSERT_TRUE(events.has_value());
  EXPECT_EQ(events->links_removed.size(), 1U);
  EXPECT_TRUE(events->overrun);
  EXPECT_FALSE(IsReadable(monitor));
}

}  // namespace
}  // namespace calico::kernel
