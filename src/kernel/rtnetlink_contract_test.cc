// SPDX-License-Identifier: Apache-2.0
// What every Rtnetlink does: the kernel's, in a network namespace of the program's own, and the fake.
#include <cerrno>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/testing/rtnetlink_world.h"

namespace calico::kernel {
namespace {

using net::Family;
using testing::RtnetlinkWorldCase;

net::Cidr C(const char* text) {
  return net::Cidr::Parse(text).value();
}
net::Ip I(const char* text) {
  return net::Ip::Parse(text).value();
}
Route Blackhole() {
  Route route;
  route.type = RouteType::kBlackhole;
  route.protocol = kProtoCalico;
  return route;
}

class RtnetlinkContract : public ::testing::TestWithParam<RtnetlinkWorldCase> {
 protected:
  void SetUp() override {
    VethPair pair;
    pair.host_name = "calicontract";
    pair.peer_name = "peercontract";
    const Status made = rtnetlink_.CreateVeth(pair);
    ASSERT_TRUE(made.has_value()) << made.error().message();
    host_ = rtnetlink_.GetLink("calicontract").value();
    peer_ = rtnetlink_.GetLink("peercontract").value();
    ASSERT_TRUE(rtnetlink_.SetLinkUp(peer_.ifindex, true).has_value());
  }
  void TearDown() override { static_cast<void>(rtnetlink_.DeleteLink("calicontract")); }

  Route OnLink(RouteScope scope = RouteScope::kLink) const {
    Route route;
    route.scope = scope;
    route.protocol = kProtoBoot;
    route.ifindex = host_.ifindex;
    return route;
  }
  void Put(const RouteKey& key, const Route& route, std::uint32_t table = kMainTable) {
    const Status status = rtnetlink_.ReplaceRoute(table, key, route);
    ASSERT_TRUE(status.has_value()) << status.error().message();
  }
  std::map<RouteKey, Route> Routes(Family family, std::uint32_t table = kMainTable) {
    const auto routes = rtnetlink_.ListRoutes(family, table);
    EXPECT_TRUE(routes.has_value()) << routes.error().message();
    return routes.value_or(std::map<RouteKey, Route>{});
  }
  // Writes it, reads it back, deletes it.
  void RoundTrip(const RouteKey& key, const Route& route) {
    Put(key, route);
    const auto routes = Routes(key.dst.family());
    ASSERT_TRUE(routes.contains(key)) << key.dst.ToString();
    EXPECT_EQ(routes.at(key), route) << key.dst.ToString();
    EXPECT_TRUE(rtnetlink_.DeleteRoute(kMainTable, key, kAnyProtocol).has_value());
    EXPECT_FALSE(Routes(key.dst.family()).contains(key)) << key.dst.ToString();
  }

  const std::unique_ptr<testing::RtnetlinkWorld> world_ = GetParam().open();
  Rtnetlink& rtnetlink_ = world_->rtnetlink();
  Link host_, peer_;
};
INSTANTIATE_TEST_SUITE_P(Both, RtnetlinkContract,
                         ::testing::Values(testing::KernelWorld(), testing::FakeWorld()),
                         [](const auto& one) { return one.param.name; });

TEST_P(RtnetlinkContract, ReadsBackEveryKindOfRouteThatWeWrite) {
  RoundTrip({C("10.65.0.1/32"), 0}, OnLink());
  RoundTrip({C("10.65.0.0/26"), 0}, Blackhole());
  RoundTrip({C("10.66.0.0/26"), 77}, OnLink(RouteScope::kUniverse));
  Route through = OnLink(RouteScope::kUniverse);
  through.gateway = I("172.30.200.37");
  through.onlink = true;
  RoundTrip({C("10.67.0.0/26"), 0}, through);
  RoundTrip({C("fd00:65::1/128"), 1024}, OnLink(RouteScope::kUniverse));
  RoundTrip({C("fd00:65::/122"), 1024}, Blackhole());
  RoundTrip({C("0.0.0.0/0"), 500}, OnLink());
}

TEST_P(RtnetlinkContract, ReadsBackTheNextHopsThatPacketsAreSpreadOver) {
  ASSERT_TRUE(rtnetlink_.AddAddress({host_.ifindex, C("172.30.200.36/24")}).has_value());
  ASSERT_TRUE(rtnetlink_.AddAddress({host_.ifindex, C("fd30:200::36/64")}).has_value());
  Route spread;
  spread.protocol = 17;
  spread.next_hops = {{host_.ifindex, I("172.30.200.37"), false}, {host_.ifindex, I("192.0.2.1"), true}};
  RoundTrip({C("10.98.0.0/24"), 33}, spread);
  spread.next_hops = {{host_.ifindex, I("fd30:200::37"), false}, {host_.ifindex, I("fd30:200::38"), false}};
  RoundTrip({C("fd98::/64"), 33}, spread);
}

TEST_P(RtnetlinkContract, AnIpv6MetricOfZeroIsReadBackAs1024) {
  Put({C("fd00:65::1/128"), 0}, OnLink(RouteScope::kUniverse));
  EXPECT_TRUE(Routes(Family::kV6).contains({C("fd00:65::1/128"), 1024}));
}

TEST_P(RtnetlinkContract, ListsForeignRoutesToo) {
  ASSERT_TRUE(rtnetlink_.AddAddress({host_.ifindex, C("172.30.200.36/24")}).has_value());
  Route connected = OnLink();
  connected.protocol = kProtoKernel;
  EXPECT_EQ(Routes(Family::kV4).at({C("172.30.200.0/24"), 0}), connected);
}

TEST_P(RtnetlinkContract, ReplacesTheRouteOfTheSameKeyOnly) {
  const RouteKey low{C("10.65.0.1/32"), 0}, high{C("10.65.0.1/32"), 10};
  Put(high, OnLink());
  Put(low, OnLink());
  Route changed = OnLink();
  changed.protocol = kProtoStatic;
  Put(low, changed);
  const auto routes = Routes(Family::kV4);
  EXPECT_EQ(routes.at(low), changed);
  EXPECT_EQ(routes.at(high), OnLink());
}

TEST_P(RtnetlinkContract, DeletingWhatIsNotThereIsNotFound) {
  EXPECT_EQ(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.9.9/32"), 0}, kAnyProtocol).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.DeleteRoute(kMainTable, {C("fd00::9/128"), 1024}, kAnyProtocol).error().code(),
            ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.DeleteNeighbour({host_.ifindex, I("10.65.9.9")}).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.DeleteLink("nowhere").error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.GetLink("nowhere").error().code(), ErrorCode::kNotFound);
}

TEST_P(RtnetlinkContract, DeletesTheRouteOfTheGivenMetric) {
  Put({C("10.65.0.1/32"), 5}, OnLink());
  Put({C("10.65.0.1/32"), 9}, OnLink());
  EXPECT_EQ(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.0.1/32"), 7}, kAnyProtocol).error().code(),
            ErrorCode::kNotFound);
  EXPECT_TRUE(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.0.1/32"), 9}, kAnyProtocol).has_value());
  EXPECT_TRUE(Routes(Family::kV4).contains({C("10.65.0.1/32"), 5}));
  // See DeleteRoute: IPv4 has no way to say "metric 0 and nothing else".
  EXPECT_TRUE(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.0.1/32"), 0}, kAnyProtocol).has_value());
  EXPECT_FALSE(Routes(Family::kV4).contains({C("10.65.0.1/32"), 5}));
}

TEST_P(RtnetlinkContract, DeletesTheRouteOfTheGivenProtocolOnly) {
  Route of_bird = OnLink();
  of_bird.protocol = kProtoBird;
  Put({C("10.65.0.1/32"), 32}, of_bird);
  EXPECT_EQ(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.0.1/32"), 0}, kProtoCalico).error().code(),
            ErrorCode::kNotFound)
      << "metric 0 is any, but the protocol is not";
  EXPECT_TRUE(Routes(Family::kV4).contains({C("10.65.0.1/32"), 32}));
  EXPECT_TRUE(rtnetlink_.DeleteRoute(kMainTable, {C("10.65.0.1/32"), 32}, kProtoBird).has_value());
  Put({C("fd00:65::1/128"), 1024}, OnLink(RouteScope::kUniverse));
  EXPECT_EQ(rtnetlink_.DeleteRoute(kMainTable, {C("fd00:65::1/128"), 1024}, kProtoCalico).error().code(),
            ErrorCode::kNotFound);
}

TEST_P(RtnetlinkContract, TablesAreSeparate) {
  Put({C("10.99.0.1/32"), 0}, OnLink(), 100);
  Put({C("10.99.0.2/32"), 0}, OnLink(), 1000);  // does not fit the message's own 8 bits
  EXPECT_FALSE(Routes(Family::kV4).contains({C("10.99.0.1/32"), 0}));
  EXPECT_THAT(Routes(Family::kV4, 100),
              ::testing::ElementsAre(::testing::Key(RouteKey{C("10.99.0.1/32"), 0})));
  EXPECT_THAT(Routes(Family::kV4, 1000),
              ::testing::ElementsAre(::testing::Key(RouteKey{C("10.99.0.2/32"), 0})));
  EXPECT_TRUE(rtnetlink_.DeleteRoute(1000, {C("10.99.0.2/32"), 0}, kAnyProtocol).has_value());
}

TEST_P(RtnetlinkContract, ATableThatDoesNotExistIsEmpty) {
  EXPECT_TRUE(Routes(Family::kV4, 4242).empty());
  EXPECT_TRUE(Routes(Family::kV6, 4242).empty());
}

TEST_P(RtnetlinkContract, RefusesRoutesThatCannotWork) {
  const RouteKey key{C("10.65.0.1/32"), 0};
  Route route = OnLink();
  route.ifindex = 9999;
  EXPECT_EQ(rtnetlink_.ReplaceRoute(kMainTable, key, route).error().code(), ErrorCode::kNotFound);
  route = OnLink(RouteScope::kUniverse);
  route.gateway = I("203.0.113.1");  // not on link
  EXPECT_EQ(rtnetlink_.ReplaceRoute(kMainTable, key, route).error().sys_errno(), ENETUNREACH);
  ASSERT_TRUE(rtnetlink_.SetLinkUp(host_.ifindex, false).has_value());
  EXPECT_EQ(rtnetlink_.ReplaceRoute(kMainTable, key, OnLink()).error().sys_errno(), ENETDOWN);
}

TEST_P(RtnetlinkContract, RoutesAndNeighboursGoWithTheirLink) {
  Put({C("10.65.0.1/32"), 0}, OnLink());
  const NeighbourKey neighbour{host_.ifindex, I("10.65.0.1")};
  ASSERT_TRUE(rtnetlink_.ReplaceNeighbour(neighbour, {peer_.mac, true}).has_value());
  ASSERT_TRUE(rtnetlink_.SetLinkUp(host_.ifindex, false).has_value());
  EXPECT_FALSE(Routes(Family::kV4).contains({C("10.65.0.1/32"), 0}));
  EXPECT_FALSE(rtnetlink_.ListNeighbours(Family::kV4)->contains(neighbour));
}

TEST_P(RtnetlinkContract, AVethPairNamesEachOther) {
  EXPECT_TRUE(host_.admin_up);
  EXPECT_FALSE(peer_.admin_up);
  EXPECT_EQ(host_.kind, "veth");
  EXPECT_EQ(host_.mtu_bytes, 1500);
  EXPECT_EQ(host_.peer_ifindex, peer_.ifindex);
  EXPECT_EQ(peer_.peer_ifindex, host_.ifindex);
  EXPECT_NE(host_.mac, peer_.mac);
  EXPECT_FALSE(host_.loopback);
  EXPECT_TRUE(rtnetlink_.GetLink("lo")->loopback);
}

TEST_P(RtnetlinkContract, RefusesNamesThatAreTakenOrNoNames) {
  VethPair pair;
  pair.host_name = "calicontract";
  pair.peer_name = "other";
  EXPECT_EQ(rtnetlink_.CreateVeth(pair).error().code(), ErrorCode::kAlreadyExists);
  pair.host_name = "other";
  pair.peer_name = "peercontract";
  EXPECT_EQ(rtnetlink_.CreateVeth(pair).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_FALSE(rtnetlink_.GetLink("other").has_value()) << "nothing is half made";
  for (const char* name : {"", "a-name-of-16-chr"}) {
    pair.host_name = name;
    EXPECT_EQ(rtnetlink_.CreateVeth(pair).error().code(), ErrorCode::kInvalidArgument) << name;
  }
}

TEST_P(RtnetlinkContract, DeletingOneEndDeletesBothAndTheIndexIsNotUsedAgain) {
  EXPECT_TRUE(rtnetlink_.DeleteLink("peercontract").has_value());
  EXPECT_EQ(rtnetlink_.GetLink("calicontract").error().code(), ErrorCode::kNotFound);
  VethPair pair;
  pair.host_name = "calicontract";
  pair.peer_name = "peercontract";
  pair.mtu_bytes = 1440;
  pair.host_up = false;
  pair.peer_mac = net::Mac::Parse("ee:ee:ee:ee:ee:ee");
  ASSERT_TRUE(rtnetlink_.CreateVeth(pair).has_value());
  const Link again = rtnetlink_.GetLink("calicontract").value();
  EXPECT_NE(again.ifindex, host_.ifindex);
  EXPECT_FALSE(again.admin_up);
  EXPECT_EQ(again.mtu_bytes, 1440);
  EXPECT_EQ(rtnetlink_.GetLink("peercontract")->mac, *pair.peer_mac);
}

TEST_P(RtnetlinkContract, AGroupOfLinksIsDeletedAtOnceAndNothingElse) {
  constexpr std::uint32_t kGroup = 4711;
  VethPair pair;
  for (const char* name : {"caligroup1", "caligroup2", "caliother"}) {
    pair.host_name = name;
    pair.peer_name = "p" + std::string(name).substr(1);
    pair.host_group = pair.host_name == "caligroup1" ? kGroup : 0;
    ASSERT_TRUE(rtnetlink_.CreateVeth(pair).has_value());
  }
  EXPECT_EQ(rtnetlink_.GetLink("caligroup1")->group, kGroup);
  ASSERT_TRUE(rtnetlink_.SetLinkGroup("caligroup2", kGroup).has_value());
  EXPECT_EQ(rtnetlink_.GetLink("caligroup2")->group, kGroup);
  EXPECT_EQ(rtnetlink_.SetLinkGroup("calinothing", kGroup).error().code(), ErrorCode::kNotFound);
  ASSERT_TRUE(rtnetlink_.DeleteLinkGroup(kGroup).has_value());
  for (const char* name : {"caligroup1", "paligroup1", "caligroup2", "paligroup2"})
    EXPECT_EQ(rtnetlink_.GetLink(name).error().code(), ErrorCode::kNotFound) << name;
  EXPECT_TRUE(rtnetlink_.GetLink("caliother").has_value());
  EXPECT_EQ(rtnetlink_.DeleteLinkGroup(kGroup).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.DeleteLinkGroup(0).error().code(), ErrorCode::kInvalidArgument);
  EXPECT_TRUE(rtnetlink_.DeleteLink("caliother").has_value());
}

TEST_P(RtnetlinkContract, ChangesOfALinkAreReadBack) {
  ASSERT_TRUE(rtnetlink_.SetLinkMtu(host_.ifindex, 1400).has_value());
  EXPECT_EQ(rtnetlink_.GetLink("calicontract")->mtu_bytes, 1400);
  const std::vector<Link> links = rtnetlink_.ListLinks().value();
  EXPECT_THAT(links, ::testing::Contains(rtnetlink_.GetLink("calicontract").value()));
  EXPECT_EQ(rtnetlink_.SetLinkUp(9999, true).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(rtnetlink_.SetLinkMtu(9999, 1400).error().code(), ErrorCode::kNotFound);
}

TEST_P(RtnetlinkContract, NeighboursAreReplacedAndDeleted) {
  for (const char* ip : {"10.65.0.1", "fd00:65::1"}) {
    const NeighbourKey key{host_.ifindex, I(ip)};
    const Family family = key.ip.family();
    for (const char* mac : {"02:00:00:00:00:01", "ee:ee:ee:ee:ee:ee"}) {
      const Neighbour neighbour{net::Mac::Parse(mac).value(), true};
      ASSERT_TRUE(rtnetlink_.ReplaceNeighbour(key, neighbour).has_value());
      EXPECT_EQ(rtnetlink_.ListNeighbours(family)->at(key), neighbour);
    }
    EXPECT_TRUE(rtnetlink_.DeleteNeighbour(key).has_value());
    EXPECT_FALSE(rtnetlink_.ListNeighbours(family)->contains(key));
  }
  EXPECT_EQ(rtnetlink_.ReplaceNeighbour({9999, I("10.65.0.1")}, {}).error().code(), ErrorCode::kNotFound);
}

TEST_P(RtnetlinkContract, AddressesKeepTheirHostBits) {
  ASSERT_TRUE(rtnetlink_.AddAddress({host_.ifindex, C("172.30.200.36/24")}).has_value());
  EXPECT_THAT(*rtnetlink_.ListAddresses(),
              ::testing::Contains(Address{host_.ifindex, C("172.30.200.36/24")}));
  ASSERT_TRUE(rtnetlink_.DeleteAddress({host_.ifindex, C("172.30.200.36/24")}).has_value());
  EXPECT_THAT(*rtnetlink_.ListAddresses(),
              ::testing::Not(::testing::Contains(Address{host_.ifindex, C("172.30.200.36/24")})));
}

TEST_P(RtnetlinkContract, AnAddressExistsOnce) {
  for (const char* text : {"10.65.0.9/32", "fd00:65::9/128"}) {
    const Address address{host_.ifindex, C(text)};
    ASSERT_TRUE(rtnetlink_.AddAddress(address).has_value()) << text;
    EXPECT_EQ(rtnetlink_.AddAddress(address).error().code(), ErrorCode::kAlreadyExists) << text;
    EXPECT_THAT(*rtnetlink_.ListAddresses(), ::testing::Contains(address));
    ASSERT_TRUE(rtnetlink_.DeleteAddress(address).has_value()) << text;
    EXPECT_EQ(rtnetlink_.DeleteAddress(address).error().sys_errno(), EADDRNOTAVAIL) << text;
  }
  EXPECT_EQ(rtnetlink_.AddAddress({9999, C("10.65.0.9/32")}).error().code(), ErrorCode::kNotFound);
}

TEST_P(RtnetlinkContract, AVxlanDeviceReadsBackAsItWasMade) {
  for (const char* local : {"172.30.200.36", "fd00:30::36"}) {
    NewLink wanted;
    wanted.name = "vxlancontract";
    wanted.kind = "vxlan";
    wanted.mac = net::Mac::Parse("66:00:00:00:00:01");
    wanted.mtu_bytes = 1430;
    wanted.vxlan = Vxlan{4096, 4789, I(local), host_.ifindex, false, false};
    ASSERT_TRUE(rtnetlink_.CreateLink(wanted).has_value());
    EXPECT_EQ(rtnetlink_.CreateLink(wanted).error().code(), ErrorCode::kAlreadyExists);
    Link link = rtnetlink_.GetLink("vxlancontract").value();
    EXPECT_EQ(link.kind, "vxlan");
    EXPECT_EQ(link.mac, *wanted.mac);
    EXPECT_EQ(link.mtu_bytes, 1430);
    EXPECT_EQ(link.vxlan, wanted.vxlan);
    EXPECT_FALSE(link.admin_up);
    const net::Mac other = net::Mac::Parse("66:00:00:00:00:02").value();
    ASSERT_TRUE(rtnetlink_.SetLinkMac(link.ifindex, other).has_value());
    EXPECT_EQ(rtnetlink_.GetLink("vxlancontract")->mac, other);
    EXPECT_TRUE(rtnetlink_.DeleteLink("vxlancontract").has_value());
    EXPECT_TRUE(rtnetlink_.GetLink("calicontract").has_value()) << "the device below stays";
  }
}

TEST_P(RtnetlinkContract, AnUnknownMacIsForwardedNowhereAndAKnownOneToItsLastHost) {
  NewLink wanted;
  wanted.name = "vxlancontract";
  wanted.kind = "vxlan";
  wanted.vxlan = Vxlan{4097, 4789, I("172.30.200.36"), host_.ifindex, false, false};
  ASSERT_TRUE(rtnetlink_.CreateLink(wanted).has_value());
  const int ifindex = rtnetlink_.GetLink("vxlancontract")->ifindex;
  EXPECT_TRUE(rtnetlink_.ListFdb(ifindex)->empty());
  const FdbKey key{ifindex, net::Mac::Parse("66:00:00:00:00:07").value()};
  for (const char* host : {"172.30.200.37", "172.30.200.38"}) {
    ASSERT_TRUE(rtnetlink_.ReplaceFdb(key, I(host)).has_value());
    EXPECT_EQ(*rtnetlink_.ListFdb(ifindex), (std::map<FdbKey, net::Ip>{{key, I(host)}}));
  }
  EXPECT_TRUE(rtnetlink_.DeleteFdb(key).has_value());
  EXPECT_EQ(rtnetlink_.DeleteFdb(key).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(rtnetlink_.ListFdb(ifindex)->empty());
  EXPECT_EQ(rtnetlink_.ReplaceFdb({9999, key.mac}, I("172.30.200.37")).error().code(), ErrorCode::kNotFound);
  EXPECT_TRUE(rtnetlink_.DeleteLink("vxlancontract").has_value());
}

TEST_P(RtnetlinkContract, AKindThatNobodyHasIsUnsupported) {
  NewLink wanted;
  wanted.name = "strange";
  wanted.kind = "calico-nothing";
  const auto before = rtnetlink_.ListLinks().value();
  EXPECT_FALSE(rtnetlink_.HasLinkKind("calico-nothing").value());
  EXPECT_TRUE(rtnetlink_.HasLinkKind("vxlan").value());
  EXPECT_EQ(rtnetlink_.ListLinks().value(), before) << "asking makes none";
  EXPECT_EQ(rtnetlink_.CreateLink(wanted).error().code(), ErrorCode::kUnsupported);
}

TEST_P(RtnetlinkContract, RulesByMarkAreReadBack) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    const RoutingRule not_ours{family, 99, 0x200000, 0x200000, true, 1};
    const RoutingRule far{family, 98, 0x100000, 0x300000, false, 1000};
    for (const RoutingRule& rule : {not_ours, far}) {
      ASSERT_TRUE(rtnetlink_.AddRule(rule).has_value());
      EXPECT_EQ(rtnetlink_.AddRule(rule).error().code(), ErrorCode::kAlreadyExists);
      EXPECT_THAT(*rtnetlink_.ListRules(family), ::testing::Contains(rule));
    }
    for (const RoutingRule& rule : {not_ours, far}) {
      EXPECT_TRUE(rtnetlink_.DeleteRule(rule).has_value());
      EXPECT_EQ(rtnetlink_.DeleteRule(rule).error().code(), ErrorCode::kNotFound);
      EXPECT_THAT(*rtnetlink_.ListRules(family), ::testing::Not(::testing::Contains(rule)));
    }
  }
}

}  // namespace
}  // namespace calico::kernel
