// SPDX-License-Identifier: Apache-2.0
#include "dataplane/wireguard_sync.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/names.h"
#include "kernel/testing/fake_rtnetlink.h"
#include "kernel/testing/fake_wireguard.h"

namespace calico::dataplane {
namespace {

using dataplane_api::RemoteRoute;
using kernel::RouteType;
using kernel::WireguardKey;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Key;
using ::testing::SizeIs;
using Way = RemoteRoute::Way;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
std::string KeyOf(std::uint8_t number) {
  WireguardKey key;
  key.bytes[0] = number;
  return key.ToString();
}

class WireguardSyncTest : public ::testing::Test {
 protected:
  void SetUp() override {
    host_.wireguard.v4.enabled = true;
    host_.wireguard.v4.interface = "wireguard.cali";
    host_.wireguard.v4.port = 51820;
    host_.wireguard.v4.address = net::Ip::Parse("10.65.1.1");
    sync_.OnKey([this](net::Family, const std::string& key) { keys_.push_back(key); });
    sync_.SetHost(host_);
    sync_.SetUplinkMtu(1500);
    Peer("node2", "172.30.0.2", KeyOf(2));
    sync_.SetRoute(C("10.65.2.0/26"), RemoteRoute{Way::kVxlan, {}, "node2"});
    Peer("node3", "172.30.0.3", "");
    sync_.SetRoute(C("10.65.3.0/26"), RemoteRoute{Way::kNotOurs, {}, "node3"});
  }
  void Peer(const std::string& name, const char* address, const std::string& key) {
    dataplane_api::RemoteHost remote;
    remote.ipv4 = net::Ip::Parse(address);
    remote.wireguard_v4 = key;
    sync_.SetRemoteHost(name, remote);
  }
  // Until nothing is left to do.
  void Apply() {
    const auto addresses = rtnetlink_.ListAddresses().value();
    const auto outcome = sync_.Apply({addresses.begin(), addresses.end()});
    for (const Failure& failure : outcome.failures) ADD_FAILURE() << failure.error;
  }
  kernel::WireguardDevice& device() { return wireguard_.devices["wireguard.cali"]; }
  std::map<std::string, RouteType> Table() {
    std::map<std::string, RouteType> types;
    const auto routes = rtnetlink_.ListRoutes(net::Family::kV4, 1).value();
    for (const auto& [key, route] : routes) types[key.dst.ToString()] = route.type;
    return types;
  }

  kernel::testing::FakeRtnetlink rtnetlink_;
  kernel::testing::FakeWireguard wireguard_;
  WireguardSync sync_{net::Family::kV4, rtnetlink_, wireguard_};
  dataplane_api::HostSettings host_;
  std::vector<std::string> keys_;
};

TEST_F(WireguardSyncTest, MakesTheDeviceAKeyPeersTableAndRule) {
  Apply();
  EXPECT_EQ(rtnetlink_.GetLink("wireguard.cali")->mtu_bytes, 1440);
  EXPECT_FALSE(device().private_key.empty());
  EXPECT_THAT(keys_, ElementsAre(device().public_key.ToString()));
  EXPECT_EQ(device().mark, kWireguardMark);
  ASSERT_THAT(device().peers, ElementsAre(Key(*WireguardKey::Parse(KeyOf(2)))));
  EXPECT_THAT(device().peers.begin()->second.allowed, ElementsAre(C("10.65.2.0/26")));
  EXPECT_EQ(Table(), (std::map<std::string, RouteType>{{"10.65.2.0/26", RouteType::kUnicast},
                                                       {"10.65.3.0/26", RouteType::kThrow}}));
  EXPECT_THAT(
      rtnetlink_.ListRules(net::Family::kV4).value(),
      ElementsAre(kernel::RoutingRule{net::Family::kV4, 99, kWireguardMark, kWireguardMark, true, 1}));
}

TEST_F(WireguardSyncTest, InSyncMeansNoWrite) {
  Apply();
  rtnetlink_.script().ClearWrites();
  wireguard_.script().ClearWrites();
  sync_.RereadNext();
  Apply();
  EXPECT_THAT(rtnetlink_.script().writes(), IsEmpty());
  EXPECT_THAT(wireguard_.script().writes(), IsEmpty());
}

TEST_F(WireguardSyncTest, AKeyThatTwoHostsHaveIsNobodys) {
  Peer("node3", "172.30.0.3", KeyOf(2));
  Apply();
  EXPECT_THAT(device().peers, IsEmpty());
  EXPECT_EQ(Table().at("10.65.2.0/26"), RouteType::kThrow) << "in clear, but there";
}

TEST_F(WireguardSyncTest, OurOwnKeyIsNoPeer) {
  Apply();
  Peer("node3", "172.30.0.3", device().public_key.ToString());
  Apply();
  EXPECT_THAT(device().peers, SizeIs(1));
}

TEST_F(WireguardSyncTest, ALaterKeyTurnsAThrowIntoARoute) {
  Apply();
  Peer("node3", "172.30.0.3", KeyOf(3));
  Apply();
  EXPECT_THAT(device().peers, SizeIs(2));
  EXPECT_EQ(Table().at("10.65.3.0/26"), RouteType::kUnicast);
  Peer("node3", "172.30.0.3", "");
  Apply();
  EXPECT_THAT(device().peers, SizeIs(1));
  EXPECT_EQ(Table().at("10.65.3.0/26"), RouteType::kThrow);
}

TEST_F(WireguardSyncTest, AnAddressOfAnothersBlockThatIsHereIsThrown) {
  sync_.SetRoute(C("10.65.2.7/32"), RemoteRoute{Way::kHere, {}, "node1"});
  Apply();
  EXPECT_EQ(Table().at("10.65.2.7/32"), RouteType::kThrow);
  EXPECT_THAT(device().peers.begin()->second.allowed, ElementsAre(C("10.65.2.0/26")));
}

TEST_F(WireguardSyncTest, HostEncryptionAddsTheHostsThemselves) {
  host_.wireguard.host_encryption = true;
  host_.wireguard.v4.address.reset();
  sync_.SetHost(host_);
  Apply();
  EXPECT_THAT(device().peers.begin()->second.allowed, ElementsAre(C("10.65.2.0/26"), C("172.30.0.2/32")));
  EXPECT_EQ(Table().at("172.30.0.2/32"), RouteType::kUnicast);
  EXPECT_FALSE(Table().contains("172.30.0.3/32")) << "it has no key";
}

TEST_F(WireguardSyncTest, AKernelWithoutItIsNoFailureAndTellsThatThereIsNoKey) {
  rtnetlink_.script().FailCall("create wireguard", 1, Error(ErrorCode::kUnsupported, "no such kind"));
  Apply();
  EXPECT_THAT(keys_, ElementsAre(""));
  EXPECT_NE(sync_.unsupported(), "");
  EXPECT_EQ(sync_.MtuBytes(), 0);
}

TEST_F(WireguardSyncTest, SwitchedOffItTakesEverythingAway) {
  Apply();
  host_.wireguard.v4.enabled = false;
  sync_.SetHost(host_);
  Apply();
  EXPECT_EQ(rtnetlink_.GetLink("wireguard.cali").error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(Table(), IsEmpty());
  EXPECT_THAT(rtnetlink_.ListRules(net::Family::kV4).value(), IsEmpty());
  EXPECT_EQ(keys_.back(), "");
}

TEST_F(WireguardSyncTest, WhatFailsIsTriedAgain) {
  for (const char* call : {"create wireguard", "set link", "add address", "replace route", "add rule"}) {
    rtnetlink_.script().FailCall(call, 1, Error(ErrorCode::kUnavailable, "made to fail"));
    const auto outcome = sync_.Apply({});
    EXPECT_EQ(outcome.failures.size(), 1U) << call;
  }
  Apply();
  EXPECT_THAT(Table(), SizeIs(2));
  EXPECT_THAT(rtnetlink_.ListRules(net::Family::kV4).value(), SizeIs(1));
}

}  // namespace
}  // namespace calico::dataplane
