// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink_waker.h"

#include <cerrno>
#include <filesystem>
#include <optional>
#include <set>
#include <sstream>
#include <string>

#include <fmt/format.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/file.h"
#include "base/text.h"
#include "kernel/rtnetlink_socket.h"

namespace calico::kernel {
namespace {

std::set<std::string> SocketInodes(pid_t pid) {
  constexpr std::string_view kSocket = "socket:[";
  std::set<std::string> inodes;
  std::error_code error;
  for (const auto& fd : std::filesystem::directory_iterator(fmt::format("/proc/{}/fd", pid), error)) {
    const std::string target = std::filesystem::read_symlink(fd.path(), error).string();
    if (target.starts_with(kSocket) && target.ends_with("]"))
      inodes.insert(target.substr(kSocket.size(), target.size() - kSocket.size() - 1));
  }
  return inodes;
}

// The address of its route netlink socket that is a member of groups. Columns: sk Eth Pid Groups … Inode.
std::optional<std::uint32_t> NotificationPort(pid_t pid) {
  const std::set<std::string> inodes = SocketInodes(pid);
  const auto table = ReadFile(fmt::format("/proc/{}/net/netlink", pid));
  if (!table.has_value()) return std::nullopt;
  for (const std::string& line : Split(*table, '\n')) {
    std::istringstream words(line);
    std::string socket, protocol, port, groups, word, last;
    words >> socket >> protocol >> port >> groups;
    while (words >> word) last = word;
    if (protocol != std::to_string(NETLINK_ROUTE) || !inodes.contains(last)) continue;
    if (groups.find_first_not_of('0') == std::string::npos) continue;
    return static_cast<std::uint32_t>(std::strtoul(port.c_str(), nullptr, 10));
  }
  return std::nullopt;
}

class MnlRtnetlinkWaker final : public RtnetlinkWaker {
 public:
  explicit MnlRtnetlinkWaker(RouteSocket socket) : socket_(std::move(socket)) {}

  Status Wake(pid_t pid) override {
    if (pid != pid_ || !port_) {
      pid_ = pid;
      port_ = NotificationPort(pid);
      if (!port_) return Error(ErrorCode::kNotFound, fmt::format("pid {} does not listen to rtnetlink", pid));
    }
    // The kernel refuses messages of no bytes.
    nlmsghdr message{};
    message.nlmsg_len = sizeof message;
    message.nlmsg_type = NLMSG_NOOP;
    sockaddr_nl to{};
    to.nl_family = AF_NETLINK;
    to.nl_pid = *port_;
    if (::sendto(mnl_socket_get_fd(socket_.get()), &message, sizeof message, MSG_DONTWAIT,
                 reinterpret_cast<const sockaddr*>(&to), sizeof to) >= 0)
      return Ok();
    // A full queue wakes just as well.
    if (errno == EAGAIN) return Ok();
    port_.reset();
    if (errno == ECONNREFUSED)
      return Error(ErrorCode::kNotFound, fmt::format("pid {} does not listen to rtnetlink any more", pid));
    return Error::FromErrno(errno, fmt::format("wake pid {}", pid));
  }

 private:
  const RouteSocket socket_;
  pid_t pid_ = -1;
  std::optional<std::uint32_t> port_;  // of pid_
};

}  // namespace

Result<std::unique_ptr<RtnetlinkWaker>> RtnetlinkWaker::Open() {
  ASSIGN_OR_RETURN(RouteSocket socket, OpenRouteSocket(0));
  return std::unique_ptr<RtnetlinkWaker>(new MnlRtnetlinkWaker(std::move(socket)));
}

}  // namespace calico::kernel
