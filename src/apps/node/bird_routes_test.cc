// SPDX-License-Identifier: Apache-2.0
#include "apps/node/bird_routes.h"

#include <gtest/gtest.h>

#include "kernel/testing/fake_rtnetlink.h"

namespace calico::node {
namespace {

using kernel::Route;
using kernel::RouteKey;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

class BirdRoutesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel::Link link;
    link.name = "eth0";
    link.admin_up = true;
    link_ = rtnetlink_.AddLink(link);
  }
  void Write(const char* dst, std::uint8_t protocol, std::uint32_t metric) {
    Route route;
    route.protocol = protocol;
    route.ifindex = link_;
    route.onlink = true;
    route.gateway = net::Ip::Parse("172.30.200.37");
    ASSERT_TRUE(rtnetlink_.ReplaceRoute(kernel::kMainTable, {C(dst), metric}, route).has_value());
  }
  std::map<RouteKey, Route> Routes() {
    return rtnetlink_.ListRoutes(net::Family::kV4, kernel::kMainTable).value();
  }

  kernel::testing::FakeRtnetlink rtnetlink_;
  int link_ = 0;
  const std::vector<net::Cidr> pools_{C("10.65.0.0/16")};
};

TEST_F(BirdRoutesTest, AHeldRouteLeadsWhereBirdsDidUntilItIsReleased) {
  Write("10.65.1.0/26", kernel::kProtoBird, 32);
  Write("203.0.113.0/24", kernel::kProtoBird, 32);  // of a router outside
  Write("10.65.2.0/26", kernel::kProtoCalico, 0);   // our own
  ASSERT_TRUE(HoldBirdRoutes(rtnetlink_, pools_).has_value());
  auto routes = Routes();
  EXPECT_EQ(routes.size(), 4U);
  const RouteKey held{C("10.65.1.0/26"), kHeldMetric};
  ASSERT_TRUE(routes.contains(held));
  EXPECT_EQ(routes[held].protocol, kernel::kProtoHeld);
  EXPECT_EQ(routes[held].gateway, net::Ip::Parse("172.30.200.37"));
  EXPECT_EQ(ReleaseHeldRoutes(rtnetlink_).value(), 1U);
  EXPECT_EQ(Routes().size(), 3U);
  EXPECT_EQ(ReleaseHeldRoutes(rtnetlink_).value(), 0U);
}

TEST_F(BirdRoutesTest, ARouteOverSeveralNextHopsIsHeldAsItIs) {
  Route route;
  route.protocol = kernel::kProtoBird;
  route.next_hops = {{link_, *net::Ip::Parse("172.30.200.37"), true},
                     {link_, *net::Ip::Parse("172.30.200.38"), true}};
  ASSERT_TRUE(rtnetlink_.ReplaceRoute(kernel::kMainTable, {C("10.65.1.0/26"), 32}, route).has_value());
  ASSERT_TRUE(HoldBirdRoutes(rtnetlink_, pools_).has_value());
  const RouteKey held{C("10.65.1.0/26"), kHeldMetric};
  EXPECT_EQ(Routes()[held].next_hops, route.next_hops);
}

TEST_F(BirdRoutesTest, OfABirdThatIsGoneForGoodThoseIntoThePoolsGo) {
  Write("10.65.1.0/26", kernel::kProtoBird, 32);
  Write("203.0.113.0/24", kernel::kProtoBird, 32);
  EXPECT_TRUE(HasBirdRoutes(rtnetlink_).value());
  ASSERT_TRUE(RemoveBirdRoutes(rtnetlink_, pools_).has_value());
  EXPECT_EQ(Routes().size(), 1U);
  Write("10.65.2.0/26", kernel::kProtoCalico, 0);
  ASSERT_TRUE(RemoveBirdRoutes(rtnetlink_, {C("203.0.113.0/24")}).has_value());
  EXPECT_FALSE(HasBirdRoutes(rtnetlink_).value());
}

}  // namespace
}  // namespace calico::node
