// SPDX-License-Identifier: Apache-2.0
#include "apps/node/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::node {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

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
    if (with_bird) sources.bird = [this] { return bird_; };
    return Health(std::move(sources));
  }
  // "200 ok\n"
  std::string Ask(const std::string& path, bool with_bird = true) {
    HttpRequest request;
    request.method = "GET";
    request.path = path;
    Health health = Make(with_bird);
    const HttpResponse response = health.Handle(request);
    return std::to_string(response.status) + " " + response.body;
  }

  LoopThread calc_{"calc"};
  EventLoop never_run_;
  std::map<std::string, EventLoop*> loops_{{"calc", &calc_.loop()}};
  bool in_sync_ = true;
  int asked_dataplane_ = 0;
  DataplaneThread::Snapshot snapshot_;
  bgp::Speaker::Health bird_;
};

TEST_F(HealthTest, AllIsWell) {
  for (const char* path :
       {"/liveness", "/readiness", "/felix-live", "/felix-ready", "/bird-live", "/bird-ready"})
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
