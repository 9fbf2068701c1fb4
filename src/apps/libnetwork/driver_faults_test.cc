// SPDX-License-Identifier: Apache-2.0
// A store that fails or hangs during a call: the caller gets an answer in time and nothing half-made is left.
#include <chrono>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/libnetwork/driver.h"
#include "apps/libnetwork/testing/driver_fixture.h"
#include "ipam/testing/invariants.h"

namespace calico::libnetwork {
namespace {

using ipam::testing::Fault;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kEndpoint;
using testing::kNetwork;
using ::testing::SizeIs;

constexpr int kMoreThanAnyCallWrites = 30;

class DriverFaults : public testing::DriverFixture, public ::testing::WithParamInterface<Fault> {
 protected:
  void SetUp() override {
    DriverFixture::SetUp();
    AddPool("pool", "10.65.0.0/26");
    NameNetwork(kNetwork, "net1");
  }
  std::string ReleaseBody(const std::string& ip) {
    return R"({"PoolID":"CalicoPoolIPv4","Address":")" + ip + R"("})";
  }
  void ReleaseEverything() {
    faulty().FailNothing();
    Network("Leave", IdsBody());
    Network("DeleteEndpoint", IdsBody());
    for (const auto& [ip, handle] : ipam::testing::Allocated(store()))
      Ipam("ReleaseAddress", ReleaseBody(ip.ToString()));
    EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
  }
};

// dockerd releases no address that RequestAddress failed to give: the handle must lead the repair to it.
TEST_P(DriverFaults, RequestAddress) {
  for (int index = 0; index < kMoreThanAnyCallWrites; ++index) {
    SCOPED_TRACE("failing write " + std::to_string(index));
    faulty().FailWrite(index, GetParam());
    const HttpResponse response =
        Call("IpamDriver.RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":"","Options":null})");
    const bool reached = faulty().failed();
    if (response.status != 200) {
      EXPECT_THAT(response.body, HasSubstr(store().name()));
    }
    ReleaseEverything();
    if (!reached) return;
    faulty().Rearm();
  }
  FAIL() << "never came through";
}

TEST_P(DriverFaults, CreateEndpoint) {
  for (int index = 0; index < kMoreThanAnyCallWrites; ++index) {
    SCOPED_TRACE("failing write " + std::to_string(index));
    const std::string ip = TakeAddress();
    const std::string unbound = HandleOf(ip);
    faulty().FailWrite(index, GetParam());
    const HttpResponse response = Call("NetworkDriver.CreateEndpoint", EndpointBody(ip));
    const bool reached = faulty().failed();
    const bool store_stays_away = GetParam() == Fault::kDownFromHere;
    faulty().FailNothing();
    if (response.status == 200) {
      EXPECT_THAT(Endpoints(), SizeIs(1));
      EXPECT_EQ(HandleOf(ip), "libnetwork." + kEndpoint);
    } else {
      EXPECT_EQ(response.status, 500);
      // A lost race is told by the object's name, a store that fails by its own.
      const bool lost = GetParam() == Fault::kConflict;
      EXPECT_THAT(response.body, HasSubstr(lost ? "WorkloadEndpoint(default/" : store().name()));
      if (!store_stays_away) {
        EXPECT_THAT(Endpoints(), IsEmpty());
        EXPECT_EQ(HandleOf(ip), unbound);
      }
      // dockerd goes on like this after an error.
      EXPECT_EQ(Network("CreateEndpoint", EndpointBody(ip)),
                R"({"Interface":{"MacAddress":"EE:EE:EE:EE:EE:EE"}})");
    }
    ReleaseEverything();
    EXPECT_THAT(Endpoints(), IsEmpty());
    if (!reached) return;
    faulty().Rearm();
  }
  FAIL() << "never came through";
}

TEST_P(DriverFaults, Join) {
  for (int index = 0; index < kMoreThanAnyCallWrites; ++index) {
    SCOPED_TRACE("failing write " + std::to_string(index));
    Network("CreateEndpoint", EndpointBody(TakeAddress()));
    faulty().FailWrite(index, GetParam());
    const HttpResponse response = Call("NetworkDriver.Join", JoinBody());
    const bool reached = faulty().failed();
    faulty().FailNothing();
    EXPECT_EQ(HasInterface("cali369515cb37e"), response.status == 200);
    if (response.status != 200) Network("Join", JoinBody());
    ReleaseEverything();
    EXPECT_FALSE(HasInterface("cali369515cb37e"));
    if (!reached) return;
    faulty().Rearm();
  }
  FAIL() << "never came through";
}

INSTANTIATE_TEST_SUITE_P(EveryFault, DriverFaults,
                         ::testing::Values(Fault::kConflict, Fault::kRefused, Fault::kReplyLost,
                                           Fault::kDownFromHere),
                         [](const auto& param) {
                           switch (param.param) {
                             case Fault::kConflict:
                               return "Conflict";
                             case Fault::kRefused:
                               return "Refused";
                             case Fault::kReplyLost:
                               return "ReplyLost";
                             default:
                               return "DownFromHere";
                           }
                         });

class HangingStore : public testing::DriverFixture {};

TEST_F(HangingStore, GetsAnErrorThatNamesItWithinTheDeadline) {
  EXPECT_LT(options.call_deadline, std::chrono::seconds(3)) << "dockerd's callers wait no longer";
  options.call_deadline = std::chrono::milliseconds(300);
  driver = std::make_unique<Driver>(faulty(), clock(), options, nullptr);
  AddPool("pool", "10.65.0.0/26");
  const std::string ip = TakeAddress();
  Network("CreateEndpoint", EndpointBody(ip));
  Network("Join", JoinBody());
  faulty().Hang();
  const std::vector<std::pair<std::string, std::string>> calls = {
      {"IpamDriver.RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":""})"},
      {"NetworkDriver.CreateEndpoint", EndpointBody(ip, testing::kSecondEndpoint)},
      {"NetworkDriver.Join", JoinBody()},
      {"NetworkDriver.DeleteEndpoint", IdsBody()},
      {"IpamDriver.ReleaseAddress", R"({"Address":")" + ip + R"("})"},
  };
  for (const auto& [method, body] : calls) {
    SCOPED_TRACE(method);
    const auto start = std::chrono::steady_clock::now();
    const HttpResponse response = Call(method, body);
    EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(1));
    EXPECT_EQ(response.status, 500);
    EXPECT_THAT(response.body, HasSubstr(R"({"Err":")"));
    EXPECT_THAT(response.body, HasSubstr(store().name()));
  }
  EXPECT_EQ(Network("Leave", IdsBody()), "{}") << "needs no store";
}

}  // namespace
}  // namespace calico::libnetwork
