// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstring>
#include <memory>

#include <fmt/format.h>
#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/common.h>
#include <libnftnl/expr.h>
#include <libnftnl/object.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <libnftnl/udata.h>
#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "kernel/nft/expression.h"
#include "kernel/nft/messages.h"

namespace calico::kernel::nft {
namespace {

using Type = Expression::Type;

constexpr std::uint32_t kTypeVerdict = 0xffffff00;  // NFT_DATA_VERDICT
constexpr std::uint32_t kHostByteOrder = 1;         // nft's enum byteorder
// Members per message: an attribute's length is 16 bits.
constexpr std::size_t kMembersPerMessage = 400, kVerdictsPerMessage = 200;
constexpr std::size_t kLongestMessage = 128 * 1024;

template <auto Free>
struct Freed {
  template <typename T>
  void operator()(T* object) const {
    Free(object);
  }
};
using TablePtr = std::unique_ptr<nftnl_table, Freed<nftnl_table_free>>;
using ChainPtr = std::unique_ptr<nftnl_chain, Freed<nftnl_chain_free>>;
using RulePtr = std::unique_ptr<nftnl_rule, Freed<nftnl_rule_free>>;
using SetPtr = std::unique_ptr<nftnl_set, Freed<nftnl_set_free>>;
using UdataPtr = std::unique_ptr<nftnl_udata_buf, Freed<nftnl_udata_buf_free>>;
using ObjectPtr = std::unique_ptr<nftnl_obj, Freed<nftnl_obj_free>>;

std::uint8_t FamilyNumber(net::Family family) {
  return family == net::Family::kV4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
}

std::uint32_t VerdictCode(VerdictKind kind) {
  switch (kind) {
    case VerdictKind::kAccept:
      return NF_ACCEPT;
    case VerdictKind::kDrop:
      return NF_DROP;
    case VerdictKind::kReturn:
      return static_cast<std::uint32_t>(NFT_RETURN);
    case VerdictKind::kJump:
      return static_cast<std::uint32_t>(NFT_JUMP);
    case VerdictKind::kGoto:
      return static_cast<std::uint32_t>(NFT_GOTO);
  }
  return NF_DROP;
}

void SetData(nftnl_expr* expression, std::uint16_t attribute, const std::string& data) {
  nftnl_expr_set(expression, attribute, data.data(), static_cast<std::uint32_t>(data.size()));
}

// Older kernels heed the ports only if a flag says so; it is not told apart when read back.
std::uint32_t NatFlags(const Expression& e) {
  return e.b | (e.c != 0 ? NF_NAT_RANGE_PROTO_SPECIFIED : 0U);
}

nftnl_expr* Build(const Expression& e, net::Family family) {
  nftnl_expr* out = nullptr;
  switch (e.type) {
    case Type::kMeta:
      out = nftnl_expr_alloc("meta");
      nftnl_expr_set_u32(out, NFTNL_EXPR_META_KEY, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_META_DREG, e.reg);
      break;
    case Type::kMetaSet:
      out = nftnl_expr_alloc("meta");
      nftnl_expr_set_u32(out, NFTNL_EXPR_META_KEY, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_META_SREG, NFT_REG_1);
      break;
    case Type::kCt:
      out = nftnl_expr_alloc("ct");
      nftnl_expr_set_u32(out, NFTNL_EXPR_CT_KEY, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_CT_DREG, NFT_REG_1);
      break;
    case Type::kCtSet:
      out = nftnl_expr_alloc("ct");
      nftnl_expr_set_u32(out, NFTNL_EXPR_CT_KEY, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_CT_SREG, NFT_REG_1);
      break;
    case Type::kPayload:
      out = nftnl_expr_alloc("payload");
      nftnl_expr_set_u32(out, NFTNL_EXPR_PAYLOAD_BASE, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_PAYLOAD_OFFSET, e.b);
      nftnl_expr_set_u32(out, NFTNL_EXPR_PAYLOAD_LEN, e.c);
      nftnl_expr_set_u32(out, NFTNL_EXPR_PAYLOAD_DREG, e.reg);
      break;
    case Type::kBitwise:
      out = nftnl_expr_alloc("bitwise");
      nftnl_expr_set_u32(out, NFTNL_EXPR_BITWISE_SREG, NFT_REG_1);
      nftnl_expr_set_u32(out, NFTNL_EXPR_BITWISE_DREG, NFT_REG_1);
      nftnl_expr_set_u32(out, NFTNL_EXPR_BITWISE_LEN, static_cast<std::uint32_t>(e.data.size()));
      SetData(out, NFTNL_EXPR_BITWISE_MASK, e.data);
      SetData(out, NFTNL_EXPR_BITWISE_XOR, e.data2);
      break;
    case Type::kCmp:
      out = nftnl_expr_alloc("cmp");
      nftnl_expr_set_u32(out, NFTNL_EXPR_CMP_SREG, NFT_REG_1);
      nftnl_expr_set_u32(out, NFTNL_EXPR_CMP_OP, e.a);
      SetData(out, NFTNL_EXPR_CMP_DATA, e.data);
      break;
    case Type::kRange:
      out = nftnl_expr_alloc("range");
      nftnl_expr_set_u32(out, NFTNL_EXPR_RANGE_SREG, NFT_REG_1);
      nftnl_expr_set_u32(out, NFTNL_EXPR_RANGE_OP, e.a);
      SetData(out, NFTNL_EXPR_RANGE_FROM_DATA, e.data);
      SetData(out, NFTNL_EXPR_RANGE_TO_DATA, e.data2);
      break;
    case Type::kLookup:
      out = nftnl_expr_alloc("lookup");
      nftnl_expr_set_u32(out, NFTNL_EXPR_LOOKUP_SREG, NFT_REG_1);
      nftnl_expr_set_str(out, NFTNL_EXPR_LOOKUP_SET, e.data.c_str());
      if (e.a != 0) nftnl_expr_set_u32(out, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
      if (e.b != 0) nftnl_expr_set_u32(out, NFTNL_EXPR_LOOKUP_DREG, NFT_REG_VERDICT);
      break;
    case Type::kFib:
      out = nftnl_expr_alloc("fib");
      nftnl_expr_set_u32(out, NFTNL_EXPR_FIB_FLAGS, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_FIB_RESULT, e.b);
      nftnl_expr_set_u32(out, NFTNL_EXPR_FIB_DREG, NFT_REG_1);
      break;
    case Type::kCounter:
      out = nftnl_expr_alloc("counter");
      break;
    case Type::kObjRef:
      out = nftnl_expr_alloc("objref");
      nftnl_expr_set_u32(out, NFTNL_EXPR_OBJREF_IMM_TYPE, e.a);
      nftnl_expr_set_str(out, NFTNL_EXPR_OBJREF_IMM_NAME, e.data.c_str());
      break;
    case Type::kNoTrack:
      out = nftnl_expr_alloc("notrack");
      break;
    case Type::kReject:
      out = nftnl_expr_alloc("reject");
      nftnl_expr_set_u32(out, NFTNL_EXPR_REJECT_TYPE, e.a);
      nftnl_expr_set_u8(out, NFTNL_EXPR_REJECT_CODE, static_cast<std::uint8_t>(e.b));
      break;
    case Type::kMasq:
      out = nftnl_expr_alloc("masq");
      if (NatFlags(e) != 0) nftnl_expr_set_u32(out, NFTNL_EXPR_MASQ_FLAGS, NatFlags(e));
      if (e.c != 0) {
        nftnl_expr_set_u32(out, NFTNL_EXPR_MASQ_REG_PROTO_MIN, NFT_REG_1);
        nftnl_expr_set_u32(out, NFTNL_EXPR_MASQ_REG_PROTO_MAX, NFT_REG_2);
      }
      break;
    case Type::kNat:
      out = nftnl_expr_alloc("nat");
      nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_TYPE, e.a);
      nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_FAMILY, FamilyNumber(family));
      nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_REG_ADDR_MIN, NFT_REG_1);
      if (NatFlags(e) != 0) nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_FLAGS, NatFlags(e));
      if (e.c != 0) {
        nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_REG_PROTO_MIN, NFT_REG_2);
        nftnl_expr_set_u32(out, NFTNL_EXPR_NAT_REG_PROTO_MAX, NFT_REG_3);
      }
      break;
    case Type::kImmediate:
      out = nftnl_expr_alloc("immediate");
      nftnl_expr_set_u32(out, NFTNL_EXPR_IMM_DREG, e.reg);
      SetData(out, NFTNL_EXPR_IMM_DATA, e.data);
      break;
    case Type::kLog:
      out = nftnl_expr_alloc("log");
      nftnl_expr_set_str(out, NFTNL_EXPR_LOG_PREFIX, e.data.c_str());
      break;
    case Type::kVerdict:
      out = nftnl_expr_alloc("immediate");
      nftnl_expr_set_u32(out, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
      nftnl_expr_set_u32(out, NFTNL_EXPR_IMM_VERDICT, e.a);
      if (!e.data.empty()) nftnl_expr_set_str(out, NFTNL_EXPR_IMM_CHAIN, e.data.c_str());
      break;
    case Type::kUnknown:
      break;
  }
  return out;
}

std::uint32_t HookNumber(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return NF_INET_PRE_ROUTING;
    case Hook::kInput:
      return NF_INET_LOCAL_IN;
    case Hook::kForward:
      return NF_INET_FORWARD;
    case Hook::kOutput:
      return NF_INET_LOCAL_OUT;
    case Hook::kPostrouting:
      return NF_INET_POST_ROUTING;
  }
  return 0;
}
const char* TypeName(BaseChain::Type type) {
  switch (type) {
    case BaseChain::Type::kFilter:
      return "filter";
    case BaseChain::Type::kNat:
      return "nat";
    case BaseChain::Type::kRoute:
      return "route";
  }
  return "filter";
}

void AddElement(nftnl_set* set, const std::string& key, std::uint32_t flags,
                const std::optional<Verdict>& verdict) {
  nftnl_set_elem* element = nftnl_set_elem_alloc();
  nftnl_set_elem_set(element, NFTNL_SET_ELEM_KEY, key.data(), static_cast<std::uint32_t>(key.size()));
  if (flags != 0) nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_FLAGS, flags);
  if (verdict) {
    nftnl_set_elem_set_u32(element, NFTNL_SET_ELEM_VERDICT, VerdictCode(verdict->kind));
    if (!verdict->chain.empty())
      nftnl_set_elem_set_str(element, NFTNL_SET_ELEM_CHAIN, verdict->chain.c_str());
  }
  nftnl_set_elem_add(set, element);
}

std::string IfnameKey(const std::string& name) {
  std::string key = name;
  key.resize(IFNAMSIZ, '\0');
  return key;
}
std::string Bytes(const net::Ip& ip) {
  return {reinterpret_cast<const char*>(ip.bytes()), ip.size()};
}
std::string PortBytes(std::uint32_t port) {
  return {static_cast<char>(port >> 8), static_cast<char>(port & 0xff)};
}
// The parts of a concatenation begin at multiples of four bytes.
std::string Padded(std::string bytes) {
  bytes.resize((bytes.size() + 3) / 4 * 4, '\0');
  return bytes;
}

struct Range {
  net::Ip first, last;
};
// "a-b" is how a foreign range reads, see parse.cc.
Range RangeOf(const SetKey& key) {
  if (const auto* cidr = std::get_if<net::Cidr>(&key)) return {cidr->Masked().ip(), cidr->Last()};
  const std::string& text = std::get<std::string>(key);
  const std::size_t dash = text.find('-');
  return {net::Ip::Parse(text.substr(0, dash)).value_or(net::Ip()),
          net::Ip::Parse(text.substr(dash + 1)).value_or(net::Ip())};
}

// A member as elements. An interval is its first place and the first one behind it, which the highest one
// does not have.
void AddElements(nftnl_set* set, SetType type, const SetMember& member) {
  switch (type) {
    case SetType::kVerdictByIfname:
      AddElement(set, IfnameKey(std::get<std::string>(member.key)), 0, member.verdict);
      break;
    case SetType::kAddresses:
      AddElement(set, Bytes(RangeOf(member.key).first), 0, std::nullopt);
      break;
    case SetType::kPrefixes: {
      const Range range = RangeOf(member.key);
      AddElement(set, Bytes(range.first), 0, std::nullopt);
      const net::Ip behind = range.last.Plus(1);
      if (range.last < behind) AddElement(set, Bytes(behind), NFT_SET_ELEM_INTERVAL_END, std::nullopt);
      break;
    }
    case SetType::kPorts: {
      const auto& range = std::get<net::PortRange>(member.key);
      AddElement(set, PortBytes(range.first), 0, std::nullopt);
      if (range.last < 65535)
        AddElement(set, PortBytes(range.last + 1U), NFT_SET_ELEM_INTERVAL_END, std::nullopt);
      break;
    }
    case SetType::kAddressPorts: {
      const auto& key = std::get<net::AddressPort>(member.key);
      AddElement(set,
                 Bytes(key.ip) + Padded(std::string(1, static_cast<char>(key.protocol))) +
                     Padded(PortBytes(key.port)),
                 0, std::nullopt);
      break;
    }
    case SetType::kInterfaceMacs: {
      const auto& key = std::get<InterfaceMac>(member.key);
      const auto* mac = reinterpret_cast<const char*>(key.mac.bytes.data());
      AddElement(set, IfnameKey(key.interface) + Padded({mac, key.mac.bytes.size()}), 0, std::nullopt);
      break;
    }
  }
}

struct KeyForm {
  std::uint32_t type = 0, length = 0, flags = 0;
};
KeyForm FormOf(SetType type, net::Family family) {
  const bool v4 = family == net::Family::kV4;
  switch (type) {
    case SetType::kAddresses:
      return {v4 ? kTypeIpv4 : kTypeIpv6, v4 ? 4U : 16U, 0};
    case SetType::kPrefixes:
      return {v4 ? kTypeIpv4 : kTypeIpv6, v4 ? 4U : 16U, NFT_SET_INTERVAL};
    case SetType::kPorts:
      return {kTypePort, 2, NFT_SET_INTERVAL};
    case SetType::kAddressPorts:
      return {v4 ? kTypeIpv4Port : kTypeIpv6Port, v4 ? 12U : 24U, 0};
    case SetType::kInterfaceMacs:
      return {kTypeInterfaceMac, IFNAMSIZ + 8, 0};
    case SetType::kVerdictByIfname:
      return {kTypeIfname, IFNAMSIZ, NFT_SET_MAP};
  }
  return {};
}

}  // namespace

BatchBuilder::BatchBuilder(std::string table, std::uint32_t first_sequence)
    : table_(std::move(table)),
      first_sequence_(first_sequence),
      sequence_(first_sequence),
      scratch_(std::make_unique_for_overwrite<char[]>(kLongestMessage)) {
  nftnl_batch_begin(scratch_.get(), sequence_);
  Append(scratch_.get(), "begin");
}

void BatchBuilder::Append(const char* message, std::string description) {
  const auto* header = reinterpret_cast<const nlmsghdr*>(message);
  last_message_ = batch_.size();
  batch_.insert(batch_.end(), message, message + MNL_ALIGN(header->nlmsg_len));
  descriptions_.push_back(std::move(description));
  ++sequence_;
}

template <typename Build>
void BatchBuilder::Message(std::uint16_t type, net::Family family, std::uint16_t flags,
                           std::string description, Build build) {
  nlmsghdr* header = nftnl_nlmsg_build_hdr(scratch_.get(), type, FamilyNumber(family), flags, sequence_);
  build(header);
  Append(scratch_.get(), std::move(description));
}

void BatchBuilder::AddTable(net::Family family) {
  const TablePtr table(nftnl_table_alloc());
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
  Message(NFT_MSG_NEWTABLE, family, NLM_F_CREATE, "add table " + table_,
          [&](nlmsghdr* header) { nftnl_table_nlmsg_build_payload(header, table.get()); });
}
void BatchBuilder::DeleteTable(net::Family family) {
  AddTable(family);  // so that deleting is fine whether it exists or not
  const TablePtr table(nftnl_table_alloc());
  nftnl_table_set_str(table.get(), NFTNL_TABLE_NAME, table_.c_str());
  Message(NFT_MSG_DELTABLE, family, 0, "delete table " + table_,
          [&](nlmsghdr* header) { nftnl_table_nlmsg_build_payload(header, table.get()); });
}

void BatchBuilder::Counter(net::Family family, const std::string& name, bool add) {
  const ObjectPtr object(nftnl_obj_alloc());
  nftnl_obj_set_str(object.get(), NFTNL_OBJ_TABLE, table_.c_str());
  nftnl_obj_set_str(object.get(), NFTNL_OBJ_NAME, name.c_str());
  nftnl_obj_set_u32(object.get(), NFTNL_OBJ_TYPE, NFT_OBJECT_COUNTER);
  if (add) nftnl_obj_set_u64(object.get(), NFTNL_OBJ_CTR_PKTS, 0);
  Message(add ? NFT_MSG_NEWOBJ : NFT_MSG_DELOBJ, family, add ? NLM_F_CREATE : 0,
          fmt::format("{} counter {}", add ? "add" : "delete", name),
          [&](nlmsghdr* header) { nftnl_obj_nlmsg_build_payload(header, object.get()); });
}

void BatchBuilder::AddSet(net::Family family, const std::string& name, SetType type) {
  const KeyForm form = FormOf(type, family);
  const SetPtr set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  nftnl_set_set_u32(set.get(), NFTNL_SET_ID, sequence_);  // any number that is unique in the batch
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_TYPE, form.type);
  nftnl_set_set_u32(set.get(), NFTNL_SET_KEY_LEN, form.length);
  if (form.flags != 0) nftnl_set_set_u32(set.get(), NFTNL_SET_FLAGS, form.flags);
  if (type == SetType::kVerdictByIfname) {
    nftnl_set_set_u32(set.get(), NFTNL_SET_DATA_TYPE, kTypeVerdict);
    // Without this `nft list` shows empty names.
    const UdataPtr data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
    nftnl_udata_put_u32(data.get(), NFTNL_UDATA_SET_KEYBYTEORDER, kHostByteOrder);
    nftnl_set_set_data(set.get(), NFTNL_SET_USERDATA, nftnl_udata_buf_data(data.get()),
                       nftnl_udata_buf_len(data.get()));
  }
  Message(NFT_MSG_NEWSET, family, NLM_F_CREATE, "add set " + name,
          [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, set.get()); });
}
void BatchBuilder::DeleteSet(net::Family family, const std::string& name) {
  const SetPtr set(nftnl_set_alloc());
  nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
  nftnl_set_set_str(set.get(), NFTNL_SET_NAME, name.c_str());
  Message(NFT_MSG_DELSET, family, 0, "delete set " + name,
          [&](nlmsghdr* header) { nftnl_set_nlmsg_build_payload(header, set.get()); });
}

void BatchBuilder::Members(net::Family family, const std::string& set_name, SetType type,
                           const std::vector<SetMember>& members, bool add) {
  const std::size_t step = type == SetType::kVerdictByIfname ? kVerdictsPerMessage : kMembersPerMessage;
  for (std::size_t begin = 0; begin < members.size(); begin += step) {
    const SetPtr set(nftnl_set_alloc());
    nftnl_set_set_str(set.get(), NFTNL_SET_TABLE, table_.c_str());
    nftnl_set_set_str(set.get(), NFTNL_SET_NAME, set_name.c_str());
    const std::size_t end = std::min(members.size(), begin + step);
    for (std::size_t i = begin; i < end; ++i) AddElements(set.get(), type, members[i]);
    Message(add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM, family, add ? NLM_F_CREATE : 0,
            fmt::format("{} {} member(s) of set {}", add ? "add" : "delete", end - begin, set_name),
            [&](nlmsghdr* header) { nftnl_set_elems_nlmsg_build_payload(header, set.get()); });
  }
}

void BatchBuilder::AddChain(net::Family family, const std::string& name, const Chain& chain) {
  const ChainPtr object(nftnl_chain_alloc());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, table_.c_str());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name.c_str());
  if (chain.base) {
    nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TYPE, TypeName(chain.base->type));
    nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_HOOKNUM, HookNumber(chain.base->hook));
    nftnl_chain_set_s32(object.get(), NFTNL_CHAIN_PRIO, chain.base->priority);
    nftnl_chain_set_u32(object.get(), NFTNL_CHAIN_POLICY, chain.base->policy_accept ? NF_ACCEPT : NF_DROP);
  }
  Message(NFT_MSG_NEWCHAIN, family, NLM_F_CREATE, "add chain " + name,
          [&](nlmsghdr* header) { nftnl_chain_nlmsg_build_payload(header, object.get()); });
}
void BatchBuilder::FlushChain(net::Family family, const std::string& name) {
  const RulePtr rule(nftnl_rule_alloc());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_TABLE, table_.c_str());
  nftnl_rule_set_str(rule.get(), NFTNL_RULE_CHAIN, name.c_str());
  Message(NFT_MSG_DELRULE, family, 0, "flush chain " + name,
          [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, rule.get()); });
}
void BatchBuilder::DeleteChain(net::Family family, const std::string& name) {
  const ChainPtr object(nftnl_chain_alloc());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_TABLE, table_.c_str());
  nftnl_chain_set_str(object.get(), NFTNL_CHAIN_NAME, name.c_str());
  Message(NFT_MSG_DELCHAIN, family, 0, "delete chain " + name,
          [&](nlmsghdr* header) { nftnl_chain_nlmsg_build_payload(header, object.get()); });
}

void BatchBuilder::AddRule(net::Family family, const std::string& chain, const Rule& rule) {
  const RulePtr object(nftnl_rule_alloc());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_TABLE, table_.c_str());
  nftnl_rule_set_str(object.get(), NFTNL_RULE_CHAIN, chain.c_str());
  for (const Expression& expression : Encode(rule, family))
    nftnl_rule_add_expr(object.get(), Build(expression, family));
  if (!rule.comment.empty()) {
    const UdataPtr data(nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN));
    nftnl_udata_put_strz(data.get(), NFTNL_UDATA_RULE_COMMENT, rule.comment.c_str());
    nftnl_rule_set_data(object.get(), NFTNL_RULE_USERDATA, nftnl_udata_buf_data(data.get()),
                        nftnl_udata_buf_len(data.get()));
  }
  Message(NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND, "add rule to chain " + chain,
          [&](nlmsghdr* header) { nftnl_rule_nlmsg_build_payload(header, object.get()); });
}

void BatchBuilder::Add(const Transaction& transaction) {
  const net::Family family = transaction.family;
  const auto each = [&]<typename T>(const T*, auto action) {
    for (const Change& change : transaction.changes) {
      if (const T* one = std::get_if<T>(&change)) action(*one);
    }
  };
  const auto all = [&]<typename T>() {
    std::map<std::pair<std::string, SetType>, std::vector<SetMember>> by_set;
    each(static_cast<const T*>(nullptr), [&](const T& change) {
      by_set[{change.set, change.type}].push_back(change.member);
    });
    return by_set;
  };
  each(static_cast<const nft::DeleteTable*>(nullptr), [&](const auto&) { DeleteTable(family); });
  each(static_cast<const nft::AddTable*>(nullptr), [&](const auto&) { AddTable(family); });
  each(static_cast<const AddCounter*>(nullptr), [&](const auto& c) { Counter(family, c.name, true); });
  each(static_cast<const nft::AddSet*>(nullptr), [&](const auto& s) { AddSet(family, s.name, s.type); });
  // Empty chains first, because rules and map members refer to chains in any order.
  each(static_cast<const SetChain*>(nullptr), [&](const auto& c) { AddChain(family, c.name, c.chain); });
  each(static_cast<const SetChain*>(nullptr), [&](const auto& c) { FlushChain(family, c.name); });
  // Away before new: a member's verdict changes by both.
  for (const auto& [set, members] : all.template operator()<DeleteMember>())
    Members(family, set.first, set.second, members, false);
  for (const auto& [set, members] : all.template operator()<AddMember>())
    Members(family, set.first, set.second, members, true);
  each(static_cast<const SetChain*>(nullptr), [&](const auto& c) {
    for (const Rule& rule : c.chain.rules) AddRule(family, c.name, rule);
  });
  // All rules of doomed chains, then maps, then chains: rules refer to maps and chains, maps to chains.
  each(static_cast<const nft::DeleteChain*>(nullptr), [&](const auto& c) { FlushChain(family, c.name); });
  each(static_cast<const nft::DeleteSet*>(nullptr), [&](const auto& s) { DeleteSet(family, s.name); });
  each(static_cast<const nft::DeleteChain*>(nullptr), [&](const auto& c) { DeleteChain(family, c.name); });
  each(static_cast<const DeleteCounter*>(nullptr), [&](const auto& c) { Counter(family, c.name, false); });
}

std::vector<char> BatchBuilder::Finish() {
  if (descriptions_.size() == 1) return {};
  reinterpret_cast<nlmsghdr*>(batch_.data() + last_message_)->nlmsg_flags |= NLM_F_ACK;
  nftnl_batch_end(scratch_.get(), sequence_);
  const auto* header = reinterpret_cast<const nlmsghdr*>(scratch_.get());
  batch_.insert(batch_.end(), scratch_.get(), scratch_.get() + header->nlmsg_len);
  return std::move(batch_);
}

std::string BatchBuilder::Description(std::uint32_t sequence) const {
  const std::size_t index = sequence - first_sequence_;
  return index < descriptions_.size() ? descriptions_[index] : "batch";
}

}  // namespace calico::kernel::nft
