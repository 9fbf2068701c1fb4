// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <csignal>

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/unique_fd.h"

namespace calico::node {

// SIGTERM and SIGINT as a readable fd. Made before any thread, so that all of them inherit the mask.
class StopSignals final {
 public:
  StopSignals() {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
    fd_.Reset(::signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  }
  int fd() const { return fd_.get(); }
  bool Pending() const {
    signalfd_siginfo info;
    return ::read(fd_.get(), &info, sizeof info) > 0;
  }
  // Until one comes, but no longer than `limit`; it stays pending.
  void Await(Duration limit) const {
    pollfd fd{fd_.get(), POLLIN, 0};
    ::poll(&fd, 1, static_cast<int>(limit / std::chrono::milliseconds(1)));
  }

 private:
  UniqueFd fd_;
};

}  // namespace calico::node
