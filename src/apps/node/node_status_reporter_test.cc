// SPDX-License-Identifier: Apache-2.0
#include "apps/node/node_status_reporter.h"

#include <atomic>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"

namespace calico::node {
namespace {

class FakeSpeaker final : public bgp::Speaker {
 public:
  void OnView(const dataplane_api::BgpView&) override {}
  void OnTunnelDevice() override {}
  Health health() const override { return {}; }
  Result<std::vector<bgp::PeerStatus>> Peers() const override {
    ++asked;
    return peers;
  }
  Result<bgp::DaemonStatus> Daemon() const override { return daemon; }
  Result<std::vector<bgp::RouteStatus>> Routes() const override { return routes; }

  mutable std::atomic<int> asked = 0;
  Result<std::vector<bgp::PeerStatus>> peers = std::vector<bgp::PeerStatus>();
  Result<bgp::DaemonStatus> daemon = bgp::DaemonStatus{"BIRD 2.0.12", "10.0.0.1", "2026-03-02 09:59:58.123",
                                                       "2026-03-02 10:00:10.000", false};
  Result<std::vector<bgp::RouteStatus>> routes = std::vector<bgp::RouteStatus>();
};

bgp::PeerStatus Peer(const std::string& address, const std::string& type, const std::string& state) {
  bgp::PeerStatus peer;
  peer.address = address;
  peer.ipv6 = address.find(':') != std::string::npos;
  peer.type = type;
  peer.bgp_state = state;
  peer.since = "10:00:12.345";
  return peer;
}
model::CalicoNodeStatus Resource(const std::vector<std::string>& classes) {
  model::CalicoNodeStatus resource;
  resource.metadata.name = "status1";
  resource.node = "node1";
  resource.classes = classes;
  resource.update_period_seconds = 1;
  return resource;
}

TEST(NodeStatusResource, HasWhatItsClassesAskFor) {
  FakeSpeaker speaker;
  speaker.peers =
      std::vector{Peer("10.0.0.2", "node-to-node mesh", "Established"), Peer("10.0.0.3", "node specific", ""),
                  Peer("fd00::4", "global", "Passive"), Peer("10.65.0.1", "local workload", "Active")};
  using Source = bgp::RouteStatus::Source;
  speaker.routes = std::vector<bgp::RouteStatus>{
      {"10.65.2.0/26", false, true, "10.0.0.2", "eth0", Source::kMesh, "10.0.0.2"},
      {"10.65.1.0/26", false, true, "", "", Source::kStatic, ""},
      {"fd65::/64", true, false, "fd00::4", "eth0", Source::kPeer, "fd00::4"}};
  const auto all = WithStatus(Resource({"Agent", "BGP", "Routes"}), &speaker);
  ASSERT_TRUE(all.has_value());
  const model::BgpDaemonStatus daemon{"Ready", "2.0.12", "10.0.0.1", "2026-03-02 09:59:58",
                                      "2026-03-02 10:00:10"};
  EXPECT_EQ(all->agent, (model::AgentStatus{daemon, daemon}));
  EXPECT_EQ(all->bgp, (model::BgpStatus{1,
                                        1,
                                        0,
                                        1,
                                        {{"10.0.0.2", "NodeMesh", "Established", "10:00:12"},
                                         {"10.0.0.3", "NodePeer", "Idle", "10:00:12"}},
                                        {{"fd00::4", "GlobalPeer", "Active", "10:00:12"}}}));
  EXPECT_EQ(all->routes.routes_v4,
            (std::vector<model::RouteStatus>{
                {"FIB", "10.65.1.0/26", "", "", {"Static", ""}},
                {"FIB", "10.65.2.0/26", "10.0.0.2", "eth0", {"NodeMesh", "10.0.0.2"}}}));
  EXPECT_EQ(
      all->routes.routes_v6,
      (std::vector<model::RouteStatus>{{"RIB", "fd65::/64", "fd00::4", "eth0", {"BGPPeer", "fd00::4"}}}));
  const auto only_bgp = WithStatus(*all, &speaker);
  EXPECT_EQ(*only_bgp, *all);
  model::CalicoNodeStatus fewer = *all;
  fewer.classes = {"BGP"};
  EXPECT_EQ(WithStatus(fewer, &speaker)->agent, model::AgentStatus());
  EXPECT_EQ(WithStatus(fewer, &speaker)->routes, model::RoutesStatus());
  EXPECT_EQ(WithStatus(fewer, &speaker)->bgp, all->bgp);
}

TEST(NodeStatusResource, SaysThatASpeakerIsNotReady) {
  FakeSpeaker speaker;
  const Error hangs(ErrorCode::kUnavailable, "hangs");
  speaker.daemon = hangs;
  speaker.peers = hangs;
  speaker.routes = hangs;
  EXPECT_EQ(WithStatus(Resource({"Agent", "BGP"}), &speaker)->agent.bird_v4.state, "NotReady");
  EXPECT_FALSE(WithStatus(Resource({"BGP"}), &speaker).has_value()) << "no peers would be a lie";
  EXPECT_FALSE(WithStatus(Resource({"Routes"}), &speaker).has_value());
  EXPECT_EQ(WithStatus(Resource({"Agent", "BGP"}), nullptr)->agent.bird_v6.state, "NotReady");
}

class NodeStatusReporterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(datastore::Resources(store_, clock_).Create(Resource({"BGP"})).has_value());
    reporter_.Start();
  }
  model::CalicoNodeStatus Stored() {
    const auto stored = datastore::Resources(store_, clock_)
                            .Get(model::Key::Resource(model::Kind::kCalicoNodeStatus, "status1"));
    return stored.has_value() ? std::get<model::CalicoNodeStatus>(stored->object) : model::CalicoNodeStatus();
  }
  static bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      SleepFor(std::chrono::milliseconds(10));
    }
    return false;
  }

  const SystemClock clock_;
  datastore::testing::FakeClient store_;
  FakeSpeaker speaker_;
  NodeStatusReporter reporter_{store_, clock_, "node1", &speaker_};
};

TEST_F(NodeStatusReporterTest, WritesTheStatusOnceAndThenOnlyWhatChanges) {
  const model::CalicoNodeStatus resource = Resource({"BGP"});
  reporter_.OnResource("status1", &resource);
  ASSERT_TRUE(Eventually([this] { return !Stored().last_updated.empty(); }));
  const int writes = store_.writes();
  const model::CalicoNodeStatus written = Stored();
  const int asked = speaker_.asked;
  reporter_.OnResource("status1", &written);  // as the watch gives it back
  ASSERT_TRUE(Eventually([&] { return speaker_.asked >= asked + 2; })) << "looked again after its period";
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(NodeStatusReporterTest, OfAnotherNodeOrSwitchedOffOrGoneIsLeftAlone) {
  model::CalicoNodeStatus resource = Resource({"BGP"});
  resource.node = "node2";
  reporter_.OnResource("status1", &resource);
  resource = Resource({"BGP"});
  resource.update_period_seconds = 0;
  reporter_.OnResource("status1", &resource);
  reporter_.OnResource("status1", nullptr);
  // A second one is written after all of these have been seen to.
  model::CalicoNodeStatus other = Resource({"BGP"});
  other.metadata.name = "status2";
  ASSERT_TRUE(datastore::Resources(store_, clock_).Create(other).has_value());
  const int writes = store_.writes();
  reporter_.OnResource("status2", &other);
  ASSERT_TRUE(Eventually([&] { return store_.writes() > writes; }));
  EXPECT_EQ(Stored().last_updated, "");
}

}  // namespace
}  // namespace calico::node
