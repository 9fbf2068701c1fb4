// SPDX-License-Identifier: Apache-2.0
// On the real kernel, in a network namespace of the test's own.
#include "workload/veth.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "base/clock.h"

namespace calico::workload {
namespace {

using ::testing::HasSubstr;

net::Cidr Cidr(const std::string& text) {
  return net::Cidr::Parse(text).value();
}

class Veth : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    auto opened = kernel::OpenRtnetlink();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    rtnetlink_ = std::move(*opened);
    sysctl_ = kernel::OpenSysctl();
  }
  VethRequest Request() const {
    return {.host_name = "cali0123456789a",
            .container_name = "temp0123456789a",
            .mtu_bytes = 1440,
            .addresses = {Cidr("10.65.0.1/32"), Cidr("fd00:65::1/128")}};
  }
  std::string Setting(const std::string& key) {
    const auto value = sysctl_->Read(key);
    return value.has_value() ? *value : value.error().message();
  }

  std::unique_ptr<kernel::Rtnetlink> rtnetlink_;
  std::unique_ptr<kernel::Sysctl> sysctl_;
};

TEST_F(Veth, ComesUpWithSettingsAndRoutes) {
  ASSERT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, Request()).has_value());
  const auto link = rtnetlink_->GetLink("cali0123456789a");
  ASSERT_TRUE(link.has_value());
  EXPECT_TRUE(link->admin_up);
  EXPECT_EQ(link->mtu_bytes, 1440);
  EXPECT_TRUE(rtnetlink_->GetLink("temp0123456789a").has_value());
  EXPECT_EQ(Setting("net/ipv4/conf/cali0123456789a/proxy_arp"), "1");
  EXPECT_EQ(Setting("net/ipv4/conf/cali0123456789a/route_localnet"), "1");
  EXPECT_EQ(Setting("net/ipv4/conf/cali0123456789a/forwarding"), "1");
  EXPECT_EQ(Setting("net/ipv4/neigh/cali0123456789a/proxy_delay"), "0");
  EXPECT_EQ(Setting("net/ipv6/conf/cali0123456789a/forwarding"), "1");
  EXPECT_EQ(Setting("net/ipv6/conf/cali0123456789a/accept_ra"), "0");

  const auto v4 = rtnetlink_->ListRoutes(net::Family::kV4, kernel::kMainTable);
  ASSERT_TRUE(v4.has_value());
  kernel::Route wanted;
  wanted.scope = kernel::RouteScope::kLink;
  wanted.protocol = kernel::kProtoBoot;
  wanted.ifindex = link->ifindex;
  ASSERT_EQ(v4->count({Cidr("10.65.0.1/32"), 0}), 1U);
  EXPECT_EQ(v4->at({Cidr("10.65.0.1/32"), 0}), wanted);
  const auto v6 = rtnetlink_->ListRoutes(net::Family::kV6, kernel::kMainTable);
  ASSERT_TRUE(v6.has_value());
  wanted.scope = kernel::RouteScope::kUniverse;
  ASSERT_EQ(v6->count({Cidr("fd00:65::1/128"), 1024}), 1U);
  EXPECT_EQ(v6->at({Cidr("fd00:65::1/128"), 1024}), wanted);
}

TEST_F(Veth, ReplacesALeftoverPair) {
  ASSERT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, Request()).has_value());
  const int before = rtnetlink_->GetLink("cali0123456789a")->ifindex;
  ASSERT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, Request()).has_value());
  EXPECT_NE(rtnetlink_->GetLink("cali0123456789a")->ifindex, before);
}

TEST_F(Veth, RemovesItselfWhenItCannotBeConfigured) {
  VethRequest request = Request();
  ASSERT_TRUE(sysctl_->Write("net/ipv6/conf/default/disable_ipv6", "1").has_value());
  const Status failed = CreateHostVeth(*rtnetlink_, *sysctl_, request);  // has an IPv6 address
  ASSERT_FALSE(failed.has_value());
  EXPECT_THAT(failed.error().message(), HasSubstr("configuring cali0123456789a"));
  EXPECT_FALSE(rtnetlink_->GetLink("cali0123456789a").has_value());
  EXPECT_FALSE(rtnetlink_->GetLink("temp0123456789a").has_value());

  request.addresses = {Cidr("10.65.0.1/32")};
  EXPECT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, request).has_value()) << "IPv6 settings are skipped";
}

TEST_F(Veth, RemovalOfTheAbsentSucceeds) {
  EXPECT_TRUE(RemoveHostVeth(*rtnetlink_, "cali0123456789a").has_value());
  ASSERT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, Request()).has_value());
  EXPECT_TRUE(RemoveHostVeth(*rtnetlink_, "cali0123456789a").has_value());
  EXPECT_FALSE(rtnetlink_->GetLink("temp0123456789a").has_value());
}

TEST_F(Veth, KnowsItsLinkLocalAddressBeforeItHasOne) {
  ASSERT_TRUE(CreateHostVeth(*rtnetlink_, *sysctl_, Request()).has_value());
  const auto host = rtnetlink_->GetLink("cali0123456789a");
  const auto peer = rtnetlink_->GetLink("temp0123456789a");
  ASSERT_TRUE(host.has_value() && peer.has_value());
  ASSERT_TRUE(rtnetlink_->SetLinkUp(peer->ifindex, true).has_value());  // now there is a carrier
  const kernel::Address expected{host->ifindex, net::Cidr(LinkLocalOf(host->mac), 64)};
  // The kernel adds it on its own time.
  std::vector<kernel::Address> addresses;
  for (int i = 0; i < 200 && std::find(addresses.begin(), addresses.end(), expected) == addresses.end();
       ++i) {
    SleepFor(std::chrono::milliseconds(10));
    addresses = rtnetlink_->ListAddresses().value_or(addresses);
  }
  EXPECT_THAT(addresses, ::testing::Contains(expected));
}

}  // namespace
}  // namespace calico::workload
