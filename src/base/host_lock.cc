// SPDX-License-Identifier: Apache-2.0
#include "base/host_lock.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace calico {
namespace {

struct AbstractAddress {
  explicit AbstractAddress(const std::string& name) {
    address.sun_family = AF_UNIX;
    const std::size_t length = std::min(name.size(), sizeof address.sun_path - 1);
    std::memcpy(address.sun_path + 1, name.data(), length);  // the zero before it makes it abstract
    size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + length);
  }
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&address); }

  sockaddr_un address{};
  socklen_t size = 0;
};

UniqueFd UnixSocket() {
  return UniqueFd(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
}

std::string ProcessNamespace(const std::string& pid) {
  char target[64] = {};
  const ssize_t length = ::readlink(fmt::format("/proc/{}/ns/pid", pid).c_str(), target, sizeof target - 1);
  return length > 0 ? target : "";
}

}  // namespace

std::string DescribeAgent(const LockHolder& holder) {
  constexpr char kRuns[] = "calico-node is already running on this host";
  if (holder.pid == 0)
    return fmt::format("{}, outside this container; end it with: systemctl stop calico-node", kRuns);
  if (holder.in_container)
    return fmt::format("{}, in a container (pid {}); end it with: docker rm -f calico-node", kRuns,
                       holder.pid);
  return fmt::format("{} (pid {})", kRuns, holder.pid);
}

Result<UniqueFd> TakeHostLock(const std::string& name) {
  UniqueFd fd = UnixSocket();
  if (!fd.valid()) return Error::FromErrno(errno, "lock " + name);
  const AbstractAddress address(name);
  if (::bind(fd.get(), address.get(), address.size) != 0) {
    if (errno == EADDRINUSE) return Error(ErrorCode::kAlreadyExists, "lock " + name + " is held");
    return Error::FromErrno(errno, "lock " + name);
  }
  // Nobody is ever accepted: who connects learns the pid and goes away.
  if (::listen(fd.get(), SOMAXCONN) != 0) return Error::FromErrno(errno, "lock " + name);
  return fd;
}

Result<std::optional<LockHolder>> FindHostLock(const std::string& name) {
  const UniqueFd fd = UnixSocket();
  if (!fd.valid()) return Error::FromErrno(errno, "lock " + name);
  const AbstractAddress address(name);
  if (::connect(fd.get(), address.get(), address.size) != 0) {
    // EAGAIN: so many have asked that the queue is full; it is held.
    if (errno == EAGAIN) return std::optional(LockHolder());
    if (errno == ECONNREFUSED) return std::optional<LockHolder>();
    return Error::FromErrno(errno, "lock " + name);
  }
  ucred peer{};
  socklen_t size = sizeof peer;
  if (::getsockopt(fd.get(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0)
    return Error::FromErrno(errno, "lock " + name);
  LockHolder holder{peer.pid, false};
  const std::string theirs = ProcessNamespace(std::to_string(peer.pid));
  holder.in_container = peer.pid > 0 && !theirs.empty() && theirs != ProcessNamespace("self");
  return std::optional(holder);
}

}  // namespace calico
