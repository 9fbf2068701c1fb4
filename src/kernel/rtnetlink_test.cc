// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink.h"

#include <algorithm>
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/subprocess.h"

namespace calico::kernel {
namespace {

using namespace std::chrono_literals;
using net::Family;
using ::testing::HasSubstr;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}

std::string Ip(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "ip");
  const auto output = RunProcess(arguments, 10s);
  if (!output.has_value() || output->exit_code != 0) {
    ADD_FAILURE() << "ip " << ::testing::PrintToString(arguments)
                  << (output.has_value() ? output->err : output.error().message());
    return "";
  }
  return output->out;
}

class RtnetlinkTest : public ::testing::Test {
 protected:
  void SetUp() override {
    rtnetlink_ = std::move(*OpenRtnetlink());
    VethPair pair;
    pair.host_name = "calitest";
    pair.peer_name = "peertest";
    pair.mtu_bytes = 1400;
    pair.peer_mac = net::Mac::Parse("ee:ee:ee:ee:ee:ee");
    const Status made = rtnetlink_->CreateVeth(pair);
    ASSERT_TRUE(made.has_value()) << made.error().message();
    Ip({"link", "set", "peertest", "up"});
    link_ = *rtnetlink_->GetLink("calitest");
  }
  void TearDown() override { static_cast<void>(rtnetlink_->DeleteLink("calitest")); }
  Route OnLink() const {
    Route route;
    route.scope = RouteScope::kLink;
    route.protocol = kProtoBoot;
    route.ifindex = link_.ifindex;
    return route;
  }
  void Put(const RouteKey& key, const Route& route) {
    const Status status = rtnetlink_->ReplaceRoute(kMainTable, key, route);
    ASSERT_TRUE(status.has_value()) << status.error().message();
  }

  std::unique_ptr<Rtnetlink> rtnetlink_;
  Link link_;
};

TEST_F(RtnetlinkTest, MakesAVethPairWithMtuMacAndTheHostSideUp) {
  EXPECT_TRUE(link_.admin_up);
  EXPECT_EQ(link_.kind, "veth");
  EXPECT_EQ(link_.mtu_bytes, 1400);
  const Link peer = *rtnetlink_->GetLink("peertest");
  EXPECT_EQ(peer.mac.ToString(), "ee:ee:ee:ee:ee:ee");
  EXPECT_EQ(peer.mtu_bytes, 1400);
  EXPECT_EQ(link_.peer_ifindex, peer.ifindex);
  EXPECT_NE(link_.mac, peer.mac);
}

TEST_F(RtnetlinkTest, RefusesASecondLinkOfAName) {
  VethPair pair;
  pair.host_name = "calitest";
  pair.peer_name = "other";
  EXPECT_EQ(rtnetlink_->CreateVeth(pair).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_EQ(rtnetlink_->GetLink("other").error().code(), ErrorCode::kNotFound);
}

TEST_F(RtnetlinkTest, RefusesNamesThatAreTooLong) {
  VethPair pair;
  pair.host_name = "a-name-of-16-chr";
  pair.peer_name = "other";
  EXPECT_EQ(rtnetlink_->CreateVeth(pair).error().code(), ErrorCode::kInvalidArgument);
}

TEST_F(RtnetlinkTest, AMissingLinkIsNotFound) {
  EXPECT_EQ(rtnetlink_->GetLink("nowhere").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_->DeleteLink("nowhere").error().code(), ErrorCode::kNotFound);
}

TEST_F(RtnetlinkTest, ReadsBackTheRoutesItWrote) {
  const RouteKey host{C("10.65.0.1/32"), 0};
  Put(host, OnLink());
  const RouteKey block{C("10.65.0.0/26"), 0};
  Route blackhole;
  blackhole.type = RouteType::kBlackhole;
  blackhole.protocol = kProtoCalico;
  Put(block, blackhole);
  const auto routes = *rtnetlink_->ListRoutes(Family::kV4, kMainTable);
  EXPECT_EQ(routes.at(host), OnLink());
  EXPECT_EQ(routes.at(block), blackhole);
  EXPECT_THAT(Ip({"route", "show", "10.65.0.1"}), HasSubstr("10.65.0.1 dev calitest scope link"));
  EXPECT_THAT(Ip({"route", "show", "10.65.0.0/26"}), HasSubstr("blackhole 10.65.0.0/26 proto 80"));
  EXPECT_TRUE(rtnetlink_->DeleteRoute(kMainTable, block, kAnyProtocol).has_value());
  EXPECT_EQ(rtnetlink_->DeleteRoute(kMainTable, block, kAnyProtocol).error().code(), ErrorCode::kNotFound);
}

TEST_F(RtnetlinkTest, ReadsBackIpv6Routes) {
  Route route = OnLink();
  route.scope = RouteScope::kUniverse;
  const RouteKey host{C("fd00::1/128"), 1024}, block{C("fd00::/122"), 1024};
  Put(host, route);
  Route blackhole;
  blackhole.type = RouteType::kBlackhole;
  blackhole.protocol = kProtoCalico;
  Put(block, blackhole);
  const auto routes = *rtnetlink_->ListRoutes(Family::kV6, kMainTable);
  EXPECT_EQ(routes.at(host), route);
  EXPECT_EQ(routes.at(block), blackhole);
  EXPECT_TRUE(rtnetlink_->DeleteRoute(kMainTable, block, kAnyProtocol).has_value());
}

TEST_F(RtnetlinkTest, ReplacesARouteOfTheSameKey) {
  const RouteKey key{C("10.65.0.1/32"), 0};
  Put(key, OnLink());
  Route changed = OnLink();
  changed.protocol = kProtoStatic;
  Put(key, changed);
  const auto routes = *rtnetlink_->ListRoutes(Family::kV4, kMainTable);
  EXPECT_EQ(routes.at(key), changed);
}

TEST_F(RtnetlinkTest, ListsOnlyTheAskedTable) {
  Ip({"route", "add", "10.99.0.1/32", "dev", "calitest", "table", "100"});
  EXPECT_FALSE(rtnetlink_->ListRoutes(Family::kV4, kMainTable)->contains({C("10.99.0.1/32"), 0}));
  EXPECT_TRUE(rtnetlink_->ListRoutes(Family::kV4, 100)->contains({C("10.99.0.1/32"), 0}));
}

TEST_F(RtnetlinkTest, ErrorsCarryTheKernelsWords) {
  Route route = OnLink();
  route.scope = RouteScope::kUniverse;
  route.gateway = I("203.0.113.1");
  const Status status = rtnetlink_->ReplaceRoute(kMainTable, {C("10.65.0.1/32"), 0}, route);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message(), HasSubstr("10.65.0.1/32"));
  EXPECT_THAT(status.error().message(), HasSubstr("invalid gateway"));
}

TEST_F(RtnetlinkTest, ARouteOfSeveralNextHopsIsListedUnderItsKey) {
  Ip({"route", "add", "10.98.0.0/24", "nexthop", "dev", "calitest", "nexthop", "dev", "peertest"});
  const auto routes = *rtnetlink_->ListRoutes(Family::kV4, kMainTable);
  ASSERT_TRUE(routes.contains({C("10.98.0.0/24"), 0}));
  EXPECT_EQ(routes.at({C("10.98.0.0/24"), 0}).ifindex, 0);
}

// Strict checking: the kernel sends the asked table only. Without it the time grows with all tables.
TEST_F(RtnetlinkTest, AnotherTablesRoutesCostNothing) {
  constexpr std::uint32_t kBigTable = 200;
  for (std::uint32_t i = 0; i < 3000; ++i)
    ASSERT_TRUE(
        rtnetlink_->ReplaceRoute(kBigTable, {net::Cidr::Host(net::Ip::V4(0x0a640000 + i)), 0}, OnLink())
            .has_value());
  const auto fastest = [&](std::uint32_t table, std::size_t at_least) {
    auto best = std::chrono::steady_clock::duration::max();
    for (int i = 0; i < 5; ++i) {
      const auto start = std::chrono::steady_clock::now();
      EXPECT_GE(rtnetlink_->ListRoutes(Family::kV4, table)->size(), at_least);
      best = std::min(best, std::chrono::steady_clock::now() - start);
    }
    return best;
  };
  EXPECT_LT(fastest(kMainTable, 0) * 4, fastest(kBigTable, 3000));
}

TEST_F(RtnetlinkTest, ListsAddressesWithTheirPrefix) {
  Ip({"addr", "add", "172.30.200.36/24", "dev", "calitest"});
  EXPECT_THAT(*rtnetlink_->ListAddresses(),
              ::testing::Contains(Address{link_.ifindex, C("172.30.200.36/24")}));
}

TEST_F(RtnetlinkTest, AnAddressThatIsNotToStayIsMarked) {
  Ip({"addr", "add", "fd30::1/64", "dev", "calitest", "nodad"});
  Ip({"addr", "add", "fd30::2/64", "dev", "calitest", "nodad", "preferred_lft", "0"});
  Ip({"addr", "add", "172.30.200.36/24", "dev", "calitest"});
  Ip({"addr", "add", "172.30.200.37/24", "dev", "calitest"});  // a secondary one has the same bit
  std::vector<std::string> temporary;
  const auto addresses = rtnetlink_->ListAddresses();
  for (const Address& address : *addresses) {
    if (address.ifindex == link_.ifindex && address.temporary)
      temporary.push_back(address.address.ToString());
  }
  EXPECT_THAT(temporary, ::testing::ElementsAre("fd30::2/64"));
}

TEST_F(RtnetlinkTest, OnAPointToPointLinkTheOwnAddressIsListedNotThePeers) {
  Ip({"addr", "add", "172.30.201.1", "peer", "172.30.201.2/32", "dev", "calitest"});
  EXPECT_THAT(*rtnetlink_->ListAddresses(),
              ::testing::Contains(Address{link_.ifindex, C("172.30.201.1/32")}));
}

TEST_F(RtnetlinkTest, NeighboursArePermanentAndCanBeRemoved) {
  const NeighbourKey key{link_.ifindex, I("10.65.0.1")};
  const Neighbour neighbour{*net::Mac::Parse("ee:ee:ee:ee:ee:ee"), true};
  ASSERT_TRUE(rtnetlink_->ReplaceNeighbour(key, neighbour).has_value());
  EXPECT_EQ(rtnetlink_->ListNeighbours(Family::kV4)->at(key), neighbour);
  EXPECT_TRUE(rtnetlink_->DeleteNeighbour(key).has_value());
  EXPECT_FALSE(rtnetlink_->ListNeighbours(Family::kV4)->contains(key));
}

}  // namespace
}  // namespace calico::kernel
