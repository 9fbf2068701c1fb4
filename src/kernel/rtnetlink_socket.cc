// SPDX-License-Identifier: Apache-2.0
#include "kernel/rtnetlink_socket.h"

#include <cerrno>

#include <linux/netlink.h>
#include <sys/socket.h>

namespace calico::kernel {
namespace {

constexpr timeval kReplyTimeout{5, 0};
// A start of the agent or of BIRD changes thousands of routes at once; an overrun costs a whole resync.
constexpr int kReceiveBufferBytes = 8 * 1024 * 1024;

}  // namespace

Result<RouteSocket> OpenRouteSocket(unsigned groups) {
  RouteSocket socket(mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC));
  if (socket == nullptr) return Error::FromErrno(errno, "open a route netlink socket");
  int on = 1;
  mnl_socket_setsockopt(socket.get(), NETLINK_EXT_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket.get(), NETLINK_CAP_ACK, &on, sizeof on);
  mnl_socket_setsockopt(socket.get(), NETLINK_GET_STRICT_CHK, &on, sizeof on);
  const int fd = mnl_socket_get_fd(socket.get());
  setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBufferBytes, sizeof kReceiveBufferBytes);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kReplyTimeout, sizeof kReplyTimeout);
  if (mnl_socket_bind(socket.get(), groups, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "bind a route netlink socket");
  return socket;
}

}  // namespace calico::kernel
