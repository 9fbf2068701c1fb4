// SPDX-License-Identifier: Apache-2.0
#include "base/joint_work.h"

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/clock.h"
#include "base/parallel.h"

namespace calico {
namespace {

using ::testing::ElementsAre;

TEST(JointWork, IsDoneAtOnceWhileNobodyElseAsks) {
  std::vector<std::size_t> rounds;
  JointWork<int, int> work([&](const std::vector<int>& items) {
    rounds.push_back(items.size());
    return std::vector<int>{items.at(0) * 2};
  });
  EXPECT_EQ(work.Do(4), 8);
  EXPECT_EQ(work.Do(5), 10);
  EXPECT_THAT(rounds, ElementsAre(1, 1));
}

TEST(JointWork, TakesTogetherWhatCameMeanwhile) {
  constexpr std::size_t kCallers = 8;
  const TimePoint deadline = SystemClock().Now() + std::chrono::seconds(20);
  std::atomic<std::size_t> largest = 0;
  std::atomic<bool> busy = false;
  JointWork<std::size_t, std::size_t> work([&](const std::vector<std::size_t>& items) {
    EXPECT_FALSE(busy.exchange(true)) << "two rounds at a time";
    largest = std::max(largest.load(), items.size());
    std::vector<std::size_t> doubled;
    for (const std::size_t item : items) doubled.push_back(item * 2);
    std::this_thread::yield();
    busy = false;
    return doubled;
  });
  ParallelFor(kCallers, kCallers, [&](std::size_t i, std::size_t) {
    while (largest < kCallers / 2 && SystemClock().Now() < deadline) EXPECT_EQ(work.Do(i), i * 2);
  });
  EXPECT_GE(largest, kCallers / 2);
}

}  // namespace
}  // namespace calico
