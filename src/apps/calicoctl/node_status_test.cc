// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/node_status.h"

#include <filesystem>

#include <gtest/gtest.h>

#include "apps/calicoctl/peer_table.h"
#include "base/file.h"
#include "base/text.h"

namespace calico::calicoctl {
namespace {

bgp::BirdPeer Peer(const char* address, const char* type, const char* state, const char* since,
                   const char* info) {
  bgp::BirdPeer peer;
  peer.address = address;
  peer.type = type;
  peer.state = state;
  peer.since = since;
  peer.info = info;
  peer.ipv6 = peer.address.find(':') != std::string::npos;
  return peer;
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

TEST(ViewOfPools, CarriesTheEncapsulation) {
  model::IPPool plain, ipip, vxlan;
  plain.cidr = "10.1.0.0/16";
  ipip.cidr = "10.2.0.0/16";
  ipip.ipip_mode = "CrossSubnet";
  vxlan.cidr = "10.3.0.0/16";
  vxlan.ipip_mode = "Never";
  vxlan.vxlan_mode = "Always";
  const auto pools = ViewOfPools({plain, ipip, vxlan}).pools;
  using Encapsulation = dataplane_api::BgpPoolView::Encapsulation;
  ASSERT_EQ(pools.size(), 3U);
  EXPECT_EQ(pools[0].encapsulation, Encapsulation::kNone);
  EXPECT_EQ(pools[1].encapsulation, Encapsulation::kIpip);
  EXPECT_TRUE(pools[1].cross_subnet);
  EXPECT_EQ(pools[2].encapsulation, Encapsulation::kVxlan);
  EXPECT_FALSE(pools[2].cross_subnet);
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
  EXPECT_FALSE(IsCalicoNodeRunning(proc_));
  Add("9", "/usr/bin/calico-node run", "net:[1]");
  EXPECT_TRUE(IsCalicoNodeRunning(proc_));
}

TEST_F(NodeProcess, OfAnotherHostDoesNotCount) {
  Add("9", "calico-node run", "net:[2]");
  EXPECT_FALSE(IsCalicoNodeRunning(proc_));
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

TEST_F(NodeProcess, WithoutBirdAndStoreIsStillAnswered) {
  Add("9", "calico-node run", "net:[1]");
  std::ostringstream out, err;
  NodeStatusSources sources;
  sources.proc = proc_;
  sources.is_root = true;
  sources.bird_socket = proc_ + "/bird.ctl";
  sources.pools = [] { return Error(ErrorCode::kUnavailable, "etcd http://x: away"); };
  EXPECT_EQ(RunNodeStatus(sources, out, err), 0);
  EXPECT_EQ(out.str(), "Calico process is running.\n\nThe BGP backend process (BIRD) is not running.\n\n");
  EXPECT_NE(err.str().find("unable to check the IP pools: etcd http://x: away\n"), std::string::npos)
      << err.str();
}

}  // namespace
}  // namespace calico::calicoctl
