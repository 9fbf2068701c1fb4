// SPDX-License-Identifier: Apache-2.0
// On the real kernel, in a network namespace of the test's own.
#include "workload/veth_removal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sched.h>

#include "base/parallel.h"
#include "workload/veth.h"

namespace calico::workload {
namespace {

class Removal : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_EQ(::unshare(CLONE_NEWNET), 0) << "needs root";
    auto opened = kernel::OpenRtnetlink();
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    rtnetlink_ = std::move(*opened);
  }
  void Make(const std::string& suffix, std::uint32_t group = 0) {
    kernel::VethPair pair;
    pair.host_name = "cali" + suffix;
    pair.peer_name = "temp" + suffix;
    pair.host_group = group;
    ASSERT_TRUE(rtnetlink_->CreateVeth(pair).has_value());
  }
  bool IsThere(const std::string& name) { return rtnetlink_->GetLink(name).has_value(); }

  std::unique_ptr<kernel::Rtnetlink> rtnetlink_;
};

TEST_F(Removal, OfManyAtOnceLeavesOthersAlone) {
  constexpr int kMany = 40;
  for (int i = 0; i < kMany; ++i) Make(std::to_string(i), kLibnetworkLinkGroup);
  Make("other", kLibnetworkLinkGroup);
  VethRemoval removal;
  // Threads inherit the namespace of the one that starts them.
  ParallelFor(kMany, 8, [&](std::size_t i, std::size_t) {
    const Status removed = removal.Remove("cali" + std::to_string(i));
    EXPECT_TRUE(removed.has_value()) << removed.error().message();
    EXPECT_FALSE(kernel::OpenRtnetlink().value()->GetLink("cali" + std::to_string(i)).has_value());
  });
  for (int i = 0; i < kMany; ++i) EXPECT_FALSE(IsThere("temp" + std::to_string(i)));
  EXPECT_TRUE(IsThere("caliother"));
  EXPECT_TRUE(removal.Remove("cali0").has_value()) << "gone already";
}

TEST_F(Removal, FinishesWhatACrashLeft) {
  Make("1", kDoomedLinkGroup);
  Make("2", kLibnetworkLinkGroup);
  ASSERT_TRUE(VethRemoval::FinishInterrupted(*rtnetlink_).has_value());
  EXPECT_FALSE(IsThere("cali1"));
  EXPECT_TRUE(IsThere("cali2"));
  EXPECT_TRUE(VethRemoval::FinishInterrupted(*rtnetlink_).has_value()) << "none there";
}

TEST_F(Removal, TouchesNothingByAGroupThatSomebodyElseUses) {
  kernel::VethPair foreign;
  foreign.host_name = "eth7";
  foreign.peer_name = "eth8";
  foreign.host_group = kDoomedLinkGroup;
  ASSERT_TRUE(rtnetlink_->CreateVeth(foreign).has_value());
  ASSERT_TRUE(VethRemoval::FinishInterrupted(*rtnetlink_).has_value());
  for (const char* name : {"1", "2", "3", "4"}) Make(name);
  VethRemoval removal;
  ParallelFor(4, 4, [&](std::size_t i, std::size_t) {
    EXPECT_TRUE(removal.Remove("cali" + std::to_string(i + 1)).has_value());
  });
  EXPECT_TRUE(IsThere("eth7"));
  EXPECT_FALSE(IsThere("cali3"));
}

}  // namespace
}  // namespace calico::workload
