// SPDX-License-Identifier: Apache-2.0
#include "bgp/peer_json.h"

#include <gtest/gtest.h>

namespace calico::bgp {
namespace {

using namespace std::chrono_literals;

TEST(PeerJson, GivesBackWhatItWasGiven) {
  PeerStatus peer;
  peer.session = "Mesh_fd00__2";
  peer.address = "fd00::2";
  peer.ipv6 = true;
  peer.type = "node-to-node mesh";
  peer.node = "host7";
  peer.state = "up";
  peer.since = "10:00:12.345";
  peer.since_time = ParseRfc3339("2026-03-02T10:00:12Z");
  peer.bgp_state = peer.info = "Established";
  peer.last_error = "Socket: \xff no UTF-8";
  peer.as_number = 4200000000;
  peer.local_as_number = 64512;
  peer.routes_in = 0;
  peer.routes_out = 100000;
  peer.hold_left = 78905ms;
  peer.hold_time = 90s;
  peer.keepalive_time = 30s;
  const auto back = PeersFromJson(PeersToJson({PeerStatus(), peer}));
  ASSERT_TRUE(back.has_value()) << back.error().message();
  ASSERT_EQ(back->size(), 2U);
  EXPECT_EQ(PeersToJson({back->at(1)}), PeersToJson({peer}));
  EXPECT_EQ(back->at(1).since_time, peer.since_time);
  EXPECT_EQ(back->at(1).hold_left, 78905ms);
  EXPECT_EQ(back->at(1).routes_in, 0U);
  EXPECT_EQ(back->at(0).routes_in, std::nullopt);
}

TEST(PeerJson, RefusesWhatIsNone) {
  for (const char* text : {"", "[", "[1]", R"([{"family":4,"asNumber":"x"}])"}) {
    EXPECT_FALSE(PeersFromJson(text).has_value()) << text;
  }
}

}  // namespace
}  // namespace calico::bgp
