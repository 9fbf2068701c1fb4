// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/learned_routes.h"

#include <gtest/gtest.h>

#include "kernel/testing/fake_rtnetlink.h"

namespace calico::bgp {
namespace {

using kernel::Route;
using kernel::RouteKey;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}

class LearnedRoutesTest : public ::testing::Test {
 protected:
  LearnedRoutesTest() {
    kernel::Link link;
    link.name = "eth0";
    link.admin_up = true;
    link.running = true;
    eth0_ = rtnetlink_.AddLink(link);
    Put("10.0.0.0/24", 2, std::nullopt);
    Put("0.0.0.0/0", 0, I("10.0.0.254"));
  }
  void Put(const char* prefix, std::uint8_t protocol, std::optional<net::Ip> gateway,
           std::uint32_t metric = 0) {
    Route route;
    route.protocol = protocol;
    route.ifindex = eth0_;
    route.gateway = gateway;
    ASSERT_TRUE(rtnetlink_.ReplaceRoute(kernel::kMainTable, {C(prefix), metric}, route).has_value());
  }
  // "via 10.0.0.1", "" if there is none, for the route that we make.
  std::string In(const char* prefix) {
    const auto routes = rtnetlink_.ListRoutes(net::Family::kV4, kernel::kMainTable);
    const auto found = routes->find({C(prefix), LearnedRoutes::kMetric});
    if (found == routes->end()) return "";
    const Route& route = found->second;
    if (route.next_hops.empty()) return "via " + route.gateway->ToString();
    std::string text;
    for (const auto& hop : route.next_hops) text += "nexthop " + hop.gateway->ToString() + " ";
    return text;
  }
  void Apply() { ASSERT_TRUE(routes_.Apply().has_value()); }

  kernel::testing::FakeRtnetlink rtnetlink_;
  int eth0_ = 0;
  LearnedRoutes routes_{rtnetlink_};
};

TEST_F(LearnedRoutesTest, LeadsToANextHopOnALinkAndOverTheGatewayToOneBehindIt) {
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.1")});
  routes_.Set(C("10.99.0.0/24"), {I("172.16.0.1")});
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.1");
  EXPECT_EQ(In("10.99.0.0/24"), "via 10.0.0.254");
}

TEST_F(LearnedRoutesTest, SpreadsOverNextHopsThatAreEquallyGood) {
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.1"), I("10.0.0.2")});
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "nexthop 10.0.0.1 nexthop 10.0.0.2 ");
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.2")});
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.2");
}

TEST_F(LearnedRoutesTest, ARouteThatIsWithdrawnGoesAtOnceAndOneOfAFormerSpeakerWhenAllIsTold) {
  Put("10.97.0.0/24", LearnedRoutes::kProtocol, I("10.0.0.1"), LearnedRoutes::kMetric);
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.1")});
  Apply();
  routes_.Set(C("10.98.0.0/24"), {});
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "");
  EXPECT_EQ(In("10.97.0.0/24"), "via 10.0.0.1") << "a peer may still tell of it";
  routes_.SetComplete();
  Apply();
  EXPECT_EQ(In("10.97.0.0/24"), "");
}

TEST_F(LearnedRoutesTest, RoutesStayWhenTheSpeakerEnds) {
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.1")});
  routes_.SetComplete();
  Apply();
  routes_.Restart();
  routes_.RereadNext();
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.1");
}

TEST_F(LearnedRoutesTest, LeavesPoolsAndRoutesOfOthersAlone) {
  Put("10.98.0.0/24", 4, I("10.0.0.9"), LearnedRoutes::kMetric);
  routes_.SetForeign({C("10.65.0.0/16")});
  routes_.Set(C("10.65.1.0/26"), {I("10.0.0.1")});
  routes_.Set(C("10.98.0.0/24"), {I("10.0.0.1")});
  routes_.SetComplete();
  Apply();
  EXPECT_EQ(In("10.65.1.0/26"), "");
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.9");
  routes_.SetForeign({});
  Apply();
  EXPECT_EQ(In("10.65.1.0/26"), "via 10.0.0.1");
}

TEST_F(LearnedRoutesTest, ARouteOfTheAgentIsEnoughForAPrefix) {
  routes_.Set(C("10.65.1.0/26"), {I("10.0.0.1")});
  Apply();
  EXPECT_EQ(In("10.65.1.0/26"), "via 10.0.0.1");
  Put("10.65.1.0/26", kernel::kProtoCalico, I("10.0.0.2"));
  const RouteKey key = RouteKey::To(C("10.65.1.0/26"));
  const Route agents = rtnetlink_.ListRoutes(net::Family::kV4, kernel::kMainTable)->at(key);
  EXPECT_TRUE(routes_.OnRoute({net::Family::kV4, kernel::kMainTable, key, agents}));
  Apply();
  EXPECT_EQ(In("10.65.1.0/26"), "");
  EXPECT_TRUE(routes_.OnRoute({net::Family::kV4, kernel::kMainTable, key, agents, true}));
  Apply();
  EXPECT_EQ(In("10.65.1.0/26"), "via 10.0.0.1");
}

TEST_F(LearnedRoutesTest, FollowsTheWayToItsNextHops) {
  routes_.Set(C("10.98.0.0/24"), {I("172.16.0.1")});
  Apply();
  Put("172.16.0.0/16", 4, I("10.0.0.7"));
  EXPECT_TRUE(routes_.OnRoute(
      {net::Family::kV4, kernel::kMainTable, RouteKey::To(C("172.16.0.0/16")),
       rtnetlink_.ListRoutes(net::Family::kV4, kernel::kMainTable)->at(RouteKey::To(C("172.16.0.0/16")))}));
  Apply();
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.7");
}

TEST_F(LearnedRoutesTest, APeerBehindAGatewayHasARouteAndSoHasWhatItTells) {
  routes_.SetGateways({{I("192.0.2.1"), I("10.0.0.5")}});
  routes_.Set(C("10.98.0.0/24"), {I("192.0.2.1")});
  Apply();
  EXPECT_EQ(In("192.0.2.1/32"), "via 10.0.0.5");
  EXPECT_EQ(In("10.98.0.0/24"), "via 10.0.0.5");
}

}  // namespace
}  // namespace calico::bgp
