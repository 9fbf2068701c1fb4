// SPDX-License-Identifier: Apache-2.0
#include "base/event_loop.h"

#include <atomic>
#include <string>
#include <vector>

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace calico {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;

struct Pipe {
  Pipe() {
    int fds[2];
    EXPECT_EQ(::pipe2(fds, O_CLOEXEC), 0);
    read.Reset(fds[0]);
    write.Reset(fds[1]);
  }
  UniqueFd read, write;
};

TEST(EventLoop, RunsPostedCallbacksInOrder) {
  EventLoop loop;
  std::vector<int> seen;
  for (int i = 0; i < 3; ++i) loop.Post([&seen, i] { seen.push_back(i); });
  loop.Post([&] { loop.Stop(); });
  loop.Run();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
}

TEST(EventLoop, RunsACallbackPostedFromACallbackAfterTheOthers) {
  EventLoop loop;
  std::vector<int> seen;
  loop.Post([&] {
    loop.Post([&] {
      seen.push_back(3);
      loop.Stop();
    });
    seen.push_back(1);
  });
  loop.Post([&] { seen.push_back(2); });
  loop.Run();
  EXPECT_THAT(seen, ElementsAre(1, 2, 3));
}

TEST(EventLoop, RunsAgainAfterItWasStopped) {
  EventLoop loop;
  int runs = 0;
  for (int i = 0; i < 2; ++i) {
    loop.Post([&] {
      ++runs;
      loop.Stop();
    });
    loop.Run();
  }
  EXPECT_EQ(runs, 2);
}

TEST(EventLoop, ReturnsAtOnceWhenStoppedBeforeItRuns) {
  EventLoop loop;
  loop.Stop();
  loop.Run();
}

TEST(EventLoop, FiresTimersByTheirDelayNotByTheirOrder) {
  EventLoop loop;
  std::vector<std::string> seen;
  const auto late = loop.After(milliseconds(20), [&] {
    seen.push_back("late");
    loop.Stop();
  });
  const auto early = loop.After(milliseconds(1), [&] { seen.push_back("early"); });
  loop.Run();
  EXPECT_THAT(seen, ElementsAre("early", "late"));
}

TEST(EventLoop, DoesNotFireATimerWhoseHandleIsGone) {
  EventLoop loop;
  bool fired = false;
  auto cancelled = loop.After(milliseconds(0), [&] { fired = true; });
  // Even when it has expired already: both are due now, the first cancels the second.
  loop.Post([&] { cancelled.reset(); });
  const auto end = loop.After(milliseconds(5), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_FALSE(fired);
}

TEST(EventLoop, RepeatsATimerUntilItsCallbackDropsTheHandle) {
  EventLoop loop;
  int ticks = 0;
  std::unique_ptr<EventLoop::Handle> every;
  every = loop.Every(milliseconds(1), [&] {
    if (++ticks == 3) every.reset();
  });
  const auto end = loop.After(milliseconds(30), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(ticks, 3);
}

TEST(EventLoop, CallsAgainWhileAnFdHasMoreToRead) {
  EventLoop loop;
  Pipe pipe;
  ASSERT_EQ(::write(pipe.write.get(), "abc", 3), 3);
  std::string seen;
  const auto watch = loop.WatchFd(pipe.read.get(), EventLoop::Interest::kRead, [&] {
    char c = 0;
    ASSERT_EQ(::read(pipe.read.get(), &c, 1), 1);
    seen += c;
    if (seen.size() == 3) loop.Stop();
  });
  loop.Run();
  EXPECT_EQ(seen, "abc");
  EXPECT_NE(::fcntl(pipe.read.get(), F_GETFL) & O_NONBLOCK, 0) << "event_loop.h says so";
}

TEST(EventLoop, LeavesTheFdOpenWhenTheWatchEnds) {
  EventLoop loop;
  Pipe pipe;
  loop.WatchFd(pipe.read.get(), EventLoop::Interest::kRead, [] { FAIL() << "the watch is gone"; }).reset();
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  const auto end = loop.After(milliseconds(2), [&] { loop.Stop(); });
  loop.Run();
  char c = 0;
  EXPECT_EQ(::read(pipe.read.get(), &c, 1), 1);
}

TEST(EventLoop, WatchesOneFdForBothDirections) {
  EventLoop loop;
  Pipe pipe;
  const auto write = loop.WatchFd(pipe.write.get(), EventLoop::Interest::kWrite, [&] { loop.Stop(); });
  const auto again = loop.WatchFd(pipe.write.get(), EventLoop::Interest::kRead, [] {});
  loop.Run();
}

TEST(EventLoop, LetsACallbackDropItsOwnWatch) {
  EventLoop loop;
  Pipe pipe;
  ASSERT_EQ(::write(pipe.write.get(), "x", 1), 1);
  int calls = 0;
  std::unique_ptr<EventLoop::Handle> watch;
  watch = loop.WatchFd(pipe.read.get(), EventLoop::Interest::kRead, [&] {
    ++calls;
    watch.reset();
  });
  const auto end = loop.After(milliseconds(5), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_EQ(calls, 1);
}

TEST(EventLoopDeathTest, ChecksThatTheCallerIsOnTheLoop) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  EventLoop idle;
  idle.AssertInLoop();  // nobody runs it: allowed
  EXPECT_DEATH(
      {
        LoopThread thread("busy");
        thread.Start();
        thread.RunSync([&] { thread.loop().AssertInLoop(); });
        thread.loop().AssertInLoop();
      },
      "another thread");
}

TEST(LoopThread, RunsOnItsThreadAndWaits) {
  LoopThread thread("a-name-longer-than-15");
  thread.Start();
  std::thread::id inside;
  thread.RunSync([&] { inside = std::this_thread::get_id(); });
  EXPECT_NE(inside, std::this_thread::get_id());
}

TEST(LoopThread, EndsEvenIfStoppedBeforeItsThreadCameToRun) {
  for (int i = 0; i < 200; ++i) {
    LoopThread thread("short");
    thread.Start();
  }
}

TEST(LoopThread, RunsCallbacksThatWerePostedBeforeTheStart) {
  LoopThread thread("early");
  std::atomic<bool> ran = false;
  thread.loop().Post([&] { ran = true; });
  thread.Start();
  thread.RunSync([] {});
  EXPECT_TRUE(ran);
}

}  // namespace
}  // namespace calico
