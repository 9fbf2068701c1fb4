// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/reconcile.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/libnetwork/endpoints.h"
#include "apps/libnetwork/testing/driver_fixture.h"
#include "ipam/testing/invariants.h"
#include "workload/veth.h"

namespace calico::libnetwork {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using testing::kEndpoint;
using testing::kNetwork;
using testing::kSecondEndpoint;
using ::testing::SizeIs;

// The present plus what the test adds to it.
class LateClock final : public Clock {
 public:
  TimePoint Now() const override { return real_.Now() + late_; }
  WallTime WallNow() const override { return real_.WallNow() + late_; }
  void Advance(std::chrono::seconds by) { late_ += by; }

 private:
  SystemClock real_;
  std::chrono::seconds late_{0};
};

class ReconcilerTest : public testing::DriverFixture {
 protected:
  void SetUp() override {
    DriverFixture::SetUp();
    AddPool("pool", "10.65.0.0/26");
    NameNetwork(kNetwork, "net1");
    reconciler_ = std::make_unique<Reconciler>(store(), late_, options);
  }
  void RunOnce() {
    const Status done = reconciler_->RunOnce();
    EXPECT_TRUE(done.has_value()) << done.error().message();
  }
  // A second look after the time that suspicion takes.
  void RunTwice() {
    RunOnce();
    late_.Advance(std::chrono::seconds(21));
    RunOnce();
  }
  // A dockerd with one network and, running, one container for each of the endpoints. `starting` is not in
  // the list of containers yet, but in its network.
  void StartDocker(const std::vector<std::string>& endpoints, const std::string& starting = {}) {
    std::string containers, attached;
    for (const std::string& id : endpoints)
      containers += fmt::format(
          R"({}{{"Id":"c{}","Names":["/n"],"State":"running","NetworkSettings":{{"Networks":{{"net1":{{"NetworkID":"{}","EndpointID":"{}"}}}}}}}})",
          containers.empty() ? "" : ",", id.substr(0, 8), kNetwork, id);
    const std::string network = fmt::format(
        R"({{"Id":"{}","Name":"net1","Driver":"calico","Containers":{{"{}":{{"EndpointID":"{}"}},"ep-7":{{"EndpointID":"e7"}}}}}})",
        kNetwork, starting.empty() ? "ep-8" : "c8", starting);
    HttpListen listen;
    listen.unix_path = directory() + "/docker.sock";
    auto server = StartHttpServer(listen, [=](const HttpRequest& request) -> HttpResponse {
      if (request.path.starts_with("/containers/json"))
        return {200, "application/json", "[" + containers + "]"};
      if (request.path == "/networks") return {200, "application/json", "[" + network + "]"};
      return {200, "application/json", network};
    });
    ASSERT_TRUE(server.has_value()) << server.error().message();
    docker_ = std::move(*server);
  }
  void Attach(const std::string& endpoint) {
    Network("CreateEndpoint", EndpointBody(TakeAddress(), endpoint));
    Network("Join", JoinBody(endpoint, "/var/run/docker/netns/" + endpoint.substr(0, 12)));
  }
  LateClock late_;
  std::unique_ptr<Reconciler> reconciler_;
  std::unique_ptr<HttpServer> docker_;
};

TEST_F(ReconcilerTest, LeavesWhatIsYoungOrAlive) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("Join", JoinBody());
  const std::string young = TakeAddress();
  Network("CreateEndpoint", EndpointBody(young, kSecondEndpoint));  // not joined yet
  RunOnce();
  RunOnce();
  EXPECT_THAT(Endpoints(), SizeIs(2));
  late_.Advance(std::chrono::minutes(10));
  RunOnce();
  RunOnce();
  ASSERT_THAT(Endpoints(), SizeIs(1));
  EXPECT_EQ(Endpoints()[0].endpoint, kEndpoint);
  EXPECT_EQ(HandleOf(young), "");
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(1));
}

TEST_F(ReconcilerTest, RemovesAnEndpointWhoseInterfaceIsGone) {
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("Join", JoinBody());
  const auto rtnetlink = kernel::OpenRtnetlink();
  ASSERT_TRUE(workload::RemoveHostVeth(**rtnetlink, HostInterface(kEndpoint)).has_value());
  late_.Advance(std::chrono::seconds(61));
  RunOnce();
  EXPECT_THAT(Endpoints(), IsEmpty());
  EXPECT_THAT(ipam::testing::CheckQuiescent(store(), {}), IsEmpty());
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
}

TEST_F(ReconcilerTest, ReleasesAddressesWithoutEndpointInTheSecondRound) {
  TakeAddress();  // CreateEndpoint never came
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("DeleteEndpoint", IdsBody());  // ReleaseAddress never came
  late_.Advance(std::chrono::seconds(61));
  RunOnce();
  RunOnce();
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(2)) << "too soon after the first look";
  late_.Advance(std::chrono::seconds(21));
  RunOnce();
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
}

TEST_F(ReconcilerTest, KeepsAuxiliaryAddressesAndThoseOfOtherNodes) {
  Ipam("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":"10.65.0.9"})");
  Network("CreateNetwork",
          fmt::format(R"({{"NetworkID":"{}","Options":{{}},"IPv4Data":[{{"Gateway":"0.0.0.0/0",)"
                      R"("Pool":"10.65.0.0/26","AuxAddresses":{{"a":"10.65.0.9/32"}}}}]}})",
                      kNetwork));
  ipam::Allocator other(store(), late_, "other");
  ASSERT_TRUE(
      other.AssignIp(net::Ip::Parse("10.65.0.10").value(), UnboundOwner("other", late_, false)).has_value());
  late_.Advance(std::chrono::minutes(10));
  RunTwice();
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(2));
}

TEST_F(ReconcilerTest, RemovesWhatNoContainerHasAlthoughItsInterfaceIsThere) {
  Attach(kEndpoint);
  Attach(kSecondEndpoint);
  StartDocker({kSecondEndpoint});
  RunTwice();
  EXPECT_THAT(Endpoints(), SizeIs(2)) << "young";
  late_.Advance(std::chrono::seconds(61));
  RunTwice();
  ASSERT_THAT(Endpoints(), SizeIs(1));
  EXPECT_EQ(Endpoints()[0].endpoint, kSecondEndpoint);
  EXPECT_FALSE(HasInterface(HostInterface(kEndpoint)));
  EXPECT_TRUE(HasInterface(HostInterface(kSecondEndpoint)));
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(1));
  EXPECT_THAT(ipam::testing::CheckQuiescent(store(), {}), IsEmpty());
}

TEST_F(ReconcilerTest, KeepsWhatAContainerHasAlthoughItsInterfaceIsGone) {
  Attach(kEndpoint);
  Attach(kSecondEndpoint);
  StartDocker({kEndpoint}, kSecondEndpoint);
  const auto rtnetlink = kernel::OpenRtnetlink();
  ASSERT_TRUE(workload::RemoveHostVeth(**rtnetlink, HostInterface(kEndpoint)).has_value());
  late_.Advance(std::chrono::minutes(10));
  RunTwice();
  EXPECT_THAT(Endpoints(), SizeIs(2)) << "one runs, one is being started";
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(2));
}

TEST_F(ReconcilerTest, RemovesOurInterfacesWithoutEndpointAndNoOthers) {
  Attach(kEndpoint);
  ASSERT_TRUE(store().Delete(model::ToPath(*EndpointKey(options.node_name, kEndpoint)), 0).has_value());
  const auto rtnetlink = kernel::OpenRtnetlink();
  kernel::VethPair of_cni;
  of_cni.host_name = "cali4f0c11aa22b";
  of_cni.peer_name = "eth7";
  ASSERT_TRUE((*rtnetlink)->CreateVeth(of_cni).has_value());
  late_.Advance(std::chrono::minutes(10));
  RunTwice();
  EXPECT_TRUE(HasInterface(HostInterface(kEndpoint))) << "Docker has not said that it does not run";
  StartDocker({});
  RunTwice();
  EXPECT_FALSE(HasInterface(HostInterface(kEndpoint)));
  EXPECT_TRUE(HasInterface("cali4f0c11aa22b"));
}

TEST_F(ReconcilerTest, CleansUpAFormerBootAtOnce) {
  options.boot_id = "before";
  driver = std::make_unique<Driver>(faulty(), clock(), options, nullptr);
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  options.boot_id = "now";
  reconciler_ = std::make_unique<Reconciler>(store(), late_, options);
  RunOnce();
  EXPECT_THAT(Endpoints(), IsEmpty());
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
}

TEST_F(ReconcilerTest, GivesEndpointsTheNameThatWasLearnedLater) {
  const std::string id(64, 'c');
  std::string body = EndpointBody(TakeAddress());
  body.replace(body.find(kNetwork), kNetwork.size(), id);
  Network("CreateEndpoint", body);  // Docker is not there to ask
  EXPECT_THAT(Endpoints()[0].profiles, ElementsAre(id));
  NameNetwork(id, "late");
  RunOnce();
  EXPECT_THAT(Endpoints()[0].profiles, ElementsAre("late"));
}

TEST_F(ReconcilerTest, RemovesHandlesThatACrashLeft) {
  ASSERT_TRUE(
      store()
          .Put("/calico/ipam/v2/handle/libnetwork-1", R"({"block":{"10.65.0.0/26":1},"deleted":false})")
          .has_value());
  RunOnce();
  RunOnce();
  EXPECT_FALSE(store().Get("/calico/ipam/v2/handle/libnetwork-1").has_value());
}

}  // namespace
}  // namespace calico::libnetwork
