// SPDX-License-Identifier: Apache-2.0
// iptables-nft keeps FORWARD in table `filter`. Debian 12's version writes our rule as: meta mark, bitwise,
// cmp, the xtables match `comment`, counter, accept.
#include <cerrno>
#include <cstring>
#include <memory>
#include <vector>

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include "kernel/forward_firewall_read.h"

namespace calico::kernel {
namespace {

struct CloseSocket {
  void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
};
using Socket = std::unique_ptr<mnl_socket, CloseSocket>;
constexpr timeval kReplyTimeout{5, 0};
constexpr int kTries = 10;  // a dump that something changed under is repeated

std::string Text(const nftnl_expr* expression, std::uint16_t attribute) {
  const char* text = nftnl_expr_get_str(expression, attribute);
  return text == nullptr ? "" : text;
}
bool Equals(const nftnl_expr* expression, std::uint16_t attribute, std::uint32_t value) {
  std::uint32_t size = 0;
  const void* data = nftnl_expr_get(expression, attribute, &size);
  return data != nullptr && size == sizeof value && std::memcmp(data, &value, sizeof value) == 0;
}

// Whether a rule is exactly "mark matches -> accept".
struct RuleShape {
  MarkMatch mark;
  // iptables leaves a full mask out.
  bool has_meta = false, has_mask = mark.mask == ~std::uint32_t{0}, has_value = false, accepts = false,
       other = false;

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

// EINTR: the rules changed during the dump.
template <typename OnMessage>
Status Exchange(const Socket& socket, const nlmsghdr* header, OnMessage on_message) {
  if (mnl_socket_sendto(socket.get(), header, header->nlmsg_len) < 0)
    return Error::FromErrno(errno, "read FORWARD");
  std::vector<char> buffer(64 * 1024);
  bool interrupted = false;
  for (;;) {
    const ssize_t size = mnl_socket_recvfrom(socket.get(), buffer.data(), buffer.size());
    if (size < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN) return Error(ErrorCode::kUnavailable, "read FORWARD: the kernel does not answer");
      return Error::FromErrno(errno, "read FORWARD");
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
        return error == 0 ? Ok() : Status(Error::FromErrno(-error, "read FORWARD"));
      }
      on_message(reply);
    }
  }
}

Result<ForwardChain> ReadOnce(net::Family family, MarkMatch mark) {
  const Socket socket(mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC));
  if (socket == nullptr) return Error::FromErrno(errno, "read FORWARD: open a netlink socket");
  setsockopt(mnl_socket_get_fd(socket.get()), SOL_SOCKET, SO_RCVTIMEO, &kReplyTimeout, sizeof kReplyTimeout);
  if (mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0)
    return Error::FromErrno(errno, "read FORWARD: bind");
  const std::uint8_t family_number = family == net::Family::kV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
  alignas(nlmsghdr) char buffer[4096];
  ForwardChain chain;

  const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> wanted(nftnl_chain_alloc(),
                                                                          nftnl_chain_free);
  nftnl_chain_set_str(wanted.get(), NFTNL_CHAIN_TABLE, "filter");
  nftnl_chain_set_str(wanted.get(), NFTNL_CHAIN_NAME, "FORWARD");
  nlmsghdr* header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, family_number, NLM_F_ACK, 1);
  nftnl_chain_nlmsg_build_payload(header, wanted.get());
  Status status = Exchange(socket, header, [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)> found(nftnl_chain_alloc(),
                                                                           nftnl_chain_free);
    if (nftnl_chain_nlmsg_parse(message, found.get()) != 0 ||
        !nftnl_chain_is_set(found.get(), NFTNL_CHAIN_HOOKNUM))
      return;
    chain.exists = true;
    chain.can_drop = nftnl_chain_get_u32(found.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
  });
  if (!status.has_value()) {
    if (status.error().code() == ErrorCode::kNotFound) return ForwardChain{};
    return std::move(status).error();
  }
  if (!chain.exists) return chain;

  const std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)> filter(nftnl_rule_alloc(), nftnl_rule_free);
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_TABLE, "filter");
  nftnl_rule_set_str(filter.get(), NFTNL_RULE_CHAIN, "FORWARD");
  header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETRULE, family_number, NLM_F_DUMP, 2);
  nftnl_rule_nlmsg_build_payload(header, filter.get());
  int number = 0;
  status = Exchange(socket, header, [&](const nlmsghdr* message) {
    const std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)> rule(nftnl_rule_alloc(), nftnl_rule_free);
    if (nftnl_rule_nlmsg_parse(message, rule.get()) != 0) return;
    RuleShape shape{mark};
    nftnl_expr_foreach(rule.get(), RuleShape::See, &shape);
    if (++number == 1) chain.our_rule_first = shape.IsOurs();
    if (!shape.IsOurs()) chain.can_drop = true;
  });
  if (!status.has_value() && status.error().code() != ErrorCode::kNotFound) return std::move(status).error();
  return chain;
}

}  // namespace

Result<ForwardChain> ReadNftForward(net::Family family, MarkMatch mark) {
  for (int i = 1;; ++i) {
    auto chain = ReadOnce(family, mark);
    if (chain.has_value() || chain.error().sys_errno() != EINTR || i == kTries) return chain;
  }
}

}  // namespace calico::kernel
