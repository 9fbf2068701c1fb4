// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "apps/calicoctl/peer_table.h"
#include "apps/calicoctl/testing/fake_bird.h"
#include "base/file.h"
#include "base/http_server.h"
#include "base/text.h"
#include "bgp/peer_json.h"

namespace calico::calicoctl {
namespace {

bgp::PeerStatus Peer(const char* address, const char* type, const char* state, const char* since,
                     const char* info) {
  bgp::PeerStatus peer;
  peer.address = address;
  peer.type = type;
  peer.state = state;
  peer.since = since;
  peer.info = info;
  peer.ipv6 = peer.address.find(':') != std::string::npos;
  return peer;
}

std::string PeerTables(const std::vector<bgp::PeerStatus>& peers) {
  return PeerTable(peers, net::Family::kV4, false) + PeerTable(peers, net::Family::kV6, false);
}

TEST(PeerTables, AreUpstreams) {
  EXPECT_EQ(PeerTables({Peer("10.20.0.8", "node-to-node mesh", "up", "10:00:12", "Established"),
                        Peer("10.20.0.1", "node specific", "start", "2026-03-02",
                             "Active        Socket: Connection refused"),
                        Peer("10.20.0.9", "global", "start", "10:00:13", "Connect")}),
            "IPv4 BGP status\n"
            "+--------------+-------------------+-------+------------+--------------------------------+\n"
            "| PEER ADDRESS |     PEER TYPE     | STATE |   SINCE    |              INFO              |\n"
            "+--------------+-------------------+-------+------------+--------------------------------+\n"
            "| 10.20.0.8    | node-to-node mesh | up    | 10:00:12   | Established                    |\n"
            "| 10.20.0.1    | node specific     | start | 2026-03-02 | Active Socket: Connection      |\n"
            "|              |                   |       |            | refused                        |\n"
            "| 10.20.0.9    | global            | start | 10:00:13   | Connect                        |\n"
            "+--------------+-------------------+-------+------------+--------------------------------+\n"
            "\n"
            "IPv6 BGP status\n"
            "No IPv6 peers found.\n"
            "\n");
}

TEST(PeerTables, LeaveLocalWorkloadsToTheWideForm) {
  const bgp::PeerStatus workload = Peer("10.65.0.1", "local workload", "start", "10:00:12", "Passive");
  EXPECT_EQ(PeerTable({workload}, net::Family::kV4, false), "IPv4 BGP status\nNo IPv4 peers found.\n\n");
  EXPECT_NE(WidePeerTable({workload}, net::Family::kV4, false, WallTime()).find("| 10.65.0.1 "),
            std::string::npos);
}

TEST(PeerTables, AreWideWithAllThatIsKnown) {
  using namespace std::chrono_literals;
  const WallTime now = *ParseRfc3339("2026-03-14T12:00:05Z");
  const auto up = [&](std::optional<Duration> ago, const std::string& since) {
    bgp::PeerStatus peer = Peer("10.20.0.8", "global", "up", since.c_str(), "Established");
    peer.bgp_state = "Established";
    if (ago) peer.since_time = now - std::chrono::duration_cast<WallTime::duration>(*ago);
    return peer;
  };
  bgp::PeerStatus first = up(6s, "11:59:59.1");
  first.node = "host8";
  first.as_number = 64512;
  first.routes_in = 100000;
  first.routes_out = 0;
  first.hold_left = 78905ms;
  first.hold_time = 90s;
  bgp::PeerStatus down = Peer("10.20.0.9", "global", "start", "10:00:13", "Active");
  down.bgp_state = "Active";
  down.last_error = "Socket: Connection refused";
  EXPECT_EQ(WidePeerTable({first, up(3723s, "10:58:02.000"), up(12 * 24h + 4h, "2026-03-02"),
                           up(std::nullopt, "2026-03-04"), down},
                          net::Family::kV4, false, now),
            R"(IPv4 BGP status
+--------------+-----------+-------+--------------+-------------+-------+-------+--------+-----------+------------+------------+----------------------------+
| PEER ADDRESS | PEER TYPE | STATE |    SINCE     |  BGP STATE  | NODE  |  AS   | UPTIME | ROUTES IN | ROUTES OUT | HOLD TIMER |         LAST ERROR         |
+--------------+-----------+-------+--------------+-------------+-------+-------+--------+-----------+------------+------------+----------------------------+
| 10.20.0.8    | global    | up    | 11:59:59.1   | Established | host8 | 64512 | 6s     |    100000 |          0 | 78s/90s    |                            |
| 10.20.0.8    | global    | up    | 10:58:02.000 | Established |       |       | 1h2m3s |           |            |            |                            |
| 10.20.0.8    | global    | up    | 2026-03-02   | Established |       |       | 12d4h  |           |            |            |                            |
| 10.20.0.8    | global    | up    | 2026-03-04   | Established |       |       | 10d    |           |            |            |                            |
| 10.20.0.9    | global    | start | 10:00:13     | Active      |       |       |        |           |            |            | Socket: Connection refused |
+--------------+-----------+-------+--------------+-------------+-------+-------+--------+-----------+------------+------------+----------------------------+

)");
}

TEST(PeerTables, SplitTheFamilies) {
  const std::string text = PeerTables({Peer("fd00::8", "global", "down", "10:00:12", "")});
  EXPECT_EQ(text.find("IPv4 BGP status\nNo IPv4 peers found.\n\nIPv6 BGP status\n+---"), 0U) << text;
  EXPECT_NE(text.find("| fd00::8      | global    | down  | 10:00:12 |      |\n"), std::string::npos) << text;
}

TEST(PeerTables, MakeAPeerThatIsNotUpStandOut) {
  EXPECT_EQ(
      PeerTable({Peer("10.20.0.8", "global", "up", "10:00:12", "Established"),
                 Peer("10.20.0.9", "global", "start", "10:00:13", "Active Socket: Connection refused now")},
                net::Family::kV4, true),
      "IPv4 BGP status\n"
      "+--------------+-----------+-------+----------+--------------------------------+\n"
      "| PEER ADDRESS | PEER TYPE | STATE |  SINCE   |              INFO              |\n"
      "+--------------+-----------+-------+----------+--------------------------------+\n"
      "| 10.20.0.8    | global    |\033[32m up    \033[0m| 10:00:12 | Established                    |\n"
      "| 10.20.0.9    | global    |\033[33m start \033[0m| 10:00:13 | Active Socket: Connection      |\n"
      "|              |           |       |          | refused now                    |\n"
      "+--------------+-----------+-------+----------+--------------------------------+\n"
      "\n");
}

// A /proc of one's own: <pid>/cmdline and <pid>/ns/net.
class NodeProcess : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(MakeDirectories(proc_ + "/self/ns").has_value());
    std::filesystem::create_symlink("net:[1]", proc_ + "/self/ns/net");
  }
  void TearDown() override { std::filesystem::remove_all(proc_); }
  void Add(const std::string& pid, std::string words, const std::string& network) {
    ASSERT_TRUE(MakeDirectories(proc_ + "/" + pid + "/ns").has_value());
    for (char& c : words) c = c == ' ' ? '\0' : c;
    ASSERT_TRUE(WriteFileAtomically(proc_ + "/" + pid + "/cmdline", words + '\0').has_value());
    std::filesystem::create_symlink(network, proc_ + "/" + pid + "/ns/net");
  }
  const std::string proc_ = (std::filesystem::temp_directory_path() / ("proc-" + RandomUuid())).string();
};

TEST_F(NodeProcess, IsFoundByItsCommandLine) {
  Add("7", "/usr/bin/calico-node show status", "net:[1]");
  Add("8", "vi calico-node run", "net:[1]");
  EXPECT_EQ(FindNodeProcesses(proc_), NodeProcesses());
  Add("9", "/usr/bin/calico-node run", "net:[1]");
  Add("10", "bird -R -s /x", "net:[1]");
  Add("11", "/usr/sbin/bird6", "net:[1]");
  Add("12", "calico-bgp-daemon", "net:[1]");
  EXPECT_EQ(FindNodeProcesses(proc_), (NodeProcesses{true, true, true, true}));
}

TEST_F(NodeProcess, OfAnotherHostDoesNotCount) {
  Add("9", "calico-node run", "net:[2]");
  EXPECT_EQ(FindNodeProcesses(proc_), NodeProcesses());
}

TEST_F(NodeProcess, ThatIsMissingIsSaidToRootOnly) {
  std::ostringstream out, err;
  NodeStatusSources sources;
  sources.proc = proc_;
  EXPECT_EQ(RunNodeStatus(sources, out, err), 1);
  sources.is_root = true;
  EXPECT_EQ(RunNodeStatus(sources, out, err), 1);
  EXPECT_EQ(out.str(), "");
  EXPECT_EQ(err.str(),
            "Need super user privileges: Operation not permitted\nCalico process is not running.\n");
}

// What `node status` prints on a host where calico-node runs.
class NodeStatus : public NodeProcess {
 protected:
  void SetUp() override {
    NodeProcess::SetUp();
    Add("9", "calico-node run", "net:[1]");
    sources_.proc = proc_;
    sources_.is_root = true;
    sources_.socket_directories = {proc_ + "/calico", proc_ + "/bird"};
    ASSERT_TRUE(MakeDirectories(proc_ + "/calico").has_value());
  }
  int Show() { return RunNodeStatus(sources_, out_, err_); }
  static std::string Row(const std::string& name) {
    return "1002-" + name + " BGP        ---        up     10:00:12      Established   ";
  }

  NodeStatusSources sources_;
  std::ostringstream out_, err_;
};

TEST_F(NodeStatus, WithoutBirdIsStillAnswered) {
  EXPECT_EQ(Show(), 0);
  EXPECT_EQ(out_.str(), "Calico process is running.\n\nThe BGP backend process (BIRD) is not running.\n\n");
  EXPECT_EQ(err_.str(), "");
}

TEST_F(NodeStatus, NamesBothBackendsOf26) {
  sources_.calico26 = true;
  EXPECT_EQ(Show(), 0);
  EXPECT_EQ(
      out_.str(),
      "Calico process is running.\n\nNone of the BGP backend processes (BIRD or GoBGP) are running.\n\n");
}

TEST_F(NodeStatus, SaysThatGoBgpCanNotBeAsked) {
  Add("10", "calico-bgp-daemon", "net:[1]");
  EXPECT_EQ(Show(), 1);
  EXPECT_EQ(err_.str().find("Error retrieving neighbor info: GoBGP runs"), 0U) << err_.str();
}

TEST_F(NodeStatus, OfBird2HasBothFamilies) {
  Add("10", "bird", "net:[1]");
  testing::FakeBird bird(proc_ + "/calico/bird.ctl", "0001 BIRD 2.0.12 ready.",
                         Row("Mesh_10_20_0_8") + "\n1006-    Neighbor address: 10.20.0.8\n" +
                             Row("Global_fd00__8") + "\n1006-    Neighbor address: fd00::8\n0000 \n");
  EXPECT_EQ(Show(), 0) << err_.str();
  EXPECT_NE(out_.str().find("| 10.20.0.8    | node-to-node mesh | up    | 10:00:12 | Established |\n"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("IPv6 BGP status\n+---"), std::string::npos) << out_.str();
  EXPECT_EQ(out_.str().find("INFO:"), std::string::npos);
}

TEST_F(NodeStatus, OfBird1SaysWhichProcessIsMissing) {
  Add("10", "bird", "net:[1]");
  testing::FakeBird bird(proc_ + "/calico/bird.ctl", "0001 BIRD 1.6.3 ready.", "0000 \n");
  EXPECT_EQ(Show(), 0);
  EXPECT_EQ(out_.str(),
            "Calico process is running.\n\nINFO: BIRDv6 process: 'bird6' is not running.\n\n"
            "IPv4 BGP status\nNo IPv4 peers found.\n\n");
}

TEST_F(NodeStatus, OfBird6AloneSaysWhichProcessIsMissing) {
  Add("10", "bird6", "net:[1]");
  // The second directory is where a BIRD of the distribution has its sockets.
  ASSERT_TRUE(MakeDirectories(proc_ + "/bird").has_value());
  testing::FakeBird bird(proc_ + "/bird/bird6.ctl", "0001 BIRD 1.6.3 ready.", "0000 \n");
  EXPECT_EQ(Show(), 0);
  EXPECT_EQ(out_.str(),
            "Calico process is running.\n\nINFO: BIRDv4 process: 'bird' is not running.\n\n"
            "IPv6 BGP status\nNo IPv6 peers found.\n\n");
}

// The agent's socket, with these answers.
std::unique_ptr<HttpServer> Agent(const std::string& path, std::map<std::string, std::string> answers) {
  HttpListen listen;
  listen.unix_path = path;
  listen.threads = 1;
  auto server =
      StartHttpServer(listen, [answers = std::move(answers)](const HttpRequest& request) -> HttpResponse {
        const auto found = answers.find(request.path);
        if (found == answers.end()) return {404, "text/plain", ""};
        return {200, "text/plain", found->second};
      });
  EXPECT_TRUE(server.has_value());
  return std::move(*server);
}

TEST_F(NodeStatus, AsksTheAgentForThePeersOfGoBgp) {
  Add("10", "gobgpd", "net:[1]");
  const auto agent =
      Agent(proc_ + "/calico/calico-node.sock",
            {{"/peers",
              bgp::PeersToJson({Peer("10.20.0.8", "node-to-node mesh", "up", "00:01:02", "Established")})}});
  EXPECT_EQ(Show(), 0) << err_.str();
  EXPECT_NE(out_.str().find("| 10.20.0.8    | node-to-node mesh | up    | 00:01:02 | Established |"),
            std::string::npos)
      << out_.str();
  EXPECT_NE(out_.str().find("No IPv6 peers found."), std::string::npos);
}

TEST_F(NodeStatus, SaysWhatIsWrongAndHowTheAddressesWereChosen) {
  const auto agent = Agent(
      proc_ + "/calico/calico-node.sock",
      {{"/problems", "not ready: bird: not running\n"},
       {"/addresses",
        R"([{"family":"IPv4","address":"10.20.0.7/24","reason":"autodetected by first-found on eth0: the only one that will do",
                           "passedOver":[{"interface":"wg0","reason":"is of kind wireguard"}]},{"family":"IPv6","reason":"IP6 is not set"}])"}});
  sources_.form = NodeStatusForm::kWide;
  EXPECT_EQ(Show(), 0);
  EXPECT_NE(out_.str().find(
                "IPv4 address: 10.20.0.7/24, autodetected by first-found on eth0: the only one that will do\n"
                "  not wg0: is of kind wireguard\n"
                "IPv6 address: none, IP6 is not set\n\n"),
            std::string::npos)
      << out_.str();
  EXPECT_EQ(err_.str(), "WARNING: not ready: bird: not running\n");
}

TEST_F(NodeStatus, AsJsonHasNumbersAndTimes) {
  Add("10", "bird", "net:[1]");
  sources_.form = NodeStatusForm::kJson;
  testing::FakeBird bird(proc_ + "/calico/bird.ctl", "0001 BIRD 2.0.12 ready.",
                         Row("Mesh_10_20_0_8") +
                             "\n1006-    Neighbor address: 10.20.0.8\n     Neighbor AS: 64512\n"
                             "     Routes:         2 imported, 1 exported, 2 preferred\n0000 \n");
  EXPECT_EQ(Show(), 0) << err_.str();
  for (const char* part :
       {"\"running\": true", "\"backend\": \"bird\"", "\"errors\": []", "\"family\": 4",
        "\"asNumber\": 64512", "\"routesIn\": 2", "\"sinceTime\": \"2", "\"bgpState\": \"Established\""})
    EXPECT_NE(out_.str().find(part), std::string::npos) << part << " in " << out_.str();
}

TEST_F(NodeStatus, AsJsonSaysWhatFailsInThePlaceOfTheRest) {
  Add("10", "bird", "net:[1]");
  sources_.form = NodeStatusForm::kJson;
  EXPECT_EQ(Show(), 1);
  EXPECT_NE(out_.str().find("\"Error querying BIRD: unable to connect to BIRDv4 socket: "), std::string::npos)
      << out_.str();
  EXPECT_EQ(err_.str(), "");
  out_.str("");
  std::filesystem::remove_all(proc_ + "/9");
  EXPECT_EQ(Show(), 1);
  EXPECT_NE(out_.str().find("\"running\": false"), std::string::npos) << out_.str();
}

TEST_F(NodeStatus, FailsWhenBirdDoesNotAnswer) {
  Add("10", "bird", "net:[1]");
  EXPECT_EQ(Show(), 1);
  EXPECT_EQ(err_.str().find("Error querying BIRD: unable to connect to BIRDv4 socket: "), 0U) << err_.str();
  EXPECT_EQ(out_.str(), "Calico process is running.\n\n");
}

}  // namespace
}  // namespace calico::calicoctl
