// SPDX-License-Identifier: Apache-2.0
#include "apps/node/peering_device.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/testing/fake_rtnetlink.h"

namespace calico::node {
namespace {

net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}

TEST(PeeringDevice, HasTheAddressesThatAreWantedAndIsGoneWithoutAny) {
  kernel::testing::FakeRtnetlink rtnetlink;
  const auto addresses = [&] {
    std::set<net::Ip> found;
    const kernel::Link link = rtnetlink.GetLink(kPeeringDevice).value();
    const std::vector<kernel::Address> all = rtnetlink.ListAddresses().value();
    for (const kernel::Address& one : all) {
      if (one.ifindex == link.ifindex) found.insert(one.address.ip());
    }
    return found;
  };
  EXPECT_TRUE(SyncPeeringDevice(rtnetlink, {}).has_value());
  EXPECT_FALSE(rtnetlink.GetLink(kPeeringDevice).has_value());
  ASSERT_TRUE(SyncPeeringDevice(rtnetlink, {I("169.254.0.179")}).has_value());
  EXPECT_THAT(addresses(), ::testing::ElementsAre(I("169.254.0.179")));
  EXPECT_TRUE(rtnetlink.GetLink(kPeeringDevice)->admin_up);
  ASSERT_TRUE(SyncPeeringDevice(rtnetlink, {I("169.254.0.180"), I("fd00::179")}).has_value());
  EXPECT_THAT(addresses(), ::testing::ElementsAre(I("169.254.0.180"), I("fd00::179")));
  ASSERT_TRUE(SyncPeeringDevice(rtnetlink, {}).has_value());
  EXPECT_FALSE(rtnetlink.GetLink(kPeeringDevice).has_value());
}

}  // namespace
}  // namespace calico::node
