// SPDX-License-Identifier: Apache-2.0
#include "dataplane/offload_check.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include "base/log.h"
#include "base/unique_fd.h"
#include "kernel/offload.h"

namespace calico::dataplane {
namespace {

constexpr char kComponent[] = "offload";
constexpr std::uint16_t kDiscardPort = 9;  // served by nobody: RFC 863
// The first SYN and one repetition, which comes after a second.
constexpr Duration kTimeout = std::chrono::milliseconds(1500);
constexpr Duration kPause = std::chrono::seconds(20);
constexpr int kTries = 3;          // hosts that have just come have no way back yet
constexpr std::size_t kPeers = 3;  // that are asked

UniqueFd Connecting(const OffloadCheck::Probe& probe, const net::Ip& peer) {
  const bool v4 = peer.is_v4();
  UniqueFd fd(::socket(v4 ? AF_INET : AF_INET6, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!fd.valid()) return fd;
  const std::string& name = probe.interface;
  if (::setsockopt(fd.get(), SOL_SOCKET, SO_BINDTODEVICE, name.c_str(),
                   static_cast<socklen_t>(name.size())) != 0)
    return UniqueFd();
  const auto with = [&](const net::Ip& ip, std::uint16_t port, const auto& use) {
    if (v4) {
      sockaddr_in address{};
      address.sin_family = AF_INET;
      address.sin_port = htons(port);
      std::memcpy(&address.sin_addr, ip.bytes(), 4);
      return use(reinterpret_cast<const sockaddr*>(&address), sizeof address);
    }
    sockaddr_in6 address{};
    address.sin6_family = AF_INET6;
    address.sin6_port = htons(port);
    std::memcpy(&address.sin6_addr, ip.bytes(), 16);
    return use(reinterpret_cast<const sockaddr*>(&address), sizeof address);
  };
  if (with(probe.from, 0, [&](const sockaddr* a, socklen_t size) { return ::bind(fd.get(), a, size); }) != 0)
    return UniqueFd();
  const int begun = with(peer, kDiscardPort,
                         [&](const sockaddr* a, socklen_t size) { return ::connect(fd.get(), a, size); });
  if (begun != 0 && errno != EINPROGRESS) return UniqueFd();
  return fd;
}

// Whether one of the peers accepts or refuses.
bool AnyAnswers(const OffloadCheck::Probe& probe, Duration timeout) {
  std::vector<UniqueFd> sockets;
  std::vector<pollfd> waiting;
  for (const net::Ip& peer : probe.peers) {
    if (sockets.size() == kPeers) break;
    UniqueFd fd = Connecting(probe, peer);
    if (!fd.valid()) continue;
    waiting.push_back({fd.get(), POLLOUT, 0});
    sockets.push_back(std::move(fd));
  }
  const TimePoint give_up = std::chrono::steady_clock::now() + timeout;
  while (!waiting.empty()) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(give_up - std::chrono::steady_clock::now());
    if (left.count() <= 0 || ::poll(waiting.data(), waiting.size(), static_cast<int>(left.count())) <= 0)
      return false;
    for (const pollfd& one : waiting) {
      if (one.revents == 0) continue;
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(one.fd, SOL_SOCKET, SO_ERROR, &error, &size);
      if (error == 0 || error == ECONNREFUSED) return true;
    }
    std::erase_if(waiting, [](const pollfd& one) { return one.revents != 0; });
  }
  return false;
}

}  // namespace

OffloadCheck::OffloadCheck() : OffloadCheck(AnyAnswers) {}
OffloadCheck::OffloadCheck(Call call) : call_(std::move(call)), thread_("offload") {
  thread_.Start();
}
OffloadCheck::~OffloadCheck() {
  thread_.StopAndJoin();
  later_.clear();
}

void OffloadCheck::Consider(const Probe& probe) {
  thread_.loop().Post([this, probe] {
    if (seen_.insert(probe.ifindex).second) Check(probe, kTries);
  });
}

void OffloadCheck::Check(const Probe& probe, int tries) {
  const auto offload = kernel::TxChecksumOffload(probe.interface);
  // Off already: by an operator, or by us before a restart.
  if (!offload.has_value() || !*offload) return;
  if (call_(probe, kTimeout)) return;
  if (!kernel::SetTxChecksumOffload(probe.interface, false).has_value()) return;
  if (call_(probe, kTimeout)) {
    LogWarning(
        kComponent,
        "{}: TCP inside it passes only with its checksum offload off; it stays off (ethtool -K {} tx off)",
        probe.interface, probe.interface);
    return;
  }
  // Nobody there, or a firewall in between: that says nothing of the offload.
  static_cast<void>(kernel::SetTxChecksumOffload(probe.interface, true));
  if (tries <= 1) return;
  later_.push_back(thread_.loop().After(kPause, [this, probe, tries] { Check(probe, tries - 1); }));
}

}  // namespace calico::dataplane
