// SPDX-License-Identifier: Apache-2.0
// The speaker and the control socket with a real BIRD, in a network namespace of this program's own.
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <functional>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/file.h"
#include "base/subprocess.h"
#include "base/text.h"
#include "bgp/bird/control.h"
#include "bgp/bird/speaker.h"

namespace calico::bgp {
namespace {

using namespace std::chrono_literals;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using ::testing::HasSubstr;

class PrivateNetwork : public ::testing::Environment {
 public:
  PrivateNetwork() {
    if (::unshare(CLONE_NEWNET) != 0) std::abort();
  }
};
const auto* const kNetwork = ::testing::AddGlobalTestEnvironment(new PrivateNetwork);

class SpeakerTest : public ::testing::Test {
 protected:
  void SetUp() override {
    char pattern[] = "/tmp/calico-speaker-XXXXXX";
    directory_ = mkdtemp(pattern);
    options_.config_path = directory_ + "/etc/bird.cfg";
    options_.socket_path = directory_ + "/run/bird.ctl";
    options_.pid_path = directory_ + "/run/bird.pid";
    options_.log_path = directory_ + "/log/bird.log";
    options_.kernel_has_bird_routes = [this] { return bird_routes_; };
    options_.route_hold.hold = [this](const auto&) {
      holds_ += "held ";
      return Ok();
    };
    options_.route_hold.release = [this]() -> Result<std::size_t> {
      if (holds_.ends_with("held ")) holds_ += "released ";
      return 1;
    };
    options_.password_of = [this](const dataplane_api::BgpSecret&) { return password_; };
    Begin();
  }
  void TearDown() override {
    End();
    EXPECT_TRUE(BirdSpeaker::StopBird(options_).has_value());
    std::filesystem::remove_all(directory_);
  }
  void Begin() {
    thread_ = std::make_unique<LoopThread>("bgp");
    speaker_ = std::make_unique<BirdSpeaker>(thread_->loop(), clock_, options_);
    thread_->Start();
  }
  void End() {
    if (thread_ == nullptr) return;
    thread_->RunSync([this] { speaker_.reset(); });
    thread_->StopAndJoin();
    thread_.reset();
  }
  static BgpView View() {
    BgpView view;
    view.node_exists = true;
    view.ipv4 = net::Cidr::Parse("127.0.0.1/8");
    view.peers = {{BgpPeerView::Type::kMesh, *net::Ip::Parse("127.0.0.2"), 179, 64512, "node2"}};
    return view;
  }
  void Send(const BgpView& view) {
    thread_->RunSync([&] { speaker_->OnView(view); });
  }
  BirdSpeaker::Health Health() {
    BirdSpeaker::Health health;
    thread_->RunSync([&] { health = speaker_->health(); });
    return health;
  }
  pid_t Pid() const {
    return static_cast<pid_t>(std::atol(ReadFile(options_.pid_path).value_or("0").c_str()));
  }
  bool Answers() const { return BirdControl::Connect(options_.socket_path, 1s).has_value(); }
  static bool Eventually(const std::function<bool()>& condition) {
    for (int i = 0; i < 500; ++i) {
      if (condition()) return true;
      SleepFor(10ms);
    }
    return false;
  }
  Result<std::vector<PeerStatus>> Peers() const {
    ASSIGN_OR_RETURN(BirdControl control, BirdControl::Connect(options_.socket_path, 1s));
    return control.Peers();
  }

  std::string directory_;
  BirdSpeaker::Options options_;
  bool bird_routes_ = false;
  std::string holds_;  // on the loop
  std::optional<std::string> password_;
  const SystemClock clock_;
  std::unique_ptr<LoopThread> thread_;
  std::unique_ptr<BirdSpeaker> speaker_;
};

TEST_F(SpeakerTest, StartsBirdWithTheConfiguredPeers) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  EXPECT_TRUE(Health().running);
  EXPECT_EQ(Health().error, "");
  const auto peers = Peers();
  ASSERT_TRUE(peers.has_value()) << peers.error().message();
  ASSERT_EQ(peers->size(), 1U);
  EXPECT_EQ(peers->at(0).address, "127.0.0.2");
  EXPECT_EQ(peers->at(0).type, "node-to-node mesh");
  EXPECT_FALSE(peers->at(0).state.empty());
}

TEST_F(SpeakerTest, WhatBirdRefusesNeverReplacesWhatItRunsWith) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  const std::string good = ReadFile(options_.config_path).value();
  BgpView bad = View();
  bad.cluster_id = "no cluster id";
  bad.peers[0].reflect = true;
  Send(bad);
  EXPECT_TRUE(Eventually([this] { return !Health().error.empty(); }));
  EXPECT_THAT(Health().error, HasSubstr("BIRD refuses the configuration and keeps its former one: bird: "));
  EXPECT_EQ(ReadFile(options_.config_path).value(), good);
  EXPECT_EQ(Pid(), pid);
  // Nor when the agent starts anew beside a BIRD that has ended.
  End();
  ASSERT_TRUE(BirdSpeaker::StopBird(options_).has_value());
  Begin();
  Send(bad);
  EXPECT_TRUE(Eventually([this] { return Answers(); })) << "with the former one";
  EXPECT_THAT(Health().error, HasSubstr("refuses"));
  Send(View());
  EXPECT_TRUE(Eventually([this] { return Health().error.empty(); }));
}

TEST_F(SpeakerTest, ASessionWaitsForItsPassword) {
  BgpView view = View();
  view.peers[0].password = dataplane_api::BgpSecret{"mesh", "password"};
  Send(view);
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  EXPECT_TRUE(Peers()->empty());
  EXPECT_THAT(Health().without_password, ::testing::ElementsAre("127.0.0.2: secret mesh, key password"));
  password_ = "s3cret";
  Send(view);
  EXPECT_TRUE(Eventually([this] { return Peers().value().size() == 1; }));
  EXPECT_TRUE(Health().without_password.empty());
}

TEST_F(SpeakerTest, ANewSpeakerTakesOverTheRunningBirdAndTouchesNothing) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  struct stat before {
  }, after{};
  ASSERT_EQ(::stat(options_.config_path.c_str(), &before), 0);
  End();
  EXPECT_TRUE(Answers()) << "BIRD outlives the speaker";
  Begin();
  Send(View());
  EXPECT_TRUE(Health().running);
  EXPECT_EQ(Pid(), pid);
  ASSERT_EQ(::stat(options_.config_path.c_str(), &after), 0);
  EXPECT_EQ(before.st_ino, after.st_ino);
}

TEST_F(SpeakerTest, ABirdThatItCannotSeeIsReplacedByAGracefulRestart) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t before = Pid();
  auto process = AdoptProcess(before);
  ASSERT_TRUE(process.has_value());
  End();
  // As in a container: the file has a pid of another process namespace.
  ASSERT_TRUE(WriteFileAtomically(options_.pid_path, "999999\n").has_value());
  Begin();
  Send(View());
  ASSERT_TRUE(
      Eventually([&] { return Pid() != 999999 && Pid() != before && Health().running && Answers(); }));
  ::waitpid(before, nullptr, 0);  // a child of this program
  const std::string command = ReadFile("/proc/" + std::to_string(Pid()) + "/cmdline").value();
  EXPECT_TRUE(command.ends_with(std::string("\0-R\0", 4))) << "started so that its peers keep the routes";
}

TEST_F(SpeakerTest, AChangedViewReconfiguresTheSameBird) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  BgpView view = View();
  view.peers.push_back({BgpPeerView::Type::kGlobal, *net::Ip::Parse("127.0.0.3"), 179, 65001, ""});
  Send(view);
  EXPECT_TRUE(Eventually([this] { return Peers().has_value() && Peers()->size() == 2; }));
  EXPECT_EQ(Pid(), pid);
}

TEST_F(SpeakerTest, RoutesAreHeldBeforeASessionOfTheClusterIsSetUpAnew) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const std::string before = ReadFile(options_.config_path).value();
  BgpView view = View();
  view.peers.push_back({BgpPeerView::Type::kGlobal, *net::Ip::Parse("127.0.0.3"), 179, 65001, ""});
  Send(view);
  EXPECT_EQ(holds_, "") << "a further session changes none that is there";
  // The mesh's session becomes another one.
  view.peers[0].type = BgpPeerView::Type::kNode;
  Send(view);
  EXPECT_EQ(holds_, "held ");
  EXPECT_THAT(ReadFile(options_.config_path).value(), HasSubstr("Mesh_127_0_0_2"))
      << "not before others hold theirs";
  EXPECT_TRUE(Eventually([this] { return Peers()->at(0).session == "Node_127_0_0_2"; }));
  SleepFor(1s);
  thread_->RunSync([this] { EXPECT_EQ(holds_, "held ") << "the session is not up"; });
  view.peers.clear();  // nothing is waited for
  Send(view);
  EXPECT_TRUE(Eventually([this] {
    bool released = false;
    thread_->RunSync([&] { released = holds_.ends_with("released "); });
    return released;
  }));
}

TEST_F(SpeakerTest, AKilledBirdIsStartedAgain) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(Eventually([&] { return Pid() != pid && Answers(); }));
  EXPECT_TRUE(Eventually([this] { return Health().running && Health().error.empty(); }));
}

TEST_F(SpeakerTest, StartsGracefullyOnlyWhileTheKernelHasItsRoutes) {
  bird_routes_ = true;
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  auto control = BirdControl::Connect(options_.socket_path, 1s);
  ASSERT_TRUE(control.has_value());
  const auto reply = control->Command("show status");
  ASSERT_TRUE(reply.has_value());
  std::string status;
  for (const BirdReplyLine& line : *reply) status += line.text + "\n";
  EXPECT_THAT(status, HasSubstr("Graceful restart recovery in progress"));
}

TEST_F(SpeakerTest, ABirdThatHangsIsNoticedAndWhenItGoesOnAllIsWell) {
  End();
  options_.watch_period = 100ms;
  Begin();
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(Eventually([this] { return Health().silence >= 300ms; }));
  // More than its socket's queue takes: nobody waits without end.
  for (int i = 0; i < 30; ++i) {
    const auto began = std::chrono::steady_clock::now();
    EXPECT_FALSE(BirdControl::Connect(options_.socket_path, 20ms).has_value());
    EXPECT_LT(std::chrono::steady_clock::now() - began, 1s);
  }
  const auto peers = speaker_->Peers();
  ASSERT_FALSE(peers.has_value());
  EXPECT_THAT(peers.error().message(), HasSubstr("BIRD runs and does not answer within 2000 ms"));
  ASSERT_EQ(::kill(pid, SIGCONT), 0);
  EXPECT_TRUE(Eventually([this] { return Health().silence == 0ms && Answers(); }));
  EXPECT_EQ(Pid(), pid);
}

TEST_F(SpeakerTest, ABirdThatHangsForLongIsStartedAnewAlsoByALaterAgent) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  End();
  options_.watch_period = 50ms;
  options_.hung_after = 500ms;
  bird_routes_ = true;
  Begin();
  Send(View());
  EXPECT_TRUE(Health().running) << "it is not given a second one beside it";
  EXPECT_TRUE(Eventually([&] { return Pid() != pid && Answers(); }));
  const auto daemon = speaker_->Daemon();
  ASSERT_TRUE(daemon.has_value());
  EXPECT_TRUE(daemon->restarting) << "gracefully";
  EXPECT_TRUE(Eventually([this] { return Health().silence == 0ms && Health().error.empty(); }));
}

TEST_F(SpeakerTest, SaysWhatBirdSaysOfItselfAndItsRoutes) {
  BgpView view = View();
  view.own_blocks = {*net::Cidr::Parse("10.65.1.0/26")};
  Send(view);
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const auto daemon = speaker_->Daemon();
  ASSERT_TRUE(daemon.has_value()) << daemon.error().message();
  EXPECT_THAT(daemon->version, HasSubstr("BIRD 2."));
  EXPECT_EQ(daemon->router_id, "127.0.0.1");
  EXPECT_FALSE(daemon->started.empty() || daemon->reconfigured.empty() || daemon->restarting);
  const auto peers = speaker_->Peers();
  ASSERT_TRUE(peers.has_value());
  ASSERT_EQ(peers->size(), 1U);
  EXPECT_EQ(peers->at(0).node, "node2");
  EXPECT_EQ(peers->at(0).as_number, 64512U);
  ASSERT_TRUE(peers->at(0).since_time.has_value());
  EXPECT_LT(clock_.WallNow() - *peers->at(0).since_time, 60s);
  const auto routes = speaker_->Routes();
  ASSERT_TRUE(routes.has_value());
  ASSERT_EQ(routes->size(), 1U);
  EXPECT_EQ(routes->at(0).destination, "10.65.1.0/26");
  EXPECT_TRUE(routes->at(0).best);
}

// Stock BIRD feeds a session in the background, and sends what it has fed when something happens on its
// sockets, after 3 s at the latest.
TEST_F(SpeakerTest, BirdDoesNotSleepOverWorkThatIsLeft) {
  constexpr int kTimes = 5;
  for (const char* address : {"10.0.0.1/24", "10.0.0.2/24"})
    ASSERT_TRUE(RunProcess({"ip", "address", "add", address, "dev", "lo"}, 5s).has_value());
  ASSERT_TRUE(RunProcess({"ip", "link", "set", "lo", "up"}, 5s).has_value());
  const std::string receiver = directory_ + "/receiver";
  ASSERT_TRUE(WriteFileAtomically(receiver + ".cfg",
                                  "router id 10.0.0.2;\nprotocol device {}\nprotocol bgp {\n"
                                  "  local 10.0.0.2 as 64512; neighbor 10.0.0.1 as 64512; strict bind;\n"
                                  "  multihop; passive; ipv4 { import all; };\n}\n")
                  .has_value());
  auto started =
      StartDetached({"bird", "-f", "-c", receiver + ".cfg", "-s", receiver + ".ctl"}, receiver + ".log");
  ASSERT_TRUE(started.has_value());
  const std::shared_ptr<void> end(nullptr, [&](void*) { ::kill(started->pid, SIGKILL); });
  const auto told = [&] {
    auto control = BirdControl::Connect(receiver + ".ctl", 1s);
    const auto reply = control.has_value() ? control->Command("show route 10.65.1.0/26") : control.error();
    return reply.has_value() && reply->back().code < 8000;
  };
  BgpView view = View();
  view.ipv4 = net::Cidr::Parse("10.0.0.1/24");
  view.peers[0].ip = *net::Ip::Parse("10.0.0.2");
  view.bind_to_node_ip = true;
  view.pools = {{*net::Cidr::Parse("10.65.0.0/16"), "pool"}};
  view.own_blocks = {*net::Cidr::Parse("10.65.1.0/26")};
  Send(view);
  ASSERT_TRUE(Eventually(told));
  // Another export filter, by a signal: the control socket, which wakes BIRD, is left alone.
  const std::string config = ReadFile(options_.config_path).value();
  for (int i = 0; i < kTimes; ++i) {
    const bool hidden = i % 2 == 0;
    ASSERT_TRUE(WriteFileAtomically(options_.config_path,
                                    hidden ? ReplaceAll(config, "if net = 10.65.1.0/26 then accept",
                                                        "if net = 10.65.1.0/26 then reject")
                                           : config)
                    .has_value());
    ASSERT_EQ(::kill(Pid(), SIGHUP), 0);
    const TimePoint begin = clock_.Now();
    EXPECT_TRUE(Eventually([&] { return told() != hidden; }));
    EXPECT_LT(clock_.Now() - begin, 1s) << i;
  }
}

TEST_F(SpeakerTest, ABirdThatHasSeenTooManyInterfacesIsRestartedGracefully) {
  End();
  options_.most_interfaces = 150;
  options_.shortest_life = 0s;
  Begin();
  BgpView view = View();
  view.peers.clear();
  Send(view);
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  const pid_t pid = Pid();
  const auto churn = [](int from, int to) {
    std::string batch;
    for (int i = from; i < to; ++i)
      batch += "link add churn" + std::to_string(i) + " type veth peer name peer" + std::to_string(i) +
               "\nlink delete churn" + std::to_string(i) + "\n";
    ASSERT_TRUE(RunProcess({"ip", "-batch", "-"}, 20s, batch).has_value());
  };
  churn(0, 52);
  // The next agent knows what BIRD has seen before.
  EXPECT_TRUE(Eventually([this] { return PathExists(directory_ + "/run/bird.interfaces"); }));
  End();
  Begin();
  Send(view);
  EXPECT_EQ(Pid(), pid);
  churn(52, 78);
  EXPECT_TRUE(Eventually([&] { return Pid() != pid && Answers(); }));
  EXPECT_THAT(ReadFile("/proc/" + std::to_string(Pid()) + "/cmdline").value(), HasSubstr("-R"));
  EXPECT_EQ(Health().error, "");
}

TEST_F(SpeakerTest, AProgramThatDoesNotExistIsReported) {
  End();
  options_.binary = "no-such-bird";
  Begin();
  Send(View());
  EXPECT_FALSE(Health().running);
  EXPECT_THAT(Health().error, HasSubstr("no-such-bird"));
}

TEST_F(SpeakerTest, ABirdThatEndsAgainAndAgainIsToldOfUntilItRunsStably) {
  End();
  const std::string broken = directory_ + "/broken";
  options_.binary = directory_ + "/bird";
  ASSERT_TRUE(WriteFileAtomically(broken, "").has_value());
  ASSERT_TRUE(WriteFileAtomically(options_.binary,
                                  "#!/bin/sh\ncase \" $* \" in *\" -p \"*) ;; *) [ ! -e " + broken +
                                      " ] || { echo broken >&2; exit 1; } ;; esac\nexec bird \"$@\"\n",
                                  0755)
                  .has_value());
  Begin();
  Send(View());
  ASSERT_TRUE(
      Eventually([this] { return Health().error.starts_with("BIRD ended 4 times in a row: broken"); }));
  ASSERT_EQ(::unlink(broken.c_str()), 0);
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  EXPECT_TRUE(Health().running);
  EXPECT_THAT(Health().error, HasSubstr("times in a row")) << "it may end again";
}

TEST_F(SpeakerTest, WhatAPeerHasToldIsAskedForAgain) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  auto control = BirdControl::Connect(options_.socket_path, 1s);
  ASSERT_TRUE(control.has_value());
  // Without a session there is nobody who could be asked: it is restarted.
  const Status refreshed = control->Refresh("Mesh_127_0_0_2");
  EXPECT_TRUE(refreshed.has_value()) << refreshed.error().message();
  const Status unknown = control->Refresh("Mesh_127_0_0_9");
  ASSERT_FALSE(unknown.has_value());
  EXPECT_THAT(unknown.error().message(), HasSubstr("restart Mesh_127_0_0_9"));
}

TEST_F(SpeakerTest, ABrokenConfigurationLeavesTheOldOneInForce) {
  Send(View());
  ASSERT_TRUE(Eventually([this] { return Answers(); }));
  ASSERT_TRUE(WriteFileAtomically(options_.config_path, "nonsense;\n").has_value());
  auto control = BirdControl::Connect(options_.socket_path, 1s);
  const Status status = control->Configure();
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message(), HasSubstr("BIRD refuses its configuration"));
  EXPECT_EQ(Peers()->size(), 1U);
}

TEST_F(SpeakerTest, WithoutASocketTheErrorNamesIt) {
  const auto control = BirdControl::Connect(directory_ + "/none.ctl", 1s);
  ASSERT_FALSE(control.has_value());
  EXPECT_THAT(control.error().message(), HasSubstr("none.ctl"));
}

}  // namespace
}  // namespace calico::bgp
