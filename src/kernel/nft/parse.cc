// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>
#include <cstring>

#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/udata.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
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
    if (!set(NFTNL_EXPR_META_DREG)) return {Type::kMetaSet, u32(NFTNL_EXPR_META_KEY), 0, 0, "", ""};
    return {Type::kMeta, u32(NFTNL_EXPR_META_KEY), 0, 0, "", "", u32(NFTNL_EXPR_META_DREG)};
  }
  if (name == "ct") {
    return {set(NFTNL_EXPR_CT_DREG) ? Type::kCt : Type::kCtSet, u32(NFTNL_EXPR_CT_KEY), 0, 0, "", ""};
  }
  if (name == "payload" && set(NFTNL_EXPR_PAYLOAD_DREG)) {
    return {Type::kPayload,
            u32(NFTNL_EXPR_PAYLOAD_BASE),
            u32(NFTNL_EXPR_PAYLOAD_OFFSET),
            u32(NFTNL_EXPR_PAYLOAD_LEN),
            "",
            "",
            u32(NFTNL_EXPR_PAYLOAD_DREG)};
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
  if (name == "notrack") return {Type::kNoTrack, 0, 0, 0, "", ""};
  if (name == "reject") {
    return {
        Type::kReject, u32(NFTNL_EXPR_REJECT_TYPE), nftnl_expr_get_u8(e, NFTNL_EXPR_REJECT_CODE), 0, "", ""};
  }
  // The kernel adds flags of its own, which say no more than which registers are in use.
  const auto nat_flags = [&](std::uint16_t attribute) {
    return set(attribute) ? u32(attribute) & NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0U;
  };
  if (name == "masq") {
    return {Type::kMasq, 0, nat_flags(NFTNL_EXPR_MASQ_FLAGS), set(NFTNL_EXPR_MASQ_REG_PROTO_MIN) ? 1U : 0U,
            "",          ""};
  }
  if (name == "nat") {
    return {Type::kNat,
            u32(NFTNL_EXPR_NAT_TYPE),
            nat_flags(NFTNL_EXPR_NAT_FLAGS),
            set(NFTNL_EXPR_NAT_REG_PROTO_MIN) ? 1U : 0U,
            "",
            ""};
  }
  if (name == "immediate" && set(NFTNL_EXPR_IMM_DATA) && !set(NFTNL_EXPR_IMM_VERDICT)) {
    return {Type::kImmediate, 0, 0, 0, Data(e, NFTNL_EXPR_IMM_DATA), "", u32(NFTNL_EXPR_IMM_DREG)};
  }
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

// The ends of intervals, as the kernel keeps them: where one begins, and the first place behind it.
template <typename Place>
struct Bound {
  Place place;
  bool end = false;
  // An end sorts before a start at the same place: adjacent intervals.
  bool operator<(const Bound& other) const {
    return place != other.place ? place < other.place : end && !other.end;
  }
};

SetKey KeyOf(const net::Ip& first, const net::Ip& last) {
  for (int length = 0; length <= net::Bits(first.family()); ++length) {
    const net::Cidr cidr(first, length);
    if (cidr.IsMasked() && cidr.Last() == last) return cidr;
  }
  return first.ToString() + "-" + last.ToString();  // foreign: we only write prefixes
}
SetKey KeyOf(std::uint32_t first, std::uint32_t last) {
  return net::PortRange{static_cast<std::uint16_t>(first), static_cast<std::uint16_t>(last)};
}

net::Ip Previous(const net::Ip& ip) {
  std::array<std::uint8_t, 16> bytes{};
  std::copy_n(ip.bytes(), ip.size(), bytes.begin());
  for (std::size_t i = ip.size(); i-- > 0;) {
    if (bytes[i]-- != 0) break;  // no borrow
  }
  return net::Ip::FromBytes(ip.family(), bytes.data());
}
std::uint32_t Previous(std::uint32_t port) {
  return port - 1;
}

template <typename Place>
void AddIntervals(std::vector<Bound<Place>> bounds, const Place& highest, Set& into) {
  std::sort(bounds.begin(), bounds.end());
  for (std::size_t i = 0; i < bounds.size(); ++i) {
    if (bounds[i].end) continue;
    const bool closed = i + 1 < bounds.size() && bounds[i + 1].end;
    into.members.emplace(KeyOf(bounds[i].place, closed ? Previous(bounds[i + 1].place) : highest),
                         std::nullopt);
  }
}

std::string NameAt(const std::uint8_t* bytes) {
  const auto* text = reinterpret_cast<const char*>(bytes);
  return {text, strnlen(text, IFNAMSIZ)};
}
std::uint16_t PortAt(const std::uint8_t* bytes) {
  return static_cast<std::uint16_t>((bytes[0] << 8) | bytes[1]);
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
  return Decode(expressions, CommentOf(rule), family);
}

std::string CommentOf(const nftnl_rule* rule) {
  std::string comment;
  std::uint32_t size = 0;
  if (const void* data = nftnl_rule_get_data(rule, NFTNL_RULE_USERDATA, &size); data != nullptr)
    nftnl_udata_parse(data, size, TakeComment, &comment);
  return comment;
}

std::optional<CounterValue> CounterOf(nftnl_rule* rule) {
  std::optional<CounterValue> value;
  nftnl_expr_foreach(
      rule,
      [](nftnl_expr* e, void* out) {
        auto& found = *static_cast<std::optional<CounterValue>*>(out);
        if (!found && std::string(nftnl_expr_get_str(e, NFTNL_EXPR_NAME)) == "counter")
          found = CounterValue{nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_PACKETS),
                               nftnl_expr_get_u64(e, NFTNL_EXPR_CTR_BYTES)};
        return 0;
      },
      &value);
  return value;
}

SetType TypeFrom(const nftnl_set* set) {
  const std::uint32_t flags = nftnl_set_get_u32(set, NFTNL_SET_FLAGS);
  if ((flags & NFT_SET_MAP) != 0) return SetType::kVerdictByIfname;
  switch (nftnl_set_get_u32(set, NFTNL_SET_KEY_TYPE)) {
    case kTypePort:
      return SetType::kPorts;
    case kTypeIpv4Port:
    case kTypeIpv6Port:
      return SetType::kAddressPorts;
    case kTypeInterfaceMac:
      return SetType::kInterfaceMacs;
    default:
      return (flags & NFT_SET_INTERVAL) != 0 ? SetType::kPrefixes : SetType::kAddresses;
  }
}

void AddMembersFrom(nftnl_set* set, net::Family family, Set& into) {
  struct Context {
    const net::Family family;
    Set& into;
    std::vector<Bound<net::Ip>> addresses;
    std::vector<Bound<std::uint32_t>> ports;
  } context{family, into, {}, {}};
  nftnl_set_elem_foreach(
      set,
      [](nftnl_set_elem* element, void* data) {
        auto& c = *static_cast<Context*>(data);
        std::uint32_t size = 0;
        const auto* key =
            static_cast<const std::uint8_t*>(nftnl_set_elem_get(element, NFTNL_SET_ELEM_KEY, &size));
        if (key == nullptr) return 0;
        const bool has_flags = nftnl_set_elem_is_set(element, NFTNL_SET_ELEM_FLAGS);
        const std::uint32_t flags = has_flags ? nftnl_set_elem_get_u32(element, NFTNL_SET_ELEM_FLAGS) : 0;
        const bool end = (flags & NFT_SET_ELEM_INTERVAL_END) != 0;
        switch (c.into.type) {
          case SetType::kVerdictByIfname:
            c.into.members.insert_or_assign(NameAt(key), VerdictFrom(element));
            break;
          case SetType::kAddresses:
            c.into.members.emplace(net::Cidr::Host(net::Ip::FromBytes(c.family, key)), std::nullopt);
            break;
          case SetType::kPrefixes:
            c.addresses.push_back({net::Ip::FromBytes(c.family, key), end});
            break;
          case SetType::kPorts:
            c.ports.push_back({PortAt(key), end});
            break;
          case SetType::kAddressPorts: {
            const net::Ip ip = net::Ip::FromBytes(c.family, key);
            c.into.members.emplace(net::AddressPort{ip, key[ip.size()], PortAt(key + ip.size() + 4)},
                                   std::nullopt);
            break;
          }
          case SetType::kInterfaceMacs: {
            InterfaceMac pair{NameAt(key), {}};
            std::copy_n(key + IFNAMSIZ, pair.mac.bytes.size(), pair.mac.bytes.begin());
            c.into.members.emplace(std::move(pair), std::nullopt);
            break;
          }
        }
        return 0;
      },
      &context);
  AddIntervals(std::move(context.addresses),
               family == net::Family::kV4 ? *net::Ip::Parse("255.255.255.255")
                                          : *net::Ip::Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
               into);
  AddIntervals(std::move(context.ports), std::uint32_t{65535}, into);
}

}  // namespace calico::kernel::nft
