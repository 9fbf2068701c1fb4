// SPDX-License-Identifier: Apache-2.0
#include "base/mailbox.h"

#include <future>
#include <set>

#include <gtest/gtest.h>

#include "base/event_loop.h"

namespace calico {
namespace {

using Batch = std::set<int>;

TEST(Mailbox, TakesABatchAndLeavesTheProducersEmpty) {
  Mailbox<Batch> mailbox([] {}, [] {});
  Batch batch{1, 2};
  EXPECT_TRUE(mailbox.TryPut(batch));
  EXPECT_TRUE(batch.empty());
  EXPECT_EQ(mailbox.Take(), (Batch{1, 2}));
  EXPECT_EQ(mailbox.Take(), std::nullopt);
}

TEST(Mailbox, RefusesWhileFullAndLeavesTheBatchAlone) {
  Mailbox<Batch> mailbox([] {}, [] {});
  Batch first{1}, second{2};
  EXPECT_TRUE(mailbox.TryPut(first));
  EXPECT_FALSE(mailbox.TryPut(second));
  EXPECT_EQ(second, Batch{2});
}

TEST(Mailbox, WakesTheOtherSideOnlyWhenThereIsSomethingToDo) {
  int consumer = 0, producer = 0;
  Mailbox<Batch> mailbox([&] { ++consumer; }, [&] { ++producer; });
  EXPECT_EQ(mailbox.Take(), std::nullopt);
  EXPECT_EQ(producer, 0);
  Batch batch{1};
  EXPECT_TRUE(mailbox.TryPut(batch));
  EXPECT_FALSE(mailbox.TryPut(batch));
  EXPECT_EQ(consumer, 1);
  mailbox.Take();
  EXPECT_EQ(producer, 1);
}

// The way it is used: the producer merges while the slot is full, nothing is lost between two loops.
TEST(Mailbox, LosesNothingBetweenTwoLoops) {
  constexpr int kItems = 5000;
  LoopThread producer("producer"), consumer("consumer");
  Batch pending, received;
  int next = 0;
  std::promise<void> done;
  std::function<void()> put, take;
  Mailbox<Batch> mailbox([&] { consumer.loop().Post(take); }, [&] { producer.loop().Post(put); });
  put = [&] {
    if (!pending.empty()) (void)mailbox.TryPut(pending);
  };
  take = [&] {
    if (auto batch = mailbox.Take()) received.merge(*batch);
    if (received.size() == kItems) done.set_value();
  };
  std::function<void()> produce = [&] {
    pending.insert(next++);
    put();
    if (next < kItems) producer.loop().Post(produce);
  };
  consumer.Start();
  producer.Start();
  producer.loop().Post(produce);
  EXPECT_EQ(done.get_future().wait_for(std::chrono::seconds(20)), std::future_status::ready);
  producer.StopAndJoin();
  consumer.StopAndJoin();
  EXPECT_EQ(received.size(), static_cast<std::size_t>(kItems));
}

}  // namespace
}  // namespace calico
