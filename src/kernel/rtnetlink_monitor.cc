// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <vector>

#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "kernel/rtnetlink_parse.h"
#include "kernel/rtnetlink_socket.h"

namespace calico::kernel {
namespace {

class MnlMonitor final : public RtnetlinkMonitor {
 public:
  explicit MnlMonitor(RouteSocket socket) : socket_(std::move(socket)), buffer_(256 * 1024) {}

  int fd() const override { return mnl_socket_get_fd(socket_.get()); }

  Result<Events> Read() override {
    Events events;
    for (;;) {
      const ssize_t size = recv(fd(), buffer_.data(), buffer_.size(), MSG_DONTWAIT);
      if (size < 0) {
        if (errno == EAGAIN) return events;
        if (errno == EINTR) continue;
        if (errno != ENOBUFS) return Error::FromErrno(errno, "rtnetlink events");
        events.overrun = true;
        continue;
      }
      int left = static_cast<int>(size);
      for (auto* message = reinterpret_cast<nlmsghdr*>(buffer_.data()); mnl_nlmsg_ok(message, left);
           message = mnl_nlmsg_next(message, &left)) {
        Add(message, events);
      }
    }
  }

 private:
  static void Add(const nlmsghdr* message, Events& events) {
    switch (message->nlmsg_type) {
      case RTM_NEWLINK:
        if (auto link = ParseLink(message)) events.links.push_back({std::move(*link)});
        break;
      case RTM_DELLINK:
        if (const auto link = ParseLink(message)) events.links_removed.push_back({link->ifindex, link->name});
        break;
      case RTM_NEWADDR:
      case RTM_DELADDR:
        if (const auto address = ParseAddress(message))
          events.addresses.push_back({*address, message->nlmsg_type == RTM_DELADDR});
        break;
      case RTM_NEWROUTE:
      case RTM_DELROUTE:
        if (const auto route = ParseRoute(message)) {
          events.routes.push_back(
              {route->family, route->table, route->key, route->route, message->nlmsg_type == RTM_DELROUTE});
        }
        break;
      default:
        break;
    }
  }

  const RouteSocket socket_;
  std::vector<char> buffer_;
};

}  // namespace

Result<std::unique_ptr<RtnetlinkMonitor>> OpenRtnetlinkMonitor() {
  ASSIGN_OR_RETURN(RouteSocket socket, OpenRouteSocket(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR |
                                                       RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_ROUTE));
  return std::unique_ptr<RtnetlinkMonitor>(std::make_unique<MnlMonitor>(std::move(socket)));
}

Result<std::unique_ptr<RtnetlinkMonitor>> OpenLinkMonitor() {
  ASSIGN_OR_RETURN(RouteSocket socket, OpenRouteSocket(RTMGRP_LINK));
  return std::unique_ptr<RtnetlinkMonitor>(std::make_unique<MnlMonitor>(std::move(socket)));
}

}  // namespace calico::kernel
