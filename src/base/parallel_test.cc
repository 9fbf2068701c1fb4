// SPDX-License-Identifier: Apache-2.0
#include "base/parallel.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace calico {
namespace {

TEST(ParallelFor, CallsEachNumberOnce) {
  for (const std::size_t workers : {1u, 2u, 7u, 32u}) {
    std::vector<std::atomic<int>> calls(1000);
    ParallelFor(calls.size(), workers, [&](std::size_t i, std::size_t) { ++calls[i]; });
    for (const auto& each : calls) EXPECT_EQ(each, 1) << workers;
  }
}

TEST(ParallelFor, HasAsManyCallsAtOnceAsWorkers) {
  // Each call waits for the others: it would never end with fewer threads.
  std::latch together(4);
  ParallelFor(4, 4, [&](std::size_t, std::size_t) { together.arrive_and_wait(); });
}

TEST(ParallelFor, TellsItsWorkersApart) {
  std::vector<std::atomic<int>> busy(3);
  ParallelFor(300, busy.size(), [&](std::size_t, std::size_t worker) {
    ASSERT_LT(worker, busy.size());
    EXPECT_EQ(++busy[worker], 1);  // no two calls of one worker at a time
    --busy[worker];
  });
}

TEST(ParallelFor, NeedsNoThreadForOneWorkerOrOneCall) {
  std::vector<std::size_t> order;
  const auto here = std::this_thread::get_id();
  ParallelFor(5, 1, [&](std::size_t i, std::size_t) {
    EXPECT_EQ(std::this_thread::get_id(), here);
    order.push_back(i);
  });
  EXPECT_EQ(order, (std::vector<std::size_t>{0, 1, 2, 3, 4}));
  ParallelFor(1, 8, [&](std::size_t, std::size_t) { EXPECT_EQ(std::this_thread::get_id(), here); });
}

TEST(ParallelFor, TellsProgressOnTheCallersThreadAndTheEnd) {
  const auto here = std::this_thread::get_id();
  std::size_t last = 0;
  ParallelFor(
      100, 4, [](std::size_t, std::size_t) {},
      [&](std::size_t done) {
        EXPECT_EQ(std::this_thread::get_id(), here);
        EXPECT_GE(done, last);
        last = done;
      });
  EXPECT_EQ(last, 100U);
}

TEST(ParallelFor, DoesNothingForNothing) {
  ParallelFor(0, 4, [](std::size_t, std::size_t) { FAIL(); });
}

}  // namespace
}  // namespace calico
