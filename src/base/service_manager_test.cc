// SPDX-License-Identifier: Apache-2.0
#include "base/service_manager.h"

#include <cstdlib>
#include <string>

#include <fcntl.h>
#include <fmt/format.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

namespace calico {
namespace {

UniqueFd Bound(int type, const std::string& path) {
  ::unlink(path.c_str());
  UniqueFd fd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof address.sun_path - 1);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  return fd;
}

std::string PathOf(const char* name) {
  return fmt::format("{}manager-{}-{}", ::testing::TempDir(), ::getpid(), name);
}

// In a process of its own: descriptors 3 and 4 of this one may be anything.
template <typename Body>
int InChild(const Body& body) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(body());
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(ServiceManager, TakesTheSocketsThatWereHandedOver) {
  const std::string one = PathOf("one"), two = PathOf("two");
  EXPECT_EQ(InChild([&] {
              const UniqueFd first = Bound(SOCK_STREAM, one), second = Bound(SOCK_STREAM, two);
              const int a = ::fcntl(first.get(), F_DUPFD, 20), b = ::fcntl(second.get(), F_DUPFD, 20);
              ::dup2(a, 3);
              ::dup2(b, 4);
              ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
              ::setenv("LISTEN_FDS", "2", 1);
              ::setenv("LISTEN_FDNAMES", "x:y", 1);
              const ServiceManager manager = ServiceManager::OfProcess();
              if (manager.sockets().size() != 2) return 1;
              if (manager.sockets()[0].path != one || manager.sockets()[1].path != two) return 2;
              // A child of ours must neither have them nor believe that it has.
              if (::fcntl(3, F_GETFD) != FD_CLOEXEC) return 3;
              if (std::getenv("LISTEN_FDS") != nullptr || std::getenv("LISTEN_PID") != nullptr) return 4;
              return ServiceManager::OfProcess().sockets().empty() ? 0 : 5;
            }),
            0);
}

TEST(ServiceManager, LeavesAloneWhatWasMeantForAnotherProcess) {
  EXPECT_EQ(InChild([] {
              ::setenv("LISTEN_PID", "1", 1);
              ::setenv("LISTEN_FDS", "1", 1);
              return ServiceManager::OfProcess().sockets().empty() ? 0 : 1;
            }),
            0);
}

TEST(ServiceManager, TellsInOneMessage) {
  const std::string path = PathOf("notify");
  const UniqueFd heard = Bound(SOCK_DGRAM, path);
  ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  const ServiceManager manager = ServiceManager::OfProcess();
  EXPECT_EQ(std::getenv("NOTIFY_SOCKET"), nullptr);
  manager.Tell("READY=1\nSTATUS=serves");
  char text[100];
  const ssize_t size = ::recv(heard.get(), text, sizeof text, MSG_DONTWAIT);
  ASSERT_GT(size, 0);
  EXPECT_EQ(std::string(text, static_cast<std::size_t>(size)), "READY=1\nSTATUS=serves");
}

TEST(ServiceManager, NeedsNobodyToTell) {
  ::unsetenv("NOTIFY_SOCKET");
  ServiceManager::OfProcess().Tell("READY=1");
  ::setenv("NOTIFY_SOCKET", PathOf("nobody").c_str(), 1);
  ServiceManager::OfProcess().Tell("READY=1");
}

}  // namespace
}  // namespace calico
