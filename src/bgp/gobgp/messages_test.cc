// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/messages.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::bgp {
namespace {

using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using ::testing::ElementsAre;

BgpView View() {
  BgpView view;
  view.node_exists = true;
  view.ipv4 = net::Cidr::Parse("10.0.0.1/24");
  view.peers = {{BgpPeerView::Type::kMesh, *net::Ip::Parse("10.0.0.2"), 179, 64512, "node2"}};
  return view;
}

TEST(GobgpMessages, APeerIsDescribedByItsSessionItsNodeAndAFingerprint) {
  BgpView view = View();
  const auto before = ParseDescription(GobgpPeersOf(view, {}, false).at(0).conf().description());
  EXPECT_EQ(before.session, "Mesh_10_0_0_2");
  EXPECT_EQ(before.node, "node2");
  EXPECT_EQ(ParseDescription(GobgpPeersOf(view, {}, true).at(0).conf().description()).fingerprint,
            before.fingerprint)
      << "a restart alone is no reason to make a session anew";
  view.peers[0].keepalive_seconds = 10;
  EXPECT_NE(ParseDescription(GobgpPeersOf(view, {}, false).at(0).conf().description()).fingerprint,
            before.fingerprint);
  EXPECT_EQ(ParseDescription("somebody else's").session, "");
}

TEST(GobgpMessages, APeerHasWhatItsViewSays) {
  BgpView view = View();
  BgpPeerView& peer = view.peers[0];
  peer.as_number = 65001;
  peer.local_as_number = 65100;
  peer.passive = true;
  peer.port = 1790;
  peer.ttl_hops = 2;
  peer.restart_seconds = 30;
  peer.allowed_local_as = 3;
  peer.from_node_ip = false;
  const api::Peer made = GobgpPeersOf(view, {}, true).at(0);
  EXPECT_EQ(made.conf().peer_asn(), 65001U);
  EXPECT_EQ(made.conf().local_asn(), 65100U);
  EXPECT_EQ(made.conf().allow_own_asn(), 3U);
  EXPECT_TRUE(made.transport().passive_mode());
  EXPECT_EQ(made.transport().remote_port(), 1790U);
  EXPECT_EQ(made.transport().local_address(), "");
  EXPECT_EQ(made.ttl_security().ttl_min(), 254U);
  EXPECT_FALSE(made.ebgp_multihop().enabled()) << "GoBGP refuses both";
  EXPECT_EQ(made.graceful_restart().restart_time(), 30U);
  EXPECT_TRUE(made.graceful_restart().local_restarting());
  EXPECT_TRUE(made.afi_safis(0).mp_graceful_restart().config().enabled());
}

TEST(GobgpMessages, ASessionWithoutItsPasswordIsLeftOut) {
  BgpView view = View();
  view.peers[0].password = {{"tor", "password"}};
  EXPECT_TRUE(GobgpPeersOf(view, {}, false).empty());
  Passwords passwords;
  passwords.known[*view.peers[0].password] = "s3cret";
  EXPECT_EQ(GobgpPeersOf(view, passwords, false).at(0).conf().auth_password(), "s3cret");
}

TEST(GobgpMessages, ASecondSessionWithOneAddressIsNamed) {
  BgpView view = View();
  view.peers.push_back(view.peers[0]);
  view.peers[1].port = 1790;
  EXPECT_EQ(GobgpPeersOf(view, {}, false).size(), 1U);
  EXPECT_THAT(GobgpLimitsOf(view),
              ElementsAre("10.0.0.2 port 1790: GoBGP has one session with an address, whatever its ports"));
}

TEST(GobgpMessages, APathIsReadAsItIsWritten) {
  for (const char* text : {"10.65.1.0/26", "fd65::40/122"}) {
    const auto read = ReadPath(OwnPathOf(*net::Cidr::Parse(text)));
    ASSERT_TRUE(read);
    EXPECT_EQ(read->prefix.ToString(), text);
    EXPECT_TRUE(read->own);
    EXPECT_TRUE(read->next_hop);
  }
}

TEST(GobgpMessages, AnotherNumberAddressOrPortMakesAnotherDaemon) {
  BgpView view = View();
  const api::Global running = GobgpGlobalOf(view);
  EXPECT_FALSE(IsAnother(running, GobgpGlobalOf(view)));
  view.listen_port = 1790;
  EXPECT_TRUE(IsAnother(running, GobgpGlobalOf(view)));
  view = View();
  view.bind_to_node_ip = true;
  EXPECT_TRUE(IsAnother(running, GobgpGlobalOf(view)));
}

}  // namespace
}  // namespace calico::bgp
