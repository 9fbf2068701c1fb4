// SPDX-License-Identifier: Apache-2.0
#include "apps/node/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using namespace std::chrono_literals;

class AdvancedClock final : public Clock {
 public:
  TimePoint Now() const override { return now_; }
  WallTime WallNow() const override { return {}; }
  void Advance(Duration by) { now_ += by; }

 private:
  TimePoint now_{};
};

// A healthy agent whose parts a test may spoil.
class HealthTest : public ::testing::Test {
 protected:
  HealthTest() {
    calc_.Start();
    snapshot_.ready = true;
    bird_.running = true;
  }
  Health Make(bool with_bird = true) {
    Health::Sources sources;
    sources.loops = loops_;
    sources.store_in_sync = [this] { return in_sync_; };
    sources.store_name = "etcd http://10.0.0.1:2379";
    sources.dataplane = [this] {
      ++asked_dataplane_;
      return snapshot_;
    };
    sources.clock = &clock_;
    sources.loop_limit = std::chrono::milliseconds(200);
    if (with_bird) {
      sources.bird = [this] { return bird_; };
      sources.daemon = [this] { return daemon_; };
      sources.peers = [this] { return peers_; };
    }
    return Health(std::move(sources));
  }
  // "200 ok\n"
  std::string Ask(const std::string& path, bool with_bird = true) {
    Health health = Make(with_bird);
    return Ask(health, path);
  }
  static std::string Ask(Health& health, const std::string& path) {
    HttpRequest request;
    request.method = "GET";
    request.path = path.substr(0, path.find('?'));
    request.query = request.path == path ? "" : path.substr(path.find('?') + 1);
    const HttpResponse response = health.Handle(request);
    return std::to_string(response.status) + " " + response.body;
  }

  LoopThread calc_{"calc"};
  EventLoop never_run_;
  std::map<std::string, EventLoop*> loops_{{"calc", &calc_.loop()}};
  bool in_sync_ = true;
  int asked_dataplane_ = 0;
  DataplaneThread::Snapshot snapshot_;
  // A session; the address says the family.
  void Peer(const std::string& address, const std::string& bgp_state, const std::string& type = "global") {
    bgp::PeerStatus peer;
    peer.address = address;
    peer.ipv6 = address.find(':') != std::string::npos;
    peer.bgp_state = bgp_state;
    peer.type = type;
    peers_->push_back(peer);
  }

  AdvancedClock clock_;
  bgp::Speaker::Health bird_;
  Result<bgp::DaemonStatus> daemon_ = bgp::DaemonStatus();
  Result<std::vector<bgp::PeerStatus>> peers_ = std::vector<bgp::PeerStatus>();
};

TEST_F(HealthTest, AllIsWell) {
  for (const char* path : {"/liveness", "/readiness", "/felix-live", "/felix-ready", "/bird-live",
                           "/bird-ready", "/bird6-live", "/bird6-ready"})
    EXPECT_EQ(Ask(path), "200 ok\n") << path;
  EXPECT_THAT(Make().NotReady(), IsEmpty());
}

TEST_F(HealthTest, UnknownPathsPointToTheKnownOnes) {
  EXPECT_EQ(Ask("/"), "404 see /liveness and /readiness\n");
  EXPECT_EQ(Ask("/readiness/"), "404 see /liveness and /readiness\n");
}

TEST_F(HealthTest, NotReadyGivesOneLinePerReason) {
  in_sync_ = false;
  snapshot_.ready = false;
  snapshot_.pending = {{"route 10.0.0.1/32 dev cali123", "Network is down", 12.4}};
  bird_.error = "configuration refused";
  const std::string felix =
      "not in sync with etcd http://10.0.0.1:2379\n"
      "the kernel has not been programmed yet\n"
      "route 10.0.0.1/32 dev cali123: Network is down (for 12 s)\n";
  EXPECT_EQ(Ask("/felix-ready"), "503 " + felix);
  EXPECT_EQ(Ask("/bird-ready"), "503 bird: configuration refused\n");
  EXPECT_EQ(Ask("/readiness"), "503 " + felix + "bird: configuration refused\n");
}

TEST_F(HealthTest, AnAgentThatIsNotReadyIsStillAlive) {
  in_sync_ = false;
  snapshot_.ready = false;
  bird_.running = false;
  EXPECT_EQ(Ask("/liveness"), "200 ok\n") << "or it would be restarted whenever the store is away";
  EXPECT_EQ(Ask("/felix-live"), "200 ok\n");
}

TEST_F(HealthTest, BirdNotRunningIsSaidAndFelixIsNotBlamed) {
  bird_.running = false;
  EXPECT_EQ(Ask("/bird-live"), "503 bird: not running\n");
  EXPECT_EQ(Ask("/readiness"), "503 bird: not running\n");
  EXPECT_EQ(Ask("/felix-ready"), "200 ok\n");
}

TEST_F(HealthTest, AtStartEverySessionMustBeUpAndLaterOneIsEnough) {
  Peer("10.0.0.1", "Established");
  Peer("10.0.0.2", "Active");
  Peer("10.0.0.3", "");
  Health health = Make();
  EXPECT_EQ(Ask(health, "/bird-ready"), "503 BGP not established with 10.0.0.2,10.0.0.3\n");
  EXPECT_EQ(Ask(health, "/readiness"), "503 BGP not established with 10.0.0.2,10.0.0.3\n");
  EXPECT_EQ(Ask(health, "/bird-live"), "200 ok\n");
  clock_.Advance(29s);
  EXPECT_EQ(Ask(health, "/bird-ready?threshold=20s"), "200 ok\n");
  EXPECT_EQ(Ask(health, "/bird-ready?threshold=29"), "200 ok\n");
  EXPECT_NE(Ask(health, "/bird-ready?threshold=nonsense"), "200 ok\n");
  clock_.Advance(1s);
  EXPECT_EQ(Ask(health, "/bird-ready"), "200 ok\n");
  EXPECT_EQ(Ask(health, "/readiness"), "200 ok\n");
  (*peers_)[0].bgp_state = "Idle";
  EXPECT_EQ(Ask(health, "/bird-ready"), "503 BGP not established with 10.0.0.1,10.0.0.2,10.0.0.3\n");
}

TEST_F(HealthTest, EachFamilyOfSessionsIsJudgedByItself) {
  Peer("10.0.0.1", "Established");
  Peer("fd00::1", "Connect");
  Peer("10.65.0.5", "Passive", "local workload");
  Health health = Make();
  EXPECT_EQ(Ask(health, "/bird-ready"), "200 ok\n");
  EXPECT_EQ(Ask(health, "/bird6-ready"), "503 BGP not established with fd00::1\n");
  clock_.Advance(1h);
  EXPECT_EQ(Ask(health, "/bird6-ready"), "503 BGP not established with fd00::1\n");
  EXPECT_EQ(Ask(health, "/readiness"), "503 BGP not established with fd00::1\n");
}

TEST_F(HealthTest, AGracefulRestartIsWaitedForAtStart) {
  daemon_->restarting = true;
  Health health = Make();
  EXPECT_EQ(Ask(health, "/bird-ready"), "503 graceful restart in progress\n");
  clock_.Advance(30s);
  EXPECT_EQ(Ask(health, "/bird-ready"), "200 ok\n");
}

TEST_F(HealthTest, ABirdThatHangsIsNotAlive) {
  daemon_ = Error(ErrorCode::kUnavailable, "BIRD runs and does not answer within 2000 ms");
  for (const char* path : {"/bird-live", "/bird6-live", "/bird-ready", "/readiness"})
    EXPECT_EQ(Ask(path), "503 bird: BIRD runs and does not answer within 2000 ms\n") << path;
  EXPECT_EQ(Ask("/liveness"), "200 ok\n") << "one busy moment";
  bird_.silence = 15s;
  EXPECT_EQ(Ask("/liveness"), "503 bird: has not answered for 15 s\n");
  EXPECT_EQ(Ask("/felix-live"), "200 ok\n");
}

TEST_F(HealthTest, ARefusedConfigurationIsNoReasonToStartBirdAnew) {
  bird_.error = "BIRD refuses the configuration";
  EXPECT_EQ(Ask("/bird-live"), "200 ok\n");
  EXPECT_EQ(Ask("/bird-ready"), "503 bird: BIRD refuses the configuration\n");
}

TEST_F(HealthTest, WithoutBirdItsStateDoesNotMatter) {
  bird_.running = false;
  EXPECT_EQ(Ask("/readiness", false), "200 ok\n");
  EXPECT_EQ(Ask("/bird-ready", false), "200 ok\n");
}

TEST_F(HealthTest, AHungLoopIsNeitherAliveNorReadyAndItsDataAreNotAskedFor) {
  loops_["dataplane"] = &never_run_;
  EXPECT_EQ(Ask("/liveness"), "503 the dataplane thread does not answer\n");
  EXPECT_THAT(Make().NotReady(), ElementsAre("the dataplane thread does not answer"));
  EXPECT_EQ(asked_dataplane_, 0) << "asking would wait for the thread that hangs";
}

}  // namespace
}  // namespace calico::node
