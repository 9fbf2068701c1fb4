// SPDX-License-Identifier: Apache-2.0
#include <cstring>

#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_nat.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>

#include "kernel/nft/expression.h"

namespace calico::kernel::nft {
namespace {

using Type = Expression::Type;

std::string Host32(std::uint32_t value) {
  return {reinterpret_cast<const char*>(&value), sizeof value};
}
std::string Big16(std::uint16_t value) {
  return {static_cast<char>(value >> 8), static_cast<char>(value & 0xff)};
}
std::string Bytes(const net::Ip& ip) {
  return {reinterpret_cast<const char*>(ip.bytes()), ip.size()};
}
std::string Mask(const net::Cidr& cidr) {
  std::string mask(cidr.ip().size(), '\0');
  for (int bit = 0; bit < cidr.prefix_length(); ++bit) {
    mask[static_cast<std::size_t>(bit / 8)] =
        static_cast<char>(mask[static_cast<std::size_t>(bit / 8)] | (0x80 >> (bit % 8)));
  }
  return mask;
}
std::uint32_t Compare(Op op) {
  return op == Op::kEq ? NFT_CMP_EQ : NFT_CMP_NEQ;
}

class Encoder {
 public:
  explicit Encoder(net::Family family) : family_(family) {}

  void operator()(const MatchIifname& match) { Interface(NFT_META_IIFNAME, match.name, match.op); }
  void operator()(const MatchOifname& match) { Interface(NFT_META_OIFNAME, match.name, match.op); }
  void operator()(const MatchMark& match) {
    Meta(NFT_META_MARK);
    Bitwise(Host32(match.mask), Host32(0));
    Cmp(match.op, Host32(match.value));
  }
  void operator()(const MatchCtState& match) {
    Ct(NFT_CT_STATE);
    Bitwise(Host32(match.bits), Host32(0));
    Cmp(Op::kNe, Host32(0));
  }
  void operator()(const MatchCtMark& match) {
    Ct(NFT_CT_MARK);
    Bitwise(Host32(match.mask), Host32(0));
    Cmp(match.op, Host32(match.value));
  }
  void operator()(const MatchCtDirection& match) {
    Ct(NFT_CT_DIRECTION);
    Cmp(Op::kEq, std::string(1, match.direction == CtDirection::kReply ? '\1' : '\0'));
  }
  void operator()(const MatchCtStatus& match) {
    Ct(NFT_CT_STATUS);
    Bitwise(Host32(match.bits), Host32(0));
    Cmp(Op::kNe, Host32(0));
  }
  void operator()(const MatchProtocol& match) {
    Meta(NFT_META_L4PROTO);
    Cmp(match.op, std::string(1, static_cast<char>(match.protocol)));
  }
  void operator()(const MatchAddress& match) {
    Address(match.side);
    if (!match.cidr.is_host()) Bitwise(Mask(match.cidr), std::string(match.cidr.ip().size(), '\0'));
    Cmp(match.op, Bytes(match.cidr.Masked().ip()));
  }
  void operator()(const MatchAddressSet& match) {
    Address(match.side);
    Lookup(match.set, match.op);
  }
  void operator()(const MatchPortSet& match) {
    Port(match.side);
    Lookup(match.set, match.op);
  }
  void operator()(const MatchAddressPortSet& match) {
    const bool v4 = family_ == net::Family::kV4;
    Address(match.side);
    Meta(NFT_META_L4PROTO, v4 ? NFT_REG32_01 : NFT_REG_2);
    Port(match.side, v4 ? NFT_REG32_02 : NFT_REG32_05);
    Lookup(match.set, match.op);
  }
  void operator()(const MatchInterfaceMacSet& match) {
    Meta(NFT_META_IIFTYPE);
    const std::uint16_t ether = ARPHRD_ETHER;
    Cmp(Op::kEq, {reinterpret_cast<const char*>(&ether), sizeof ether});
    Meta(NFT_META_IIFNAME);
    Payload(NFT_PAYLOAD_LL_HEADER, 6, 6, NFT_REG_2);
    Lookup(match.set, match.op);
  }
  void operator()(const MatchPort& match) {
    Port(match.side);
    if (match.range.first == match.range.last) {
      Cmp(match.op, Big16(match.range.first));
    } else {
      Add({Type::kRange, match.op == Op::kEq ? NFT_RANGE_EQ : NFT_RANGE_NEQ, 0, 0, Big16(match.range.first),
           Big16(match.range.last)});
    }
  }
  void operator()(const MatchIcmp& match) {
    // Type and code are neighbours: one comparison, so that "not" means "not both".
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, 0, match.code ? 2 : 1);
    std::string value(1, static_cast<char>(match.type));
    if (match.code) value += static_cast<char>(*match.code);
    Cmp(match.op, value);
  }
  void operator()(const MatchReversePathFails&) {
    Add({Type::kFib, NFTA_FIB_F_SADDR | NFTA_FIB_F_MARK | NFTA_FIB_F_IIF, NFT_FIB_RESULT_OIF, 0, "", ""});
    Cmp(Op::kEq, Host32(0));
  }
  void operator()(const MatchLocal& match) {
    const std::uint32_t side = match.side == Side::kSource ? NFTA_FIB_F_SADDR : NFTA_FIB_F_DADDR;
    const std::uint32_t interface = match.on_interface ? NFTA_FIB_F_OIF : 0;
    Add({Type::kFib, side | interface, NFT_FIB_RESULT_ADDRTYPE, 0, "", ""});
    Cmp(match.op, Host32(RTN_LOCAL));
  }
  void operator()(const Counter&) { Add({Type::kCounter, 0, 0, 0, "", ""}); }
  void operator()(const CounterRef& reference) {
    Add({Type::kObjRef, NFT_OBJECT_COUNTER, 0, 0, reference.name, ""});
  }
  void operator()(const SetMark& set) {
    Meta(NFT_META_MARK);
    Bitwise(Host32(~set.mask), Host32(set.value));
    Add({Type::kMetaSet, NFT_META_MARK, 0, 0, "", ""});
  }
  void operator()(const SetCtMark& set) {
    Ct(NFT_CT_MARK);
    Bitwise(Host32(~set.mask), Host32(set.value));
    Add({Type::kCtSet, NFT_CT_MARK, 0, 0, "", ""});
  }
  void operator()(const NoTrack&) { Add({Type::kNoTrack, 0, 0, 0, "", ""}); }
  void operator()(const Reject&) {
    const std::uint32_t code = family_ == net::Family::kV4 ? ICMP_PORT_UNREACH : ICMPV6_PORT_UNREACH;
    Add({Type::kReject, NFT_REJECT_ICMP_UNREACH, code, 0, "", ""});
  }
  void operator()(const Masquerade& nat) {
    Ports(nat.ports, NFT_REG_1);
    Add({Type::kMasq, 0, FlagsOf(nat.fully_random), nat.ports ? 1U : 0U, "", ""});
  }
  void operator()(const SourceNat& nat) {
    Immediate(Bytes(nat.address), NFT_REG_1);
    Ports(nat.ports, NFT_REG_2);
    Add({Type::kNat, NFT_NAT_SNAT, FlagsOf(nat.fully_random), nat.ports ? 1U : 0U, "", ""});
  }
  void operator()(const DestinationNat& nat) {
    Immediate(Bytes(nat.address), NFT_REG_1);
    Add({Type::kNat, NFT_NAT_DNAT, 0, 0, "", ""});
  }
  void operator()(const Log& log) { Add({Type::kLog, 0, 0, 0, log.prefix, ""}); }
  void operator()(const Verdict& verdict) {
    Add({Type::kVerdict, VerdictCode(verdict.kind), 0, 0, verdict.chain, ""});
  }
  void operator()(const VerdictMapLookup& lookup) {
    Meta(lookup.side == Side::kSource ? NFT_META_IIFNAME : NFT_META_OIFNAME);
    Add({Type::kLookup, 0, 1, 0, lookup.map, ""});
  }

  std::vector<Expression> Take() { return std::move(out_); }

 private:
  void Add(Expression expression) { out_.push_back(std::move(expression)); }
  static std::uint32_t FlagsOf(bool fully_random) {
    return fully_random ? NF_NAT_RANGE_PROTO_RANDOM_FULLY : 0;
  }
  void Immediate(std::string data, std::uint32_t reg) {
    Add({Type::kImmediate, 0, 0, 0, std::move(data), "", reg});
  }
  void Ports(const std::optional<net::PortRange>& ports, std::uint32_t first_reg) {
    if (!ports) return;
    Immediate(Big16(ports->first), first_reg);
    Immediate(Big16(ports->last), first_reg + 1);
  }
  void Meta(std::uint32_t key, std::uint32_t reg = NFT_REG_1) { Add({Type::kMeta, key, 0, 0, "", "", reg}); }
  void Ct(std::uint32_t key) { Add({Type::kCt, key, 0, 0, "", ""}); }
  void Lookup(const std::string& set, Op op) { Add({Type::kLookup, op == Op::kNe ? 1U : 0U, 0, 0, set, ""}); }
  void Cmp(Op op, std::string data) { Add({Type::kCmp, Compare(op), 0, 0, std::move(data), ""}); }
  void Bitwise(std::string mask, std::string value) {
    Add({Type::kBitwise, 0, 0, 0, std::move(mask), std::move(value)});
  }
  void Payload(std::uint32_t base, std::uint32_t offset, std::uint32_t length,
               std::uint32_t reg = NFT_REG_1) {
    Add({Type::kPayload, base, offset, length, "", "", reg});
  }
  void Port(Side side, std::uint32_t reg = NFT_REG_1) {
    Payload(NFT_PAYLOAD_TRANSPORT_HEADER, side == Side::kSource ? 0 : 2, 2, reg);
  }
  void Address(Side side) {
    // Offsets of the addresses in the IPv4 and the IPv6 header.
    const bool source = side == Side::kSource;
    if (family_ == net::Family::kV4) {
      Payload(NFT_PAYLOAD_NETWORK_HEADER, source ? 12 : 16, 4);
    } else {
      Payload(NFT_PAYLOAD_NETWORK_HEADER, source ? 8 : 24, 16);
    }
  }
  void Interface(std::uint32_t key, const std::string& name, Op op) {
    Meta(key);
    if (name.ends_with('*')) {
      Cmp(op, name.substr(0, name.size() - 1));
    } else {
      std::string padded = name;
      padded.resize(IFNAMSIZ, '\0');
      Cmp(op, padded);
    }
  }
  static std::uint32_t VerdictCode(VerdictKind kind) {
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

  const net::Family family_;
  std::vector<Expression> out_;
};

}  // namespace

std::vector<Expression> Encode(const Rule& rule, net::Family family) {
  Encoder encoder(family);
  for (const Statement& statement : rule.statements) std::visit(encoder, statement);
  return encoder.Take();
}

}  // namespace calico::kernel::nft
