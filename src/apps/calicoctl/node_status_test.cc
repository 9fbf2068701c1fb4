// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <filesystem>
#include <sstream>

#include <gtest/gtest.h>

#include "apps/calicoctl/peer_table.h"
#include "apps/calicoctl/testing/fake_bird.h"
#include "base/file.h"
#include "base/text.h"

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

TEST_F(NodeStatus, FailsWhenBirdDoesNotAnswer) {
  Add("10", "bird", "net:[1]");
  EXPECT_EQ(Show(), 1);
  EXPECT_EQ(err_.str().find("Error querying BIRD: unable to connect to BIRDv4 socket: "), 0U) << err_.str();
  EXPECT_EQ(out_.str(), "Calico process is running.\n\n");
}

}  // namespace
}  // namespace calico::calicoctl
