// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/control.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/text.h"
#include "base/unique_fd.h"

namespace calico::bgp {
namespace {

Error NoAnswer(Duration timeout) {
  return Error(ErrorCode::kUnavailable,
               fmt::format("BIRD runs and does not answer within {} ms: it hangs, or is very busy",
                           timeout / std::chrono::milliseconds(1)));
}

}  // namespace
BirdControl::BirdControl(int fd, Duration timeout) : fd_(fd), timeout_(timeout) {}
BirdControl::BirdControl(BirdControl&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      timeout_(other.timeout_),
      buffer_(std::move(other.buffer_)),
      greeting_(std::move(other.greeting_)) {}
BirdControl::~BirdControl() {
  if (fd_ >= 0) ::close(fd_);
}

Result<UniqueFd> BirdControl::Open(const std::string& socket_path, int flags, Duration timeout) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (socket_path.size() >= sizeof address.sun_path)
    return Error(ErrorCode::kInvalidArgument, socket_path + ": too long for a socket");
  std::memcpy(address.sun_path, socket_path.data(), socket_path.size());
  UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0));
  if (!fd.valid()) return Error::FromErrno(errno, "BIRD's control socket");
  // A BIRD that hangs takes nobody in: once its queue is full connect() would wait without end.
  const auto us = timeout / std::chrono::microseconds(1);
  const timeval limit{us / 1000000, us % 1000000};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit);
  if (::connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0) return fd;
  if (errno == EAGAIN) return NoAnswer(timeout);
  return Error(ErrorCode::kUnavailable,
               Error::FromErrno(errno, "BIRD does not answer at " + socket_path).message());
}

Result<BirdControl> BirdControl::Connect(const std::string& socket_path, Duration timeout) {
  ASSIGN_OR_RETURN(UniqueFd fd, Open(socket_path, 0, timeout));
  BirdControl control(fd.Release(), timeout);
  ASSIGN_OR_RETURN(const auto greeting, control.Command(""));
  control.greeting_ = greeting.back().text;
  return control;
}

// An empty command only reads: the greeting.
Result<std::vector<BirdReplyLine>> BirdControl::Command(const std::string& command) {
  if (!command.empty()) {
    const std::string line = command + "\n";
    if (::send(fd_, line.data(), line.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(line.size())) {
      return Error(ErrorCode::kUnavailable, Error::FromErrno(errno, "BIRD: " + command).message());
    }
  }
  const TimePoint deadline = std::chrono::steady_clock::now() + timeout_;
  std::vector<BirdReplyLine> reply;
  for (;;) {
    const std::size_t end = buffer_.find('\n');
    if (end == std::string::npos) {
      const auto left =
          std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
              .count();
      pollfd ready{fd_, POLLIN, 0};
      if (left <= 0 || ::poll(&ready, 1, static_cast<int>(left)) <= 0) return NoAnswer(timeout_);
      char chunk[4096];
      const ssize_t size = ::read(fd_, chunk, sizeof chunk);
      if (size <= 0) return Error(ErrorCode::kUnavailable, "BIRD closed its control socket");
      buffer_.append(chunk, static_cast<std::size_t>(size));
      continue;
    }
    const std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    if (line.starts_with("+")) continue;  // an asynchronous message
    reply.push_back(ReadLine(line, reply.empty() ? 0 : reply.back().code));
    if (reply.back().last) return reply;
  }
}

Status BirdControl::Configure() {
  ASSIGN_OR_RETURN(const auto reply, Command("configure"));
  if (reply.back().code < 8000) return Ok();
  return Error(ErrorCode::kInvalidArgument, "BIRD refuses its configuration: " + reply.back().text);
}

Status BirdControl::Refresh(const std::string& session) {
  if (const Status reloading = Run("reload in " + session); reloading.has_value()) return Ok();
  // A peer that knows no route refresh tells everything to a new session only.
  return Run("restart " + session);
}

Status BirdControl::Run(const std::string& command) {
  ASSIGN_OR_RETURN(const auto reply, Command(command));
  // What went wrong with one protocol stands before the line that ends the reply.
  const auto failed =
      std::find_if(reply.begin(), reply.end(), [](const auto& line) { return line.code >= 8000; });
  if (failed == reply.end()) return Ok();
  return Error(ErrorCode::kUnavailable, fmt::format("BIRD: {}: {}", command, failed->text));
}

Status BirdControl::ReloadKernelRoutes(const std::string& interface) {
  ASSIGN_OR_RETURN(const auto interfaces, Command("show interfaces summary"));
  const bool known = std::any_of(interfaces.begin(), interfaces.end(), [&](const BirdReplyLine& line) {
    return Trim(line.text).starts_with(interface + " ");
  });
  if (!known) return Error(ErrorCode::kUnavailable, "BIRD does not know " + interface + " yet");
  return Run("reload out kernel4");
}

Result<std::vector<PeerStatus>> BirdControl::Peers() {
  ASSIGN_OR_RETURN(const auto reply, Command("show protocols all"));
  return ReadPeers(reply, SystemClock().WallNow());
}
Result<DaemonStatus> BirdControl::Daemon() {
  ASSIGN_OR_RETURN(const auto reply, Command("show status"));
  return ReadDaemon(reply);
}
Result<std::vector<RouteStatus>> BirdControl::Routes() {
  ASSIGN_OR_RETURN(const auto reply, Command("show route"));
  return ReadRoutes(reply);
}

}  // namespace calico::bgp
