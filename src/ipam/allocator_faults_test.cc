// SPDX-License-Identifier: Apache-2.0
// Every write of every call fails once, in every way a store can fail. Afterwards a repeat, a release by
// handle or RepairAffinities must bring the store back in order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ipam/testing/allocator_fixture.h"
#include "ipam/testing/faulty_client.h"

namespace calico::ipam {
namespace {

using testing::AllocatorFixture;
using testing::Fault;
using testing::FaultyClient;
using testing::Ip;
using ::testing::IsEmpty;

constexpr int kMoreThanAnyCallWrites = 60;

class AllocatorFaults : public AllocatorFixture, public ::testing::WithParamInterface<Fault> {
 protected:
  // Runs `call` with its write number 0, 1, 2 … failing, each time on what `prepare` makes of an empty store,
  // until a run comes through without reaching the failure. `check` sees whether the call succeeded.
  void ForEveryWrite(const std::function<void()>& prepare, const std::function<Status(Allocator&)>& call,
                     const std::function<void(bool succeeded)>& check) {
    bool reached = true;
    int index = 0;
    for (; reached && index < kMoreThanAnyCallWrites; ++index) {
      SCOPED_TRACE("failing write " + std::to_string(index));
      Clear();
      AddPool("pool", "10.65.0.0/28", 30);
      prepare();
      FaultyClient faulty(client());
      faulty.FailWrite(index, GetParam());
      Allocator allocator(faulty, clock(), "host-a");
      const Status status = call(allocator);
      reached = faulty.failed();
      if (GetParam() == Fault::kConflict || !reached) {
        EXPECT_TRUE(status.has_value()) << status.error().message();
      }
      EXPECT_THAT(testing::CheckSafety(client(), {}), IsEmpty());
      check(status.has_value());
      if (HasFailure()) return;
    }
    EXPECT_GT(index, 1) << "the call writes nothing";
    EXPECT_LT(index, kMoreThanAnyCallWrites);
  }
  void Clear() {
    const auto all = client().List("/calico/");
    ASSERT_TRUE(all.has_value());
    for (const auto& kv : all->items) ASSERT_TRUE(client().Delete(kv.key, 0).has_value());
  }
  // What the host's next start does.
  void Repair(const testing::Holdings& held) {
    ASSERT_TRUE(allocator("host-a").RepairAffinities().has_value());
    EXPECT_THAT(testing::CheckQuiescent(client(), held), IsEmpty());
  }
};

TEST_P(AllocatorFaults, AutoAssignOfTheFirstAddress) {
  std::vector<net::Ip> ips;
  ForEveryWrite([] {},
                [&](Allocator& allocator) -> Status {
                  ips.clear();
                  Allocator::Request request;
                  request.owner = {"h", {}};
                  ASSIGN_OR_RETURN(const Allocator::Assigned assigned, allocator.AutoAssign(request));
                  ips = assigned.ips;
                  return Ok();
                },
                [&](bool succeeded) {
                  if (succeeded) {
                    ASSERT_EQ(ips.size(), 1U);
                    Repair({{ips[0], "h"}});
                    return;
                  }
                  const Status released = allocator("host-a").ReleaseByHandle("h");
                  EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
                  EXPECT_THAT(testing::Allocated(client()), IsEmpty());
                  Repair({});
                  EXPECT_EQ(Assign("host-a", "h").size(), 1U);
                });
}

TEST_P(AllocatorFaults, AutoAssignOverSeveralBlocks) {
  std::vector<net::Ip> ips;
  ForEveryWrite([&] { Assign("host-a", "old", 2); },
                [&](Allocator& allocator) -> Status {
                  ips.clear();
                  Allocator::Request request;
                  request.count = 7;
                  request.owner = {"h", {}};
                  ASSIGN_OR_RETURN(const Allocator::Assigned assigned, allocator.AutoAssign(request));
                  ips = assigned.ips;
                  return Ok();
                },
                [&](bool succeeded) {
                  if (succeeded) {
                    ASSERT_EQ(ips.size(), 7U);
                  }
                  const Status released = allocator("host-a").ReleaseByHandle("h");
                  EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
                  EXPECT_EQ(testing::Allocated(client()).size(), 2U);
                  Repair({});
                });
}

TEST_P(AllocatorFaults, AssignIp) {
  ForEveryWrite([] {},
                [&](Allocator& allocator) {
                  return allocator.AssignIp(Ip("10.65.0.5"), {"h", {}});
                },
                [&](bool succeeded) {
                  if (succeeded) {
                    Repair({{Ip("10.65.0.5"), "h"}});
                    return;
                  }
                  const Status released = allocator("host-a").ReleaseByHandle("h");
                  EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
                  Repair({});
                  EXPECT_TRUE(allocator("host-a").AssignIp(Ip("10.65.0.5"), {"h", {}}).has_value());
                });
}

TEST_P(AllocatorFaults, ReleaseIps) {
  std::vector<net::Ip> ips;
  ForEveryWrite(
      [&] {
        ips = Assign("host-a", "h", 6);
        Assign("host-a", "other");
      },
      [&](Allocator& allocator) -> Status {
        ASSIGN_OR_RETURN(const std::vector<net::Ip> released, allocator.ReleaseIps(ips));
        return released.empty() ? Status(Error(ErrorCode::kNotFound, "released nothing")) : Ok();
      },
      [&](bool) {
        EXPECT_TRUE(allocator("host-a").ReleaseIps(ips).has_value());
        EXPECT_EQ(testing::Allocated(client()).size(), 1U);
        // A count that stayed too high goes with the handle's release.
        const Status released = allocator("host-a").ReleaseByHandle("h");
        EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
        Repair({});
      });
}

TEST_P(AllocatorFaults, ReleaseByHandle) {
  ForEveryWrite([&] { Assign("host-a", "h", 6); },
                [&](Allocator& allocator) { return allocator.ReleaseByHandle("h"); },
                [&](bool) {
                  const Status released = allocator("host-a").ReleaseByHandle("h");
                  EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
                  EXPECT_THAT(testing::Allocated(client()), IsEmpty());
                  Repair({});
                });
}

TEST_P(AllocatorFaults, SetOwner) {
  net::Ip ip;
  ForEveryWrite([&] { ip = Assign("host-a", "libnetwork-1").at(0); },
                [&](Allocator& allocator) {
                  return allocator.SetOwner(ip, {"libnetwork.e", {}});
                },
                [&](bool) {
                  ASSERT_TRUE(allocator("host-a").SetOwner(ip, {"libnetwork.e", {}}).has_value());
                  // The old handle may keep a count: what nobody refers to goes in two sweeps.
                  const auto seen = allocator("host-a").SweepHandles("libnetwork", {});
                  ASSERT_TRUE(seen.has_value());
                  ASSERT_TRUE(allocator("host-a").SweepHandles("libnetwork", *seen).has_value());
                  ASSERT_TRUE(allocator("host-a").ReleaseByHandle("libnetwork.e").has_value());
                  Repair({});
                });
}

TEST_P(AllocatorFaults, ReclaimOfAnEmptyBlock) {
  ForEveryWrite(
      [&] {
        SetConfig([](model::IpamConfig& config) { config.strict_affinity = true; });
        Release("host-b", Assign("host-b", "b", 16));
        AdvanceClock(std::chrono::seconds(61));
      },
      [&](Allocator& allocator) -> Status {
        Allocator::Request request;
        request.owner = {"h", {}};
        ASSIGN_OR_RETURN(const Allocator::Assigned assigned, allocator.AutoAssign(request));
        return assigned.ips.empty() ? Status(Error(ErrorCode::kNotFound, assigned.reason)) : Ok();
      },
      [&](bool succeeded) {
        if (!succeeded) {
          const Status released = allocator("host-a").ReleaseByHandle("h");
          EXPECT_TRUE(released.has_value() || released.error().code() == ErrorCode::kNotFound);
        }
        ASSERT_TRUE(allocator("host-b").RepairAffinities().has_value());
        ASSERT_TRUE(allocator("host-a").RepairAffinities().has_value());
        EXPECT_THAT(testing::CheckQuiescent(client(), {}), IsEmpty());
      });
}

std::string NameOf(const ::testing::TestParamInfo<Fault>& param) {
  switch (param.param) {
    case Fault::kConflict:
      return "Conflict";
    case Fault::kRefused:
      return "Refused";
    case Fault::kReplyLost:
      return "ReplyLost";
    case Fault::kDownFromHere:
      return "DownFromHere";
  }
  return "";
}

INSTANTIATE_TEST_SUITE_P(EveryFault, AllocatorFaults,
                         ::testing::Values(Fault::kConflict, Fault::kRefused, Fault::kReplyLost,
                                           Fault::kDownFromHere),
                         NameOf);

}  // namespace
}  // namespace calico::ipam
