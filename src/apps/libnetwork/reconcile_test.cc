// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/reconcile.h"

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
  TimePoint Now() const override { return real_.Now(); }
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
  }
  void RunOnce() {
    const Status done = reconciler_.RunOnce();
    EXPECT_TRUE(done.has_value()) << done.error().message();
  }
  LateClock late_;
  Options node_ = [] {
    Options node;
    node.node_name = "calico-node1";
    return node;
  }();
  Reconciler reconciler_{store(), late_, node_};
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
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(2));
  RunOnce();
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
}

TEST_F(ReconcilerTest, KeepsAuxiliaryAddressesAndThoseOfOtherNodes) {
  Ipam("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":"10.65.0.9"})");
  ipam::Allocator other(store(), late_, "other");
  ASSERT_TRUE(
      other.AssignIp(net::Ip::Parse("10.65.0.10").value(), UnboundOwner("other", late_, false)).has_value());
  late_.Advance(std::chrono::minutes(10));
  RunOnce();
  RunOnce();
  EXPECT_THAT(ipam::testing::Allocated(store()), SizeIs(2));
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
