// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kernel/nft/expression.h"
#include "kernel/nft/messages.h"

namespace calico::kernel::nft {
namespace {

using Type = Expression::Type;

std::string Data(const nftnl_expr* expression, std::uint16_t attribute) {
  std::uint32_t size = 0;
  const auto* data = static_cast<const char*>(nftnl_expr_get(expression, attribute, &size));
  return data == nullptr ? std::string() : std::string(data, size);
}
std::string Text(const nftnl_expr* expression, std::uint16_t attribute) {
  const char* text = nftnl_expr_get_str(expression, attribute);
  return text == nullptr ? "" : text;
}

// Only what we may have written; the rest is kUnknown and makes the rule foreign.
Expression From(const nftnl_expr* e) {
  const std::string name = nftnl_expr_get_str(e, NFTNL_EXPR_NAME);
  const auto u32 = [&](std::uint16_t attribute) { return nftnl_expr_get_u32(e, attribute); };
  const auto set = [&](std::uint16_t attribute) { return nftnl_expr_is_set(e, attribute); };
  if (name == "meta") {
    return {set(NFTNL_EXPR_META_DREG) ? Type::kMeta : Type::kMetaSet, u32(NFTNL_EXPR_META_KEY), 0, 0, "", ""};
  }
  if (name == "ct" && set(NFTNL_EXPR_CT_DREG)) return {Type::kCt, u32(NFTNL_EXPR_CT_KEY), 0, 0, "", ""};
  if (name == "payload" && set(NFTNL_EXPR_PAYLOAD_DREG)) {
    return {Type::kPayload,
            u32(NFTNL_EXPR_PAYLOAD_BASE),
            u32(NFTNL_EXPR_PAYLOAD_OFFSET),
            u32(NFTNL_EXPR_PAYLOAD_LEN),
            "",
            ""};
  }
  if (name == "bitwise") {
    return {Type::kBitwise, 0, 0, 0, Data(e, NFTNL_EXPR_BITWISE_MASK), Data(e, NFTNL_EXPR_BITWISE_XOR)};
  }
  if (name == "cmp") return {Type::kCmp, u32(NFTNL_EXPR_CMP_OP), 0, 0, Data(e, NFTNL_EXPR_CMP_DATA), ""};
  if (name == "range") {
    return {Type::kRange,
            u32(NFTNL_EXPR_RANGE_OP),
            0,
            0,
            Data(e, NFTNL_EXPR_RANGE_FROM_DATA),
            Data(e, NFTNL_EXPR_RANGE_TO_DATA)};
  }
  if (name == "lookup") {
    const bool inverted =
        set(NFTNL_EXPR_LOOKUP_FLAGS) && (u32(NFTNL_EXPR_LOOKUP_FLAGS) & NFT_LOOKUP_F_INV) != 0;
    return {Type::kLookup,
            inverted ? 1U : 0U,
            set(NFTNL_EXPR_LOOKUP_DREG) ? 1U : 0U,
            0,
            Text(e, NFTNL_EXPR_LOOKUP_SET),
            ""};
  }
  if (name == "fib") return {Type::kFib, u32(NFTNL_EXPR_FIB_FLAGS), u32(NFTNL_EXPR_FIB_RESULT), 0, "", ""};
  if (name == "counter") return {Type::kCounter, 0, 0, 0, "", ""};
  if (name == "objref" && set(NFTNL_EXPR_OBJREF_IMM_NAME)) {
    return {Type::kObjRef, u32(NFTNL_EXPR_OBJREF_IMM_TYPE), 0, 0, Text(e, NFTNL_EXPR_OBJREF_IMM_NAME), ""};
  }
  if (name == "masq") return {Type::kMasq, 0, 0, 0, "", ""};
  if (name == "log") return {Type::kLog, 0, 0, 0, Text(e, NFTNL_EXPR_LOG_PREFIX), ""};
  if (name == "immediate" && set(NFTNL_EXPR_IMM_VERDICT)) {
    return {Type::kVerdict,
            u32(NFTNL_EXPR_IMM_VERDICT),
            0,
            0,
            set(NFTNL_EXPR_IMM_CHAIN) ? Text(e, NFTNL_EXPR_IMM_CHAIN) : "",
            ""};
  }
  return {Type::kUnknown, 0, 0, 0, name, ""};
}

int TakeComment(const nftnl_udata* attribute, void* out) {
  if (nftnl_udata_type(attribute) == NFTNL_UDATA_RULE_COMMENT) {
    const auto* text = static_cast<const char*>(nftnl_udata_get(attribute));
    *static_cast<std::string*>(out) = std::string(text, strnlen(text, nftnl_udata_len(attribute)));
  }
  return 0;
}

Verdict VerdictFrom(nftnl_set_elem* element) {
  std::uint32_t size = 0;
  const auto* code =
      static_cast<const std::uint32_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_VERDICT, &size));
  const char* chain = nftnl_set_elem_get_str(element, NFTNL_SET_ELEM_CHAIN);
  const std::string name = chain == nullptr ? "" : chain;
  switch (code == nullptr ? NF_DROP : static_cast<std::int32_t>(*code)) {
    case NF_ACCEPT:
      return {VerdictKind::kAccept, ""};
    case NFT_RETURN:
      return {VerdictKind::kReturn, ""};
    case NFT_JUMP:
      return {VerdictKind::kJump, name};
    case NFT_GOTO:
      return {VerdictKind::kGoto, name};
    default:
      return {VerdictKind::kDrop, ""};
  }
}

struct Bound {
  net::Ip ip;
  bool end = false;
  // An end sorts before a start at the same place: adjacent intervals.
  auto operator<=>(const Bound& other) const {
    if (ip != other.ip) return ip <=> other.ip;
    return other.end <=> end;
  }
};

void AddInterval(const net::Ip& first, const net::Ip& last, Set& into) {
  for (int length = 0; length <= net::Bits(first.family()); ++length) {
    const net::Cidr cidr(first, length);
    if (cidr.IsMasked() && cidr.Last() == last) {
      into.members[cidr.ToString()] = {cidr, std::nullopt};
      return;
    }
  }
  const std::string text = first.ToString() + "-" + last.ToString();  // foreign: we only write prefixes
  into.members[text] = {text, std::nullopt};
}

net::Ip Previous(const net::Ip& ip) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(ip.bytes(), ip.size(), bytes.begin());
  for (std::size_t i = ip.size(); i-- > 0;) {
    if (bytes[i]-- != 0) break;  // no borrow
  }
  return net::Ip::FromBytes(ip.family(), bytes.data());
}

}  // namespace

Chain ChainFrom(const nftnl_chain* chain) {
  Chain out;
  if (!nftnl_chain_is_set(chain, NFTNL_CHAIN_HOOKNUM)) return out;
  BaseChain base;
  const std::string type = nftnl_chain_get_str(chain, NFTNL_CHAIN_TYPE);
  base.type = type == "nat"     ? BaseChain::Type::kNat
              : type == "route" ? BaseChain::Type::kRoute
                                : BaseChain::Type::kFilter;
  switch (nftnl_chain_get_u32(chain, NFTNL_CHAIN_HOOKNUM)) {
    case NF_INET_PRE_ROUTING:
      base.hook = Hook::kPrerouting;
      break;
    case NF_INET_LOCAL_IN:
      base.hook = Hook::kInput;
      break;
    case NF_INET_FORWARD:
      base.hook = Hook::kForward;
      break;
    case NF_INET_LOCAL_OUT:
      base.hook = Hook::kOutput;
      break;
    default:
      base.hook = Hook::kPostrouting;
      break;
  }
  base.priority = nftnl_chain_get_s32(chain, NFTNL_CHAIN_PRIO);
  base.policy_accept = nftnl_chain_get_u32(chain, NFTNL_CHAIN_POLICY) == NF_ACCEPT;
  out.base = base;
  return out;
}

Rule RuleFrom(nftnl_rule* rule, net::Family family) {
  std::vector<Expression> expressions;
  nftnl_expr_foreach(
      rule,
      [](nftnl_expr* expression, void* out) {
        static_cast<std::vector<Expression>*>(out)->push_back(From(expression));
        return 0;
      },
      &expressions);
  std::string comment;
  std::uint32_t size = 0;
  if (const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size); data != nullptr) {
    nftnl_udata_parse(data, size, TakeComment, &comment);
  }
  return Decode(expressions, comment, family);
}

SetType TypeFrom(const nftnl_set* set) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_MAP) != 0) return SetType::kVerdictByIfname;
  return (flags & NFT_SET_INTERVAL) != 0 ? SetType::kPrefixes : SetType::kAddresses;
}

void AddMembersFrom(nftnl_set* set, net::Family family, Set& into) {
  struct Context {
    const net::Family family;
    Set& into;
    std::vector<Bound> bounds;
  } context{family, into, {}};
  nftnl_set_elem_foreach(
      set,
      [](nftnl_set_elem* element, void* data) {
        auto& c = *static_cast<Context*>(data);
        std::uint32_t size = 0;
        const auto* key =
            static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
        if (key == nullptr) return 0;
        if (c.into.type == SetType::kVerdictByIfname) {
          const std::string name(reinterpret_cast<const char*>(key),
                                 strnlen(reinterpret_cast<const char*>(key), size));
          c.into.members[name] = {name, VerdictFrom(element)};
          return 0;
        }
        const net::Ip ip = net::Ip::FromBytes(c.family, key);
        if (c.into.type == SetType::kAddresses) {
          c.into.members[net::Cidr::Host(ip).ToString()] = {net::Cidr::Host(ip), std::nullopt};
        } else {
          const bool has_flags = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS);
          const std::uint32_t flags = has_flags ? nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) : 0;
          c.bounds.push_back({ip, (flags & NFT_SET_ELEM_INTERVAL_END) != 0});
        }
        return 0;
      },
      &context);
  std::sort(context.bounds.begin(), context.bounds.end());
  for (std::size_t i = 0; i < context.bounds.size(); ++i) {
    const Bound& start = context.bounds[i];
    if (start.end) continue;
    const bool closed = i + 1 < context.bounds.size() && context.bounds[i + 1].end;
    const net::Ip last = closed ? Previous(context.bounds[i + 1].ip) : net::Cidr(start.ip, 0).Last();
    AddInterval(start.ip, last, into);
  }
}

}  // namespace calico::kernel::nft
