// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cerrno>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include <libmnl/libmnl.h>
#include <libnftnl/expr.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "base/result.h"
#include "kernel/iptables_firewall_read.h"

// Internal to the .cc files that read tables of others: one exchange, and how a rule of ours looks there.
namespace calico::kernel {

struct CloseMnlSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using NetfilterSocket = std::unique_ptr<mnl_socket, CloseMnlSocket>;

inline Result<NetfilterSocket> OpenNetfilterSocket() {
  constexpr timeval kReplyTimeout{5, 0};
  NetfilterSocket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr) return Error::FromErrno(errno, "read the firewall: open a netlink socket");
  setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kReplyTimeout, sizeof kReplyTimeout);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "read the firewall: bind");
  return socket;
}

// EINTR: something changed during the dump.
template <typename OnMessage>
Status ExchangeNetfilter(const NetfilterSocket& socket, const nlmsghdr* header, OnMessage on_message) {
  if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0)
    return Error::FromErrno(errno, "read the firewall");
  std::vector<char> buffer(64 * 1024);
  bool interrupted = false;
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN)
        return Error(ErrorCode::kUnavailable, "read the firewall: the kernel does not answer");
      return Error::FromErrno(errno, "read the firewall");
    }
    int left = static_cast<int>(size);
    for (auto* reply = reinterpret_cast<nlmsghdr*>(buffer.data()); mnl_nlmsg_ok(reply, left);
         reply = mnl_nlmsg_next(reply, &left)) {
      if ((reply->nlmsg_flags & NLM_F_DUMP_INTR) != 0) interrupted = true;
      if (reply->nlmsg_type == NLMSG_DONE || reply->nlmsg_type == NLMSG_ERROR) {
        // Both begin with the negative errno.
        int error = 0;
        if (mnl_nlmsg_get_payload_len(reply) >= sizeof error)
          std::memcpy(&error, mnl_nlmsg_get_payload(reply), sizeof error);
        if (error == 0 && interrupted) error = -EINTR;
        return error == 0 ? Ok() : Status(Error::FromErrno(-error, "read the firewall"));
      }
      on_message(reply);
    }
  }
}

// Whether a rule is exactly "mark matches -> accept".
struct RuleShape {
  MarkMatch mark;
  // iptables leaves a full mask out.
  bool has_meta = false, has_mask = mark.mask == ~std::uint32_t{0}, has_value = false, accepts = false,
       other = false;

  static std::string Text(const nftnl_expr* expression, std::uint16_t attribute) {
    const char* text = nftnl_expr_get_str(expression, attribute);
    return text == nullptr ? "" : text;
  }
  static bool Equals(const nftnl_expr* expression, std::uint16_t attribute, std::uint32_t value) {
    std::uint32_t size = 0;
    const void* data = nftnl_expr_get(expression, attribute, &size);
    return data != nullptr && size == sizeof value && std::memcmp(data, &value, sizeof value) == 0;
  }
  static int See(nftnl_expr* e, void* data) {
    auto& shape = *static_cast<RuleShape*>(data);
    const std::string name = Text(e, NFTNL_EXPR_NAME);
    if (name == "meta" && nftnl_expr_get_u32(e, NFTNL_EXPR_META_KEY) == NFT_META_MARK) {
      shape.has_meta = true;
    } else if (name == "bitwise" && Equals(e, NFTNL_EXPR_BITWISE_MASK, shape.mark.mask)) {
      shape.has_mask = true;
    } else if (name == "cmp" && nftnl_expr_get_u32(e, NFTNL_EXPR_CMP_OP) == NFT_CMP_EQ &&
               Equals(e, NFTNL_EXPR_CMP_DATA, shape.mark.value)) {
      shape.has_value = true;
    } else if (name == "immediate" && nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT) &&
               nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT) == NF_ACCEPT) {
      shape.accepts = true;
    } else if (name != "counter" && !(name == "match" && Text(e, NFTNL_EXPR_MT_NAME) == "comment")) {
      shape.other = true;
    }
    return 0;
  }
  bool IsOurs() const { return has_meta && has_mask && has_value && accepts && !other; }
};

}  // namespace calico::kernel
