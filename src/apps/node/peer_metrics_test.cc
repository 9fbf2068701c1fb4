// SPDX-License-Identifier: Apache-2.0
#include "apps/node/peer_metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/metrics.h"

namespace calico::node {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

WallTime At(int seconds) {
  return WallTime(std::chrono::seconds(1'800'000'000 + seconds));
}
bgp::PeerStatus Peer(const std::string& state, std::optional<WallTime> since) {
  bgp::PeerStatus peer;
  peer.session = "Mesh_10_0_0_2";
  peer.address = "10.0.0.2";
  peer.node = "host2";
  peer.type = "node-to-node mesh";
  peer.bgp_state = state;
  peer.since_time = since;
  return peer;
}
constexpr char kLabels[] = R"({family="ipv4",node="host2",peer="10.0.0.2",type="node-to-node mesh"} )";

class PeerMetricsTest : public ::testing::Test {
 protected:
  std::string Told(const std::vector<bgp::PeerStatus>& peers) {
    metrics_.Update(peers);
    return MetricsText();
  }
  PeerMetrics metrics_;
};

TEST_F(PeerMetricsTest, TellOfEachSessionAndForgetItWithTheSession) {
  bgp::PeerStatus peer = Peer("Established", At(0));
  peer.routes_in = 2;
  peer.routes_out = 0;
  const std::string text = Told({peer});
  EXPECT_THAT(text, HasSubstr("calico_bgp_peer_up" + std::string(kLabels) + "1\n"));
  EXPECT_THAT(text, HasSubstr("calico_bgp_peer_routes_in" + std::string(kLabels) + "2\n"));
  EXPECT_THAT(text, HasSubstr("calico_bgp_peer_routes_out" + std::string(kLabels) + "0\n"));
  EXPECT_THAT(text, HasSubstr("calico_bgp_peer_state_since_seconds" + std::string(kLabels) + "1800000000\n"));
  EXPECT_THAT(text, HasSubstr("calico_bgp_peer_flaps_total" + std::string(kLabels) + "0\n"));
  EXPECT_THAT(text, HasSubstr("calico_bgp_speaker_up 1\n"));
  const std::string down = Told({Peer("Active", At(5))});
  EXPECT_THAT(down, HasSubstr("calico_bgp_peer_up" + std::string(kLabels) + "0\n"));
  EXPECT_THAT(down, Not(HasSubstr("calico_bgp_peer_routes_in{")));
  EXPECT_THAT(Told({}), Not(HasSubstr("10.0.0.2")));
}

TEST_F(PeerMetricsTest, ASpeakerThatDoesNotAnswerLeavesNothingThatLooksKnown) {
  Told({Peer("Established", At(0))});
  metrics_.Update(Error(ErrorCode::kUnavailable, "hangs"));
  EXPECT_THAT(MetricsText(), HasSubstr("calico_bgp_speaker_up 0\n"));
  EXPECT_THAT(MetricsText(), Not(HasSubstr("10.0.0.2")));
}

TEST_F(PeerMetricsTest, FlapsAreCountedAlsoWhenTheSessionIsUpAgainByNow) {
  const auto flaps = [&](const std::string& state, std::optional<WallTime> since) {
    const std::string text = Told({Peer(state, since)}),
                      name = "calico_bgp_peer_flaps_total" + std::string(kLabels);
    return text.substr(text.find(name) + name.size(), 1);
  };
  EXPECT_EQ(flaps("Established", At(0)), "0");
  EXPECT_EQ(flaps("Established", At(0)), "0");
  EXPECT_EQ(flaps("Established", std::nullopt), "0") << "of long ago: the speaker says the date only";
  EXPECT_EQ(flaps("Established", At(50)), "1");
  EXPECT_EQ(flaps("Connect", At(60)), "2");
  EXPECT_EQ(flaps("Connect", At(70)), "2");
  EXPECT_EQ(flaps("Established", At(80)), "2");
}

}  // namespace
}  // namespace calico::node
