// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstring>
#include <string>
#include <thread>

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace calico::calicoctl::testing {

// Serves one conversation on BIRD's control socket: the greeting, then the same answer to every command.
class FakeBird final {
 public:
  FakeBird(const std::string& path, std::string greeting, std::string answer)
      : listener_(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
    EXPECT_EQ(::bind(listener_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0) << path;
    EXPECT_EQ(::listen(listener_.get(), 1), 0);
    thread_ = std::thread([this, greeting = std::move(greeting), answer = std::move(answer)] {
      const UniqueFd peer(::accept(listener_.get(), nullptr, nullptr));
      if (!peer.valid()) return;
      Send(peer.get(), greeting + "\n");
      char command[256];
      while (::read(peer.get(), command, sizeof command) > 0) Send(peer.get(), answer);
    });
  }
  ~FakeBird() {
    ::shutdown(listener_.get(), SHUT_RDWR);  // wakes accept() if nobody came
    thread_.join();
  }
  FakeBird(const FakeBird&) = delete;
  FakeBird& operator=(const FakeBird&) = delete;

 private:
  static void Send(int fd, const std::string& text) {
    EXPECT_EQ(::send(fd, text.data(), text.size(), MSG_NOSIGNAL), static_cast<ssize_t>(text.size()));
  }

  const UniqueFd listener_;
  std::thread thread_;
};

}  // namespace calico::calicoctl::testing
