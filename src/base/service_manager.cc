// SPDX-License-Identifier: Apache-2.0
#include "base/service_manager.h"

#include <algorithm>
#include <cstddef>
#include <cstdlib>

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace calico {
namespace {

constexpr int kFirstInherited = 3;

std::string TakeVariable(const char* name) {
  const char* const value = std::getenv(name);
  std::string taken = value != nullptr ? value : "";
  ::unsetenv(name);
  return taken;
}

std::string BoundPath(int fd) {
  sockaddr_un address{};
  socklen_t size = sizeof address;
  if (::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) != 0 || address.sun_family != AF_UNIX)
    return "";
  return address.sun_path;
}

}  // namespace

ServiceManager ServiceManager::OfProcess() {
  ServiceManager manager;
  manager.notify_path_ = TakeVariable("NOTIFY_SOCKET");
  const std::string pid = TakeVariable("LISTEN_PID"), count = TakeVariable("LISTEN_FDS");
  // Names are the unit file's choice; what a socket is for follows from its path.
  TakeVariable("LISTEN_FDNAMES");
  if (std::atol(pid.c_str()) != ::getpid()) return manager;  // meant for a process that started us
  for (int fd = kFirstInherited; fd < kFirstInherited + std::atoi(count.c_str()); ++fd) {
    ::fcntl(fd, F_SETFD, FD_CLOEXEC);
    manager.sockets_.push_back({UniqueFd(fd), BoundPath(fd)});
  }
  return manager;
}

void ServiceManager::Tell(const std::string& lines) const {
  sockaddr_un address{};
  if (notify_path_.empty() || notify_path_.size() >= sizeof address.sun_path) return;
  address.sun_family = AF_UNIX;
  std::copy(notify_path_.begin(), notify_path_.end(), address.sun_path);
  if (address.sun_path[0] == '@') address.sun_path[0] = '\0';  // the abstract kind
  const UniqueFd fd(::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return;
  const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + notify_path_.size());
  ::sendto(fd.get(), lines.data(), lines.size(), MSG_DONTWAIT | MSG_NOSIGNAL,
           reinterpret_cast<const sockaddr*>(&address), size);
}

}  // namespace calico
