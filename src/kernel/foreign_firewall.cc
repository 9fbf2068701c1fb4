// SPDX-License-Identifier: Apache-2.0
#include "kernel/foreign_firewall.h"

#include <functional>

#include <fmt/format.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/rule.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/nft_foreign.h"

namespace calico::kernel {
namespace {

constexpr char kComment[] = "calico: accept what policy allowed";
constexpr int kTries = 10;

struct FamilyName {
  const char* name;
  std::uint8_t number;
};
constexpr FamilyName kFamilies[] = {{"ip", NFPROTO_IPV4}, {"ip6", NFPROTO_IPV6}, {"inet", NFPROTO_INET}};

using ChainPtr = std::unique_ptr<nftnl_chain, void (*)(const nftnl_chain*)>;
using RulePtr = std::unique_ptr<nftnl_rule, void (*)(const nftnl_rule*)>;
using ExprPtr = std::unique_ptr<nftnl_expr, void (*)(const nftnl_expr*)>;

std::string TextOf(const char* text) {
  return text == nullptr ? "" : text;
}

// iptables-nft's own tables: what our rules in FORWARD and INPUT are for.
bool IsIptables(const std::string& family, const std::string& chain) {
  return family != "inet" && (chain == "FORWARD" || chain == "INPUT");
}

// Whether packets may end in this rule.
int SeeDrop(nftnl_expr* e, void* data) {
  const std::string name = RuleShape::Text(e, NFTNL_EXPR_NAME);
  bool& drops = *static_cast<bool*>(data);
  if (name == "reject" || name == "queue" || name == "synproxy") drops = true;
  if (name == "immediate" && nftnl_expr_is_set(e, NFTNL_EXPR_IMM_VERDICT)) {
    const auto verdict = static_cast<std::int32_t>(nftnl_expr_get_u32(e, NFTNL_EXPR_IMM_VERDICT));
    drops = drops || verdict == NF_DROP || verdict == NFT_JUMP || verdict == NFT_GOTO;
  }
  // A verdict map may hold anything.
  if (name == "lookup" && nftnl_expr_is_set(e, NFTNL_EXPR_LOOKUP_DREG) &&
      nftnl_expr_get_u32(e, NFTNL_EXPR_LOOKUP_DREG) == NFT_REG_VERDICT)
    drops = true;
  return 0;
}

int TakeComment(const nftnl_udata* attribute, void* out) {
  if (nftnl_udata_type(attribute) == NFTNL_UDATA_RULE_COMMENT) {
    const auto* text = static_cast<const char*>(nftnl_udata_get(attribute));
    *static_cast<std::string*>(out) = std::string(text, strnlen(text, nftnl_udata_len(attribute)));
  }
  return 0;
}
std::string CommentOf(const nftnl_rule* rule) {
  std::string comment;
  std::uint32_t size = 0;
  if (const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size); data != nullptr)
    nftnl_udata_parse(data, size, TakeComment, &comment);
  return comment;
}

class NftForeignFirewall final : public ForeignFirewall {
 public:
  NftForeignFirewall(std::uint32_t mark, std::string own_table)
      : mark_{mark, mark}, own_table_(std::move(own_table)) {}

  Result<std::vector<ForeignChain>> Read() override {
    for (int i = 1;; ++i) {
      auto read = ReadOnce();
      if (read.has_value() || read.error().sys_errno() != EINTR || i == kTries) return read;
    }
  }

  Status InsertAccept(const ForeignChain& chain) override {
    const RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, chain.table.c_str());
    nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.chain.c_str());
    nftnl_expr* meta = nftnl_expr_alloc("meta");
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_KEY, NFT_META_MARK);
    nftnl_expr_set_u32(meta, NFTNL_EXPR_META_DREG, NFT_REG_1);
    nftnl_rule_add_expr(rule.get(), meta);
    nftnl_expr* mask = nftnl_expr_alloc("bitwise");
    const std::uint32_t zero = 0;
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
    nftnl_expr_set_u32(mask, NFTNL_EXPR_BITWISE_LEN, sizeof mark_.mask);
    nftnl_expr_set(mask, NFTNL_EXPR_BITWISE_MASK, &mark_.mask, sizeof mark_.mask);
    nftnl_expr_set(mask, NFTNL_EXPR_BITWISE_XOR, &zero, sizeof zero);
    nftnl_rule_add_expr(rule.get(), mask);
    nftnl_expr* compare = nftnl_expr_alloc("cmp");
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
    nftnl_expr_set_u32(compare, NFTNL_EXPR_CMP_OP, NFT_CMP_EQ);
    nftnl_expr_set(compare, NFTNL_EXPR_CMP_DATA, &mark_.value, sizeof mark_.value);
    nftnl_rule_add_expr(rule.get(), compare);
    nftnl_expr* accept = nftnl_expr_alloc("immediate");
    nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
    nftnl_expr_set_u32(accept, NFTNL_EXPR_IMM_VERDICT, NF_ACCEPT);
    nftnl_rule_add_expr(rule.get(), accept);
    const std::unique_ptr<nftnl_udata_buf, void (*)(const nftnl_udata_buf*)> comment(
        nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN), nftnl_udata_buf_free);
    nftnl_udata_put_strz(comment.get(), NFTNL_UDATA_RULE_COMMENT, kComment);
    nftnl_rule_set_data(rule.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(comment.get()),
                        nftnl_udata_buf_len(comment.get()));
    // Without NLM_F_APPEND it becomes the first one.
    return Commit(chain.family, NFT_MSG_NEWRULE, NLM_F_CREATE, rule.get());
  }

  Status RemoveAccepts() override {
    ASSIGN_OR_RETURN(const auto chains, Read());
    ASSIGN_OR_RETURN(const NetfilterSocket socket, OpenNetfilterSocket());
    for (const ForeignChain& chain : chains) {
      std::vector<std::uint64_t> ours;
      RETURN_IF_ERROR(ForEachRule(socket, chain, [&](const nftnl_rule* rule) {
        if (CommentOf(rule) == kComment) ours.push_back(nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE));
      }));
      for (const std::uint64_t handle : ours) {
        const RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, chain.table.c_str());
        nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, chain.chain.c_str());
        nftnl_rule_set_u64(rule.get(), NFTNL_RULE_HANDLE, handle);
        const Status gone = Commit(chain.family, NFT_MSG_DELRULE, 0, rule.get());
        if (!gone.has_value() && gone.error().code() != ErrorCode::kNotFound) return gone;
      }
    }
    return Ok();
  }

 private:
  static std::uint8_t NumberOf(const std::string& family) {
    for (const FamilyName& one : kFamilies) {
      if (family == one.name) return one.number;
    }
    return NFPROTO_UNSPEC;
  }

  Result<std::vector<ForeignChain>> ReadOnce() const {
    ASSIGN_OR_RETURN(const NetfilterSocket socket, OpenNetfilterSocket());
    std::vector<ForeignChain> chains;
    for (const FamilyName& family : kFamilies) {
      alignas(nlmsghdr) char buffer[512];
      nlmsghdr* header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETCHAIN, family.number, NLM_F_DUMP, 1);
      RETURN_IF_ERROR(ExchangeNetfilter(socket, header, [&](const nlmsghdr* message) {
        const ChainPtr found(nftnl_chain_alloc(), nftnl_chain_free);
        if (nftnl_chain_nlmsg_parse(message, found.get()) != 0 ||
            !nftnl_chain_is_set(found.get(), NFTNL_CHAIN_HOOKNUM))
          return;
        const std::uint32_t hook = nftnl_chain_get_u32(found.get(), NFTNL_CHAIN_HOOKNUM);
        if (hook != NF_INET_FORWARD && hook != NF_INET_LOCAL_IN) return;
        ForeignChain chain;
        chain.family = family.name;
        chain.table = TextOf(nftnl_chain_get_str(found.get(), NFTNL_CHAIN_TABLE));
        chain.chain = TextOf(nftnl_chain_get_str(found.get(), NFTNL_CHAIN_NAME));
        chain.input = hook == NF_INET_LOCAL_IN;
        chain.policy_drop = nftnl_chain_get_u32(found.get(), NFTNL_CHAIN_POLICY) == NF_DROP;
        if (chain.table != own_table_ && !IsIptables(chain.family, chain.chain)) chains.push_back(chain);
      }));
    }
    for (ForeignChain& chain : chains) {
      int number = 0;
      RETURN_IF_ERROR(ForEachRule(socket, chain, [&](const nftnl_rule* rule) {
        RuleShape shape{mark_};
        bool drops = false;
        nftnl_expr_foreach(const_cast<nftnl_rule*>(rule), RuleShape::See, &shape);
        nftnl_expr_foreach(const_cast<nftnl_rule*>(rule), SeeDrop, &drops);
        if (++number == 1) chain.our_rule_first = shape.IsOurs();
        if (drops && chain.dropping_rule == 0)
          chain.dropping_rule = nftnl_rule_get_u64(rule, NFTNL_RULE_HANDLE);
      }));
    }
    return chains;
  }

  static Status ForEachRule(const NetfilterSocket& socket, const ForeignChain& chain,
                            const std::function<void(const nftnl_rule*)>& each) {
    alignas(nlmsghdr) char buffer[4096];
    const RulePtr filter(nftnl_rule_alloc(), nftnl_rule_free);
    nftnl_rule_set_str(filter.get(), NFTNL_RULE_TABLE, chain.table.c_str());
    nftnl_rule_set_str(filter.get(), NFTNL_RULE_CHAIN, chain.chain.c_str());
    nlmsghdr* header = nftnl_nlmsg_build_hdr(buffer, NFT_MSG_GETRULE, NumberOf(chain.family), NLM_F_DUMP, 2);
    nftnl_rule_nlmsg_build_payload(header, filter.get());
    const Status status = ExchangeNetfilter(socket, header, [&](const nlmsghdr* message) {
      const RulePtr rule(nftnl_rule_alloc(), nftnl_rule_free);
      if (nftnl_rule_nlmsg_parse(message, rule.get()) != 0) return;
      // Kernels before 5.13 do not heed the chain in a request.
      if (TextOf(nftnl_rule_get_str(rule.get(), NFTNL_RULE_CHAIN)) == chain.chain &&
          TextOf(nftnl_rule_get_str(rule.get(), NFTNL_RULE_TABLE)) == chain.table)
        each(rule.get());
    });
    if (!status.has_value() && status.error().code() == ErrorCode::kNotFound) return Ok();  // gone meanwhile
    return status;
  }

  // One rule in a batch of its own.
  static Status Commit(const std::string& family, std::uint16_t type, std::uint16_t flags,
                       const nftnl_rule* rule) {
    ASSIGN_OR_RETURN(const NetfilterSocket socket, OpenNetfilterSocket());
    alignas(nlmsghdr) char buffer[8192];
    char* at = buffer;
    std::uint32_t sequence = 1;
    const auto next = [&](nlmsghdr* header) { at += NLMSG_ALIGN(header->nlmsg_len); };
    next(nftnl_batch_begin(at, sequence++));
    nlmsghdr* header = nftnl_nlmsg_build_hdr(at, type, NumberOf(family),
                                             static_cast<std::uint16_t>(flags | NLM_F_ACK), sequence++);
    nftnl_rule_nlmsg_build_payload(header, const_cast<nftnl_rule*>(rule));
    next(header);
    next(nftnl_batch_end(at, sequence));
    if (mnl_socket_sendto(socket.get(), buffer, static_cast<std::size_t>(at - buffer)) < 0)
      return Error::FromErrno(errno, "write to the firewall");
    char answer[8192];
    const ssize_t size = mnl_socket_recvfrom(socket.get(), answer, sizeof answer);
    if (size < 0) return Error::FromErrno(errno, "write to the firewall");
    const auto* reply = reinterpret_cast<const nlmsghdr*>(answer);
    if (reply->nlmsg_type != NLMSG_ERROR)
      return Error(ErrorCode::kSystem, "write to the firewall: no answer");
    int error = 0;
    std::memcpy(&error, mnl_nlmsg_get_payload(reply), sizeof error);
    return error == 0 ? Ok() : Status(Error::FromErrno(-error, "write to the firewall"));
  }

  const MarkMatch mark_;
  const std::string own_table_;
};

}  // namespace

std::string ForeignChain::Describe() const {
  const std::string what = policy_drop          ? "policy drop"
                           : dropping_rule != 0 ? fmt::format("rule handle {}", dropping_rule)
                                                : "drops nothing";
  return fmt::format("table {} {}, chain {}: {}", family, table, chain, what);
}

std::string ForeignChain::Command(std::uint32_t mark) const {
  return fmt::format("nft insert rule {} {} {} meta mark and 0x{:x} == 0x{:x} accept comment '\"{}\"'",
                     family, table, chain, mark, mark, kComment);
}

std::unique_ptr<ForeignFirewall> OpenForeignFirewall(std::uint32_t mark, const std::string& own_table) {
  return std::make_unique<NftForeignFirewall>(mark, own_table);
}

}  // namespace calico::kernel
