// SPDX-License-Identifier: Apache-2.0
#include "base/host_lock.h"

#include <csignal>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

namespace calico {
namespace {

std::string Name() {
  return "calico-host-lock-test-" + std::to_string(::getpid());
}

TEST(HostLock, IsHeldByOne) {
  const std::string name = Name();
  EXPECT_FALSE(FindHostLock(name)->has_value());
  auto first = TakeHostLock(name);
  ASSERT_TRUE(first.has_value()) << first.error().message();
  EXPECT_EQ(TakeHostLock(name).error().code(), ErrorCode::kAlreadyExists);
  EXPECT_TRUE(TakeHostLock(name + "2").has_value());
  first->Reset();
  EXPECT_TRUE(TakeHostLock(name).has_value());
}

TEST(HostLock, NamesItsHolder) {
  const std::string name = Name();
  const auto lock = TakeHostLock(name);
  for (int i = 0; i < 3; ++i) {
    const auto holder = FindHostLock(name);
    ASSERT_TRUE(holder.has_value() && holder->has_value());
    EXPECT_EQ((*holder)->pid, ::getpid());
    EXPECT_FALSE((*holder)->in_container);
  }
}

TEST(HostLock, GoesWithItsHolder) {
  const std::string name = Name();
  int ready[2];
  ASSERT_EQ(::pipe(ready), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const auto lock = TakeHostLock(name);
    [[maybe_unused]] const auto written = ::write(ready[1], "x", 1);
    ::pause();
    ::_exit(0);
  }
  char byte;
  ASSERT_EQ(::read(ready[0], &byte, 1), 1);
  EXPECT_EQ(FindHostLock(name).value()->pid, child);
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_FALSE(FindHostLock(name)->has_value());
  ::close(ready[0]);
  ::close(ready[1]);
}

TEST(HostLock, SaysHowToEndTheAgent) {
  EXPECT_EQ(DescribeAgent({12, false}), "calico-node is already running on this host (pid 12)");
  EXPECT_EQ(DescribeAgent({12, true}),
            "calico-node is already running on this host, in a container (pid 12); end it with: docker rm -f "
            "calico-node");
  EXPECT_EQ(
      DescribeAgent({}),
      "calico-node is already running on this host, outside this container; end it with: systemctl stop "
      "calico-node");
}

}  // namespace
}  // namespace calico
