// SPDX-License-Identifier: Apache-2.0
// In the network namespace of this program's own (see private_network.h).
#include "kernel/rtnetlink_waker.h"

#include <gtest/gtest.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "kernel/rtnetlink_socket.h"

namespace calico::kernel {
namespace {

// A process that listens to `groups` and ends with 0 once a message of no sender in the kernel has come.
class Listener {
 public:
  explicit Listener(unsigned groups) {
    int ready[2];
    if (::pipe(ready) != 0) std::abort();
    pid_ = ::fork();
    if (pid_ == 0) {
      const auto socket = OpenRouteSocket(groups);
      ::close(ready[0]);
      ::close(ready[1]);
      pollfd fd{mnl_socket_get_fd(socket->get()), POLLIN, 0};
      if (::poll(&fd, 1, 10'000) != 1) ::_exit(1);
      char buffer[64];
      sockaddr_nl from{};
      socklen_t size = sizeof from;
      ::recvfrom(fd.fd, buffer, sizeof buffer, 0, reinterpret_cast<sockaddr*>(&from), &size);
      ::_exit(from.nl_pid == 0 ? 2 : 0);
    }
    ::close(ready[1]);
    char byte;
    static_cast<void>(!::read(ready[0], &byte, 1));  // until the child has closed its end
    ::close(ready[0]);
  }
  ~Listener() { End(SIGKILL); }
  pid_t pid() const { return pid_; }
  int End(int signal) {
    if (pid_ < 0) return -1;
    if (signal != 0) ::kill(pid_, signal);
    int status = 0;
    ::waitpid(std::exchange(pid_, -1), &status, 0);
    return status;
  }

 private:
  pid_t pid_ = -1;
};

TEST(RtnetlinkWaker, TheListenerIsWokenAndSeesThatItIsNotTheKernel) {
  Listener listener(RTMGRP_LINK), other(RTMGRP_LINK);
  const auto waker = RtnetlinkWaker::Open();
  ASSERT_TRUE(waker.has_value());
  const Status woken = (*waker)->Wake(listener.pid());
  ASSERT_TRUE(woken.has_value()) << woken.error().message();
  EXPECT_EQ(listener.End(0), 0);
  EXPECT_EQ(::waitpid(other.pid(), nullptr, WNOHANG), 0) << "nobody else is";
}

TEST(RtnetlinkWaker, WhoDoesNotListenIsNotFound) {
  Listener listener(0);
  const auto waker = RtnetlinkWaker::Open();
  ASSERT_TRUE(waker.has_value());
  const Status woken = (*waker)->Wake(listener.pid());
  ASSERT_FALSE(woken.has_value());
  EXPECT_EQ(woken.error().code(), ErrorCode::kNotFound);
}

TEST(RtnetlinkWaker, AListenerThatHasEndedIsNotFound) {
  Listener listener(RTMGRP_LINK);
  const auto waker = RtnetlinkWaker::Open();
  ASSERT_TRUE(waker.has_value());
  const pid_t pid = listener.pid();
  ASSERT_TRUE((*waker)->Wake(pid).has_value());
  listener.End(SIGKILL);
  const Status woken = (*waker)->Wake(pid);
  ASSERT_FALSE(woken.has_value());
  EXPECT_EQ(woken.error().code(), ErrorCode::kNotFound);
}

}  // namespace
}  // namespace calico::kernel
