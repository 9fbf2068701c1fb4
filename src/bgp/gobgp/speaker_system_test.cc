// SPDX-License-Identifier: Apache-2.0
// The speaker with a real gobgpd, in a network namespace of this program's own.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "bgp/gobgp/speaker.h"

namespace calico::bgp {
namespace {

using namespace std::chrono_literals;
using dataplane_api::BgpFilterRule;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::MatchesRegex;

class PrivateNetwork : public ::testing::Environment {
 public:
  PrivateNetwork() {
    if (::unshare(CLONE_NEWNET) != 0 ||
        std::system(
            "ip link set lo up && ip addr add 10.0.0.1/24 dev lo && ip addr add 10.0.0.2/24 dev lo") != 0)
      std::abort();
  }
};
const auto* const kNetwork = ::testing::AddGlobalTestEnvironment(new PrivateNetwork);

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 1500; ++i) {
    if (condition()) return true;
    SleepFor(10ms);
  }
  return false;
}

// One node with its GoBGP: 10.0.0.<number>.
class Node {
 public:
  explicit Node(int number) : number_(number) {
    char pattern[] = "/tmp/calico-gobgp-XXXXXX";
    directory_ = mkdtemp(pattern);
    options_.socket_path = directory_ + "/run/gobgp.sock";
    options_.pid_path = directory_ + "/run/gobgpd.pid";
    options_.log_path = directory_ + "/log/gobgpd.log";
    options_.password_of = [](const dataplane_api::BgpSecret&) { return "s3cret"; };
    Begin();
  }
  ~Node() {
    End();
    EXPECT_TRUE(GobgpSpeaker::StopGobgp(options_).has_value());
    std::filesystem::remove_all(directory_);
  }
  void Begin() {
    thread_ = std::make_unique<LoopThread>("bgp");
    speaker_ = std::make_unique<GobgpSpeaker>(thread_->loop(), clock_, options_);
    thread_->Start();
  }
  void End() {
    if (thread_ == nullptr) return;
    thread_->RunSync([this] { speaker_.reset(); });
    thread_->StopAndJoin();
    thread_.reset();
  }
  BgpView View() const {
    BgpView view;
    view.node_exists = true;
    view.ipv4 = net::Cidr::Parse("10.0.0." + std::to_string(number_) + "/24");
    view.bind_to_node_ip = true;
    const int other = 3 - number_;
    view.peers = {{BgpPeerView::Type::kGlobal, *net::Ip::Parse("10.0.0." + std::to_string(other)), 179, 64512,
                   "node" + std::to_string(other)}};
    view.peers[0].passive = number_ == 1;
    view.pools = {{*net::Cidr::Parse("10.65.0.0/16"), "pool"}};
    view.own_blocks = {*net::Cidr::Parse("10.65." + std::to_string(number_) + ".0/26")};
    return view;
  }
  void Send(const BgpView& view) {
    thread_->RunSync([&] { speaker_->OnView(view); });
  }
  Speaker::Health Health() {
    Speaker::Health health;
    thread_->RunSync([&] { health = speaker_->health(); });
    return health;
  }
  pid_t Pid() const {
    return static_cast<pid_t>(std::atol(ReadFile(options_.pid_path).value_or("0").c_str()));
  }
  // Of its one session; an empty one while there is none.
  PeerStatus Peer() const {
    const auto peers = ReadGobgpPeers(options_.socket_path, 1s);
    return peers.has_value() && peers->size() == 1 ? peers->at(0) : PeerStatus();
  }
  const Speaker& speaker() const { return *speaker_; }
  const GobgpSpeaker::Options& options() const { return options_; }

 private:
  const int number_;
  std::string directory_;
  GobgpSpeaker::Options options_;
  const SystemClock clock_;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<GobgpSpeaker> speaker_;
};

TEST(GobgpSpeaker, StartsGobgpWithTheConfiguredPeers) {
  Node node(1);
  node.Send(node.View());
  ASSERT_TRUE(Eventually([&] { return node.Peer().address == "10.0.0.2"; }));
  EXPECT_TRUE(node.Health().running);
  EXPECT_EQ(node.Health().error, "");
  EXPECT_EQ(node.Peer().session, "Global_10_0_0_2");
  EXPECT_EQ(node.Peer().type, "global");
  EXPECT_EQ(node.Peer().node, "node2");
  EXPECT_EQ(node.Peer().state, "start");
  BgpView none = node.View();
  none.peers.clear();
  node.Send(none);
  EXPECT_EQ(node.Peer().address, "");
}

TEST(GobgpSpeaker, AdoptsWhatAFormerAgentLeftRunning) {
  Node node(1);
  node.Send(node.View());
  ASSERT_TRUE(Eventually([&] { return !node.Peer().address.empty(); }));
  const pid_t pid = node.Pid();
  node.End();
  EXPECT_FALSE(node.Peer().address.empty()) << "it outlives the agent";
  node.Begin();
  node.Send(node.View());
  EXPECT_TRUE(node.Health().running);
  EXPECT_EQ(node.Pid(), pid);
  const std::string log = ReadFile(node.options().log_path).value_or("");
  EXPECT_EQ(log.find("Add a peer"), log.rfind("Add a peer")) << "it has been told nothing";
  EXPECT_EQ(log.find("Delete a peer"), std::string::npos);
}

TEST(GobgpSpeaker, SaysHowTheDaemonIsAndWhatItKnows) {
  Node node(1);
  node.Send(node.View());
  ASSERT_TRUE(Eventually([&] { return !node.Peer().address.empty(); }));
  const auto daemon = node.speaker().Daemon();
  ASSERT_TRUE(daemon.has_value()) << daemon.error().message();
  EXPECT_THAT(daemon->version, MatchesRegex("GoBGP [0-9]+\\.[0-9]+\\.[0-9]+"));
  EXPECT_EQ(daemon->router_id, "10.0.0.1");
  EXPECT_THAT(daemon->started, MatchesRegex("20..-..-.. ..:..:..\\...."));
  EXPECT_FALSE(daemon->restarting);
  const auto routes = node.speaker().Routes();
  ASSERT_TRUE(routes.has_value() && routes->size() == 1);
  EXPECT_EQ(routes->at(0).destination, "10.65.1.0/26");
  EXPECT_TRUE(routes->at(0).best);
  ASSERT_TRUE(node.speaker().Peers().has_value());
}

TEST(GobgpSpeaker, StartsGobgpAnewWhenItEnds) {
  Node node(1);
  node.Send(node.View());
  ASSERT_TRUE(Eventually([&] { return !node.Peer().address.empty(); }));
  const pid_t pid = node.Pid();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  ASSERT_TRUE(Eventually([&] { return node.Pid() != pid && !node.Peer().address.empty(); }));
  EXPECT_EQ(node.Health().error, "");
}

TEST(GobgpSpeaker, AnotherAsNumberMakesAnotherGobgp) {
  Node node(1);
  node.Send(node.View());
  ASSERT_TRUE(Eventually([&] { return !node.Peer().address.empty(); }));
  const pid_t pid = node.Pid();
  BgpView view = node.View();
  view.as_number = 65000;
  node.Send(view);
  ASSERT_TRUE(Eventually([&] { return node.Pid() != pid && node.Peer().local_as_number == 65000; }));
}

TEST(GobgpSpeaker, SaysWhyItDoesNotRun) {
  Node node(1);
  BgpView view = node.View();
  view.ipv4 = net::Cidr::Parse("192.0.2.1/24");  // not this host's
  node.Send(view);
  ASSERT_TRUE(Eventually([&] { return !node.Health().error.empty(); }));
  EXPECT_THAT(node.Health().error, HasSubstr("cannot assign requested address"));
  view.peers[0].filters = {"edge"};
  BgpFilterRule rule;
  rule.priority = 100;
  view.filters["edge"].export_v4 = {rule};
  node.Send(view);
  EXPECT_THAT(
      node.Health().sessions,
      ElementsAre("filter edge: rule 1 of exportV4 is left out: GoBGP cannot ask for a route's priority"));
}

TEST(GobgpSpeaker, TellsAPeerItsBlocksAndWithdrawsWhatAFilterForbidsOnTheSameSession) {
  Node one(1), two(2);
  one.Send(one.View());
  two.Send(two.View());
  ASSERT_TRUE(Eventually([&] { return two.Peer().routes_in == 1U && one.Peer().routes_in == 1U; }))
      << ReadFile(two.options().log_path).value_or("");
  BgpView closed = one.View();
  closed.peers[0].filters = {"closed"};
  closed.filters["closed"].export_v4 = {BgpFilterRule()};
  one.Send(closed);
  EXPECT_TRUE(Eventually([&] { return two.Peer().routes_in == 0U; }));
  BgpView more = one.View();
  more.own_blocks.push_back(*net::Cidr::Parse("10.65.3.0/26"));
  one.Send(more);
  EXPECT_TRUE(Eventually([&] { return two.Peer().routes_in == 2U; }));
  // The same by an agent that has just started.
  one.End();
  one.Begin();
  one.Send(closed);
  EXPECT_TRUE(Eventually([&] { return two.Peer().routes_in == 0U; }));
  const std::string log = ReadFile(one.options().log_path).value_or("");
  EXPECT_EQ(log.find("Peer Up"), log.rfind("Peer Up")) << log;
}

TEST(GobgpSpeaker, APasswordThatIsNotWantedAnyMoreIsForgottenByTheSideThatWaits) {
  Node one(1), two(2);
  BgpView with = one.View();
  with.peers[0].password = {{"mesh", "password"}};
  one.Send(with);
  ASSERT_TRUE(Eventually([&] { return !one.Peer().address.empty(); }));
  BgpView without = one.View();
  without.peers.clear();
  one.Send(without);
  one.Send(one.View());
  two.Send(two.View());
  EXPECT_TRUE(Eventually([&] { return two.Peer().routes_in == 1U; }));
}

}  // namespace
}  // namespace calico::bgp
