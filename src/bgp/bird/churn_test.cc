// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/churn.h"

#include <gtest/gtest.h>

namespace calico::bgp {
namespace {

using Lines = std::vector<BirdReplyLine>;

// As BIRD 2.0.12 answers, shortened.
const Lines kRunning{{1000, "BIRD 2.0.12"}, {13, "Daemon is up and running"}};
Lines Session(const std::string& name, const std::string& state, bool keeps) {
  Lines lines{{1002, name + " BGP        ---        up     21:50:00.063  " + state},
              {1006, "  BGP state:          " + state},
              {1006, "    Neighbor address: 172.30.200.11"}};
  if (state != "Established") return lines;
  for (const char* text : {"    Local capabilities", "      Graceful restart", "        Restart time: 120",
                           "    Neighbor capabilities", "      Route refresh"})
    lines.push_back({1006, text});
  if (keeps) lines.push_back({1006, "      Graceful restart"});
  lines.push_back({1006, "    Session:          internal multihop AS4"});
  return lines;
}
Lines All(const std::vector<Lines>& sessions) {
  Lines all{{2002, "Name       Proto      Table      State  Since         Info"},
            {1002, "kernel4    Kernel     master4    up     21:49:59.233  "},
            {1006, "  Channel ipv4"}};
  for (const Lines& session : sessions) all.insert(all.end(), session.begin(), session.end());
  return all;
}
std::string Not(const Status& status) {
  return status.has_value() ? "ready" : status.error().message();
}

TEST(ReadyForGracefulRestart, WhenEveryPeerKeepsRoutes) {
  EXPECT_EQ(Not(ReadyForGracefulRestart(kRunning, All({}))), "ready");
  EXPECT_EQ(Not(ReadyForGracefulRestart(kRunning, All({Session("Mesh_1", "Established", true),
                                                       Session("Mesh_2", "Established", true)}))),
            "ready");
}

TEST(ReadyForGracefulRestart, NotAfterAnotherOne) {
  const Lines status{
      {1000, "BIRD 2.0.12"}, {13, "Daemon is up and running"}, {24, "Graceful restart recovery in progress"}};
  EXPECT_EQ(ReadyForGracefulRestart(status, All({})).error().code(), ErrorCode::kUnavailable);
}

TEST(ReadyForGracefulRestart, NotWhileASessionIsDown) {
  const Status status = ReadyForGracefulRestart(
      kRunning, All({Session("Mesh_1", "Connect", true), Session("Mesh_2", "Established", true)}));
  EXPECT_EQ(Not(status), "Mesh_1 is not up");
  EXPECT_EQ(status.error().code(), ErrorCode::kUnavailable);
}

TEST(ReadyForGracefulRestart, NeverWithAPeerThatCannot) {
  for (const auto& sessions :
       {std::vector{Session("Global_1", "Established", false), Session("Mesh_2", "Connect", true)},
        std::vector{Session("Mesh_2", "Connect", true), Session("Global_1", "Established", false)}}) {
    const Status status = ReadyForGracefulRestart(kRunning, All(sessions));
    EXPECT_EQ(Not(status), "the peer of Global_1 does not keep routes over a restart");
    EXPECT_EQ(status.error().code(), ErrorCode::kUnsupported);
  }
}

}  // namespace
}  // namespace calico::bgp
