// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnels.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "kernel/testing/fake_rtnetlink.h"

namespace calico::dataplane {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::UnorderedElementsAre;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
net::Ip I(const char* text) {
  return *net::Ip::Parse(text);
}
net::Mac M(const char* text) {
  return *net::Mac::Parse(text);
}

class TunnelsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    kernel::Link uplink;
    uplink.name = "eth0";
    uplink.admin_up = uplink.running = true;
    uplink.mtu_bytes = 1500;
    uplink_ = rtnetlink_.AddLink(uplink);
    ASSERT_TRUE(rtnetlink_.AddAddress({uplink_, C("172.30.0.1/24")}).has_value());
    host_.ipv4 = C("172.30.0.1/24");
    host_.tunnels.vxlan_v4 = dataplane_api::TunnelDevice{I("10.65.1.1"), M("66:00:00:00:00:01"), 0};
    tunnels_.SetHost(host_);
    tunnels_.SetUplinkMtu(1500);
    Peer("node2", "172.30.0.2", "10.65.2.1", "66:00:00:00:00:02");
    rtnetlink_.script().ClearWrites();
  }
  void Peer(const std::string& name, const char* address, const char* tunnel, const char* mac) {
    dataplane_api::RemoteHost remote;
    remote.ipv4 = I(address);
    remote.vxlan_v4 = dataplane_api::Vtep{I(tunnel), M(mac)};
    tunnels_.SetRemoteHost(name, remote);
  }
  Outcome Apply() {
    const auto addresses = rtnetlink_.ListAddresses().value();
    interfaces_.Replace(rtnetlink_.ListLinks().value(), {});
    return tunnels_.Apply(interfaces_, {addresses.begin(), addresses.end()});
  }
  int vxlan() { return rtnetlink_.GetLink(kVxlanInterface)->ifindex; }

  kernel::testing::FakeRtnetlink rtnetlink_;
  WorkloadInterfaces interfaces_;
  Tunnels tunnels_{rtnetlink_};
  dataplane_api::HostSettings host_;
  int uplink_ = 0;
};

TEST_F(TunnelsTest, MakesTheDeviceAndTellsItItsPeers) {
  EXPECT_THAT(Apply().failures, IsEmpty());
  const kernel::Link link = rtnetlink_.GetLink(kVxlanInterface).value();
  EXPECT_EQ(link.vxlan, (kernel::Vxlan{4096, 4789, I("172.30.0.1"), uplink_, false, false, false}));
  EXPECT_EQ(link.mtu_bytes, 1450);
  EXPECT_TRUE(link.admin_up);
  EXPECT_THAT(rtnetlink_.ListFdb(link.ifindex).value(),
              ElementsAre(Pair(kernel::FdbKey{link.ifindex, M("66:00:00:00:00:02")}, I("172.30.0.2"))));
  EXPECT_EQ(rtnetlink_.ListNeighbours(net::Family::kV4)->at({link.ifindex, I("10.65.2.1")}).mac,
            M("66:00:00:00:00:02"));
  EXPECT_EQ(tunnels_.links(), (TunnelLinks{uplink_, 0, 0, link.ifindex, 0}));
}

TEST_F(TunnelsTest, InSyncMeansNoWrite) {
  Apply();
  rtnetlink_.script().ClearWrites();
  tunnels_.RereadNext();
  EXPECT_EQ(Apply().writes, 0);
  EXPECT_THAT(rtnetlink_.script().writes(), IsEmpty());
}

TEST_F(TunnelsTest, ADeviceOfOtherAttributesIsMadeAnewWithItsPeers) {
  Apply();
  const int before = vxlan();
  host_.tunnels.vxlan_vni = 77;
  tunnels_.SetHost(host_);
  Apply();
  EXPECT_NE(vxlan(), before);
  EXPECT_EQ(rtnetlink_.GetLink(kVxlanInterface)->vxlan->vni, 77U);
  EXPECT_EQ(rtnetlink_.ListFdb(vxlan())->size(), 1U);
  EXPECT_EQ(tunnels_.links().vxlan_v4, vxlan());
}

TEST_F(TunnelsTest, ItsAddressIsTheOnlyOne) {
  Apply();
  ASSERT_TRUE(rtnetlink_.AddAddress({vxlan(), C("10.65.1.9/32")}).has_value());
  host_.tunnels.vxlan_v4->address = I("10.65.1.2");
  tunnels_.SetHost(host_);
  Apply();
  std::vector<net::Cidr> held;
  const auto addresses = rtnetlink_.ListAddresses().value();
  for (const kernel::Address& one : addresses) {
    if (one.ifindex == vxlan()) held.push_back(one.address);
  }
  EXPECT_THAT(held, ElementsAre(C("10.65.1.2/32")));
}

TEST_F(TunnelsTest, PeersFollowTheirNodes) {
  Apply();
  Peer("node2", "172.30.0.22", "10.65.2.2", "66:00:00:00:00:22");
  Apply();
  EXPECT_THAT(rtnetlink_.ListFdb(vxlan()).value(),
              ElementsAre(Pair(kernel::FdbKey{vxlan(), M("66:00:00:00:00:22")}, I("172.30.0.22"))));
  tunnels_.SetRemoteHost("node2", std::nullopt);
  Apply();
  EXPECT_THAT(rtnetlink_.ListFdb(vxlan()).value(), IsEmpty());
  EXPECT_THAT(rtnetlink_.ListNeighbours(net::Family::kV4).value(), IsEmpty());
}

TEST_F(TunnelsTest, EntriesOfOthersGoAtTheNextComparison) {
  Apply();
  ASSERT_TRUE(rtnetlink_.ReplaceFdb({vxlan(), M("66:00:00:00:00:99")}, I("192.0.2.1")).has_value());
  ASSERT_TRUE(rtnetlink_.DeleteFdb({vxlan(), M("66:00:00:00:00:02")}).has_value());
  tunnels_.RereadNext();
  Apply();
  EXPECT_THAT(rtnetlink_.ListFdb(vxlan()).value(),
              ElementsAre(Pair(kernel::FdbKey{vxlan(), M("66:00:00:00:00:02")}, I("172.30.0.2"))));
}

TEST_F(TunnelsTest, ItIsRemovedWhenNoPoolWantsIt) {
  Apply();
  host_.tunnels.vxlan_v4.reset();
  tunnels_.SetHost(host_);
  Apply();
  EXPECT_EQ(rtnetlink_.GetLink(kVxlanInterface).error().code(), ErrorCode::kNotFound);
  EXPECT_EQ(tunnels_.links().vxlan_v4, 0);
}

TEST_F(TunnelsTest, WithoutTheHostsAddressItSaysSoAndTriesAgain) {
  ASSERT_TRUE(rtnetlink_.DeleteAddress({uplink_, C("172.30.0.1/24")}).has_value());
  const auto outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_EQ(outcome.failures[0].error, "no interface has this host's address 172.30.0.1");
  ASSERT_TRUE(rtnetlink_.AddAddress({uplink_, C("172.30.0.1/24")}).has_value());
  EXPECT_THAT(Apply().failures, IsEmpty());
}

TEST_F(TunnelsTest, AKernelWithoutItIsToldOfWithWhatItCanDo) {
  rtnetlink_.ForgetKind("ipip");
  host_.tunnels.ipip = dataplane_api::TunnelDevice{I("10.65.1.5"), std::nullopt, 0};
  tunnels_.SetHost(host_);
  const auto outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_EQ(
      outcome.failures[0].error,
      "a pool asks for IPIP, which this kernel lacks (module ipip); it can do: no encapsulation, VXLAN");
  EXPECT_NE(vxlan(), 0) << "the other is made all the same";
}

TEST_F(TunnelsTest, AnMtuThatNobodyCanUseIsToldOf) {
  host_.tunnels.vxlan_v4->mtu_bytes = 60;
  tunnels_.SetHost(host_);
  auto outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_EQ(outcome.failures[0].error, "vxlanMTU is 60, and IPv4 needs 576, which is used instead");
  EXPECT_EQ(rtnetlink_.GetLink(kVxlanInterface)->mtu_bytes, 576);
  host_.tunnels.vxlan_v4->mtu_bytes = 0;
  tunnels_.SetHost(host_);
  tunnels_.SetUplinkMtu(600);
  outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_EQ(outcome.failures[0].error,
            "the uplink's MTU of 600 leaves 550, and IPv4 needs 576: give the uplink 626 at least");
  tunnels_.SetUplinkMtu(1500);
  EXPECT_THAT(Apply().failures, IsEmpty());
}

TEST_F(TunnelsTest, AnMtuThatTheKernelRefusesLeavesTheTunnelAsItIs) {
  Apply();
  host_.tunnels.vxlan_v4->mtu_bytes = 9000;
  host_.tunnels.vxlan_v4->address = I("10.65.1.2");
  tunnels_.SetHost(host_);
  rtnetlink_.script().FailCall("set mtu", 1, Error::FromErrno(EINVAL, "set the MTU of link 3"));
  const auto outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_THAT(outcome.failures[0].error, ::testing::HasSubstr("MTU 9000 (see vxlanMTU); it stays 1450"));
  EXPECT_EQ(tunnels_.WorkloadMtu(), 1450);
  EXPECT_TRUE(rtnetlink_.DeleteAddress({vxlan(), C("10.65.1.2/32")}).has_value()) << "all else goes on";
}

TEST_F(TunnelsTest, APortInUseIsNamed) {
  rtnetlink_.script().FailCall("set link ", 1, Error::FromErrno(EADDRINUSE, "set link 2 up"));
  const auto outcome = Apply();
  ASSERT_EQ(outcome.failures.size(), 1U);
  EXPECT_THAT(outcome.failures[0].error, ::testing::HasSubstr("UDP port 4789 is in use on this host"));
  EXPECT_THAT(Apply().failures, IsEmpty());
}

TEST_F(TunnelsTest, AnUplinkThatIsDownIsNoWay) {
  Apply();
  ASSERT_TRUE(rtnetlink_.SetLinkUp(uplink_, false).has_value());
  EXPECT_TRUE(tunnels_.OnLink("eth0", uplink_));
  Apply();
  EXPECT_EQ(tunnels_.links().parent_v4, 0);
  EXPECT_EQ(tunnels_.links().vxlan_v4, vxlan()) << "the device stays";
}

TEST_F(TunnelsTest, OfTunl0OnlyOurAddressIsTaken) {
  host_.tunnels.ipip = dataplane_api::TunnelDevice{I("10.65.1.5"), std::nullopt, 0};
  host_.all_pools = {C("10.65.0.0/16")};
  tunnels_.SetHost(host_);
  Apply();
  const int tunl0 = rtnetlink_.GetLink(kIpipInterface)->ifindex;
  EXPECT_EQ(rtnetlink_.GetLink(kIpipInterface)->mtu_bytes, 1480);
  ASSERT_TRUE(rtnetlink_.AddAddress({tunl0, C("192.0.2.80/32")}).has_value());
  host_.tunnels.ipip.reset();
  tunnels_.SetHost(host_);
  Apply();
  std::vector<net::Cidr> held;
  const auto addresses = rtnetlink_.ListAddresses().value();
  for (const kernel::Address& one : addresses) {
    if (one.ifindex == tunl0) held.push_back(one.address);
  }
  EXPECT_THAT(held, ElementsAre(C("192.0.2.80/32"))) << "a virtual server's, say";
}

TEST_F(TunnelsTest, TheSmallestOverheadThatIsInUseIsTheWorkloadsMtu) {
  EXPECT_EQ(tunnels_.WorkloadMtu(), 1450);
  host_.tunnels.vxlan_v6 = dataplane_api::TunnelDevice{};
  tunnels_.SetHost(host_);
  EXPECT_EQ(tunnels_.WorkloadMtu(), 1430);
  host_.tunnels = {};
  tunnels_.SetHost(host_);
  EXPECT_EQ(tunnels_.WorkloadMtu(), 1500);
  host_.tunnels.ipip = dataplane_api::TunnelDevice{std::nullopt, std::nullopt, 1440};
  tunnels_.SetHost(host_);
  EXPECT_EQ(tunnels_.WorkloadMtu(), 1440) << "as configured";
}

}  // namespace
}  // namespace calico::dataplane
