// SPDX-License-Identifier: Apache-2.0
// What BIRD 2.0.12 said, byte for byte: testdata/bird_replies.
#include "bgp/bird/replies.h"

#include <cstdlib>
#include <ctime>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/text.h"

namespace calico::bgp {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<BirdReplyLine> Lines(const std::string& text) {
  std::vector<BirdReplyLine> lines;
  for (const std::string& line : Split(text, '\n')) {
    lines.push_back(ReadLine(line, lines.empty() ? 0 : lines.back().code));
    if (lines.back().last) break;
  }
  return lines;
}
std::vector<BirdReplyLine> Reply(const std::string& name) {
  return Lines(ReadFile(std::string(TESTDATA) + "/bird_replies/" + name + ".txt").value());
}
WallTime Local(int day, int hour, int minute, int second) {
  std::tm parts{};
  parts.tm_year = 126;
  parts.tm_mon = 10;
  parts.tm_mday = day;
  parts.tm_hour = hour;
  parts.tm_min = minute;
  parts.tm_sec = second;
  parts.tm_isdst = -1;
  return std::chrono::system_clock::from_time_t(std::mktime(&parts));
}
const WallTime kNow = Local(28, 21, 18, 30);

std::vector<std::string> Sessions(const std::vector<PeerStatus>& peers) {
  std::vector<std::string> lines;
  for (const PeerStatus& peer : peers)
    lines.push_back(Join({peer.address, peer.type, peer.state, peer.bgp_state, peer.last_error}, "|"));
  return lines;
}

TEST(BirdReplies, NameEverySessionOfOurs) {
  EXPECT_THAT(
      Sessions(ReadPeers(Reply("peers"), kNow)),
      ElementsAre("10.1.0.2|node-to-node mesh|up|Established|",
                  "10.1.0.9|node specific|start|Active|Socket: No route to host",
                  "10.1.0.2|global|start|Active|Socket: Connection refused",
                  "10.65.1.2|local workload|start|Passive|",
                  "10.1.0.7|node specific|down||",  //
                  "fd00::2|node-to-node mesh|up|Established|", "fe80::2|node specific|start|Connect|"));
}

TEST(BirdReplies, HaveTheDetailsOfAnEstablishedSession) {
  const PeerStatus peer = ReadPeers(Reply("peers"), kNow).at(0);
  EXPECT_EQ(peer.session, "Mesh_10_1_0_2");
  EXPECT_EQ(peer.node, "node 2");
  EXPECT_FALSE(peer.ipv6);
  EXPECT_EQ(peer.info, "Established");
  EXPECT_EQ(peer.as_number, 64512U);
  EXPECT_EQ(peer.local_as_number, 64512U);
  EXPECT_EQ(peer.routes_in, 2U);
  EXPECT_EQ(peer.routes_out, 0U);
  EXPECT_EQ(peer.hold_left, 78905ms);
  EXPECT_EQ(peer.hold_time, 90000ms);
  EXPECT_EQ(peer.keepalive_time, 30000ms);
  EXPECT_EQ(peer.since, "21:18:22.844");
  EXPECT_EQ(peer.since_time, Local(28, 21, 18, 22) + 844ms);
}

TEST(BirdReplies, SayWhetherRoutesAreLeftOut) {
  const auto peers = ReadPeers(Lines("1002-Global_10_0_0_1 BGP --- up 21:19:25.566 Established\n"
                                     "1006-  BGP state:          Established\n"
                                     "   Channel ipv4\n"
                                     "     Import limit:   200000 [HIT]\n"
                                     "       Action:       block\n"
                                     "     Routes:         200000 imported, 3 exported, 200000 preferred\n"
                                     "1002-Global_10_0_0_2 BGP --- up 21:19:25.566 Established\n"
                                     "1006-  BGP state:          Established\n"
                                     "     Import limit:   200000\n"
                                     "0000 \n"),
                               kNow);
  ASSERT_EQ(peers.size(), 2U);
  EXPECT_TRUE(peers[0].routes_left_out);
  EXPECT_EQ(peers[0].routes_in, 200000U);
  EXPECT_FALSE(peers[1].routes_left_out);
}

TEST(BirdReplies, SayNothingOfRoutesAndTimersOfASessionThatIsNotUp) {
  const PeerStatus peer = ReadPeers(Reply("peers"), kNow).at(1);
  EXPECT_EQ(peer.as_number, 65001U);
  EXPECT_EQ(peer.info, "Active Socket: No route to host");
  EXPECT_FALSE(peer.routes_in || peer.routes_out || peer.hold_left || peer.hold_time || peer.keepalive_time);
}

TEST(BirdReplies, OfYesterdayAndOlderHaveTheirTimes) {
  const auto since = [](const std::string& text) {
    return ReadPeers(Lines("1002-Node_10_9_9_9 BGP --- up " + text + " Established\n0000 \n"), kNow)
        .at(0)
        .since_time;
  };
  EXPECT_EQ(since("21:18:31.5"), Local(28, 21, 18, 31) + 500ms) << "a clock that is a little behind";
  EXPECT_EQ(since("22:00:00"), Local(27, 22, 0, 0));
  EXPECT_EQ(since("2026-11-20"), std::nullopt) << "only a date";
}

TEST(BirdReplies, WithMissingWordsAreReadAsFarAsTheyGo) {
  EXPECT_THAT(ReadPeers({}, kNow), IsEmpty());
  EXPECT_THAT(Sessions(ReadPeers(Lines("1002-Node_10_9_9_9\n1006-\n0000 \n"), kNow)),
              ElementsAre("|node specific|||"));
  const auto peers = ReadPeers(
      Lines("1002-Mesh_1 BGP --- up\n1006-  Neighbor AS: many\n   Hold timer: -\n   Hold timer: x/y\n"
            "   Hold timer: -1/1e300\n   Routes: some imported, 1\n   Keepalive timer:\n  :\n0000 \n"),
      kNow);
  ASSERT_EQ(peers.size(), 1U);
  EXPECT_EQ(peers[0].as_number, 0U);
  EXPECT_FALSE(peers[0].hold_left || peers[0].routes_in || peers[0].keepalive_time);
}

TEST(BirdReplies, SayHowTheDaemonIs) {
  const DaemonStatus daemon = ReadDaemon(Reply("status"));
  EXPECT_EQ(daemon.version, "BIRD 2.0.12");
  EXPECT_EQ(daemon.router_id, "10.1.0.1");
  EXPECT_EQ(daemon.started, "2026-11-28 21:18:22.061");
  EXPECT_EQ(daemon.reconfigured, "2026-11-28 21:18:22.061");
  EXPECT_FALSE(daemon.restarting);
  EXPECT_TRUE(ReadDaemon(Reply("status-recovering")).restarting);
}

TEST(BirdReplies, HaveTheRoutesOfBothFamilies) {
  std::vector<std::string> lines;
  for (const RouteStatus& route : ReadRoutes(Reply("routes"))) {
    lines.push_back(
        Join({route.destination, route.ipv6 ? "6" : "4", route.best ? "best" : "other", route.gateway,
              route.interface, std::to_string(static_cast<int>(route.source)), route.peer},
             "|"));
  }
  EXPECT_THAT(lines, ElementsAre("10.65.1.0/26|4|best|||1|", "10.65.2.0/26|4|best|10.1.0.2|eth0|3|10.1.0.2",
                                 "10.1.0.0/24|4|best||eth0|2|",
                                 "10.65.2.64/26|4|best|10.1.0.2|eth0|3|10.1.0.2", "fd65:1::/64|6|best|||1|",
                                 "fd00::/64|6|best||eth0|2|", "fd65:2::/64|6|best|fd00::2|eth0|3|fd00::2"));
}

TEST(BirdReplies, HaveEveryWayToOneDestination) {
  const auto routes = ReadRoutes(Lines(
      "1007-Table master4:\n 10.0.0.0/8  unicast [Node_10_1_0_9_port_1790 21:18:23.048] * (100) [AS65001i]\n"
      " \tvia 10.1.0.9 on eth0 weight 1\n \tvia 10.1.0.8 on eth1 weight 1\n"
      "             unicast [kernel4 21:18:23.048] (10)\n \tvia 10.1.0.254 on eth0\n0000 \n"));
  ASSERT_EQ(routes.size(), 2U);
  EXPECT_EQ(routes[0].peer, "10.1.0.9");
  EXPECT_EQ(routes[0].interface, "eth0");
  EXPECT_EQ(routes[1].destination, "10.0.0.0/8");
  EXPECT_FALSE(routes[1].best);
  EXPECT_EQ(routes[1].source, RouteStatus::Source::kKernel);
}

}  // namespace
}  // namespace calico::bgp
