// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_monitor.h"

#include <atomic>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/notification.h"

namespace calico::node {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

AddressChoice Choice(const std::string& address, const std::string& problem = "") {
  return {net::Family::kV4, address, "autodetected", {}, problem};
}
bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 500; ++i) {
    if (condition()) return true;
    SleepFor(10ms);
  }
  return false;
}

TEST(AddressMonitor, TellsWhatTheLastLookHasFound) {
  AddressMonitor monitor([] { return std::vector{Choice("10.0.0.2/24", "away")}; }, {Choice("10.0.0.1/24")},
                         20ms);
  EXPECT_EQ(monitor.Choices().at(0).address, "10.0.0.1/24");
  EXPECT_THAT(monitor.Problems(), IsEmpty());
  ASSERT_TRUE(monitor.Start().has_value());
  EXPECT_TRUE(Eventually([&] { return monitor.Choices().at(0).address == "10.0.0.2/24"; }));
  EXPECT_THAT(monitor.Problems(), ElementsAre("away"));
}

TEST(AddressMonitor, AnErrorIsToldWhileItLastsAndTheChoicesStay) {
  std::atomic<bool> taken = true;
  AddressMonitor monitor(
      [&]() -> Result<std::vector<AddressChoice>> {
        if (taken) return Error(ErrorCode::kConflict, "Calico node 'b' has it");
        return std::vector{Choice("10.0.0.1/24")};
      },
      {Choice("10.0.0.1/24")}, 20ms);
  ASSERT_TRUE(monitor.Start().has_value());
  EXPECT_TRUE(Eventually([&] { return !monitor.Problems().empty(); }));
  EXPECT_THAT(monitor.Problems(), ElementsAre("Calico node 'b' has it"));
  EXPECT_EQ(monitor.Choices().at(0).address, "10.0.0.1/24");
  taken = false;
  EXPECT_TRUE(Eventually([&] { return monitor.Problems().empty(); }));
}

TEST(AddressMonitor, NobodyWaitsForALookThatWaitsForTheStore) {
  Notification looking, go_on;
  AddressMonitor monitor(
      [&]() -> Result<std::vector<AddressChoice>> {
        looking.Notify();
        go_on.WaitUntil(std::chrono::steady_clock::now() + 10s);
        return Error(ErrorCode::kUnavailable, "the store is away");
      },
      {Choice("10.0.0.1/24")}, 20ms);
  ASSERT_TRUE(monitor.Start().has_value());
  ASSERT_TRUE(looking.WaitUntil(std::chrono::steady_clock::now() + 10s));
  const auto began = std::chrono::steady_clock::now();
  EXPECT_EQ(monitor.Choices().size(), 1U);
  EXPECT_THAT(monitor.Problems(), IsEmpty()) << "others say that the store is away";
  EXPECT_LT(std::chrono::steady_clock::now() - began, 5s);
  go_on.Notify();
}

TEST(AddressMonitor, OfANodeThatHasBeenDeletedTheChoicesStay) {
  std::atomic<int> looks = 0;
  AddressMonitor monitor(
      [&] {
        ++looks;
        return std::vector<AddressChoice>();
      },
      {Choice("10.0.0.1/24")}, 20ms);
  ASSERT_TRUE(monitor.Start().has_value());
  EXPECT_TRUE(Eventually([&] { return looks >= 2; }));
  EXPECT_EQ(monitor.Choices().size(), 1U);
}

}  // namespace
}  // namespace calico::node
