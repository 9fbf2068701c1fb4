// SPDX-License-Identifier: Apache-2.0
#include <bit>
#include <cstring>

#include <linux/if.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>

#include "kernel/nft/expression.h"

namespace calico::kernel::nft {
namespace {

using Type = Expression::Type;

std::uint32_t FromHost32(const std::string& bytes) {
  std::uint32_t value = 0;
  if (bytes.size() == sizeof value) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}
std::uint16_t FromBig16(const std::string& bytes) {
  if (bytes.size() != 2) return 0;
  return static_cast<std::uint16_t>((static_cast<unsigned char>(bytes[0]) << 8) |
                                    static_cast<unsigned char>(bytes[1]));
}
std::uint8_t Byte(const std::string& bytes, std::size_t index) {
  return index < bytes.size() ? static_cast<std::uint8_t>(bytes[index]) : std::uint8_t{0};
}

// Reads statements off the front of a list of expressions. It guesses from the shape only; whether the guess
// is right is settled by encoding it again, see Decode().
class Decoder {
 public:
  Decoder(const std::vector<Expression>& expressions, net::Family family)
      : in_(expressions), family_(family) {}

  bool AtEnd() const { return at_ >= in_.size(); }

  std::optional<Statement> Next() {
    const Expression& first = in_[at_];
    switch (first.type) {
      case Type::kCounter:
        return Took(1, Counter{});
      case Type::kObjRef:
        return Took(1, CounterRef{first.data});
      case Type::kMasq:
        return Took(1, Masquerade{std::nullopt, first.b != 0});
      case Type::kNoTrack:
        return Took(1, NoTrack{});
      case Type::kReject:
        return Took(1, Reject{});
      case Type::kLog:
        return Took(1, Log{first.data});
      case Type::kVerdict:
        return Took(1, DecodeVerdict(first));
      case Type::kFib:
        return NextFib(first);
      case Type::kImmediate:
        return NextNat();
      case Type::kCt:
        return NextCt(first.a);
      case Type::kMeta:
        return NextMeta(first.a);
      case Type::kPayload:
        return NextPayload(first);
      default:
        return std::nullopt;
    }
  }

 private:
  static const Expression& Nothing() {
    static const Expression nothing;
    return nothing;
  }
  const Expression& At(std::size_t offset) const {
    return at_ + offset < in_.size() ? in_[at_ + offset] : Nothing();
  }
  Statement Took(std::size_t count, Statement statement) {
    at_ += count;
    return statement;
  }
  static Op LookupOp(const Expression& lookup) { return lookup.a != 0 ? Op::kNe : Op::kEq; }
  static Op OpOf(const Expression& compare) { return compare.a == NFT_CMP_EQ ? Op::kEq : Op::kNe; }

  std::optional<Statement> NextFib(const Expression& fib) {
    if (fib.b != NFT_FIB_RESULT_ADDRTYPE) return Took(2, MatchReversePathFails{});
    const Side side = (fib.a & NFTA_FIB_F_SADDR) != 0 ? Side::kSource : Side::kDestination;
    return Took(2, MatchLocal{side, (fib.a & NFTA_FIB_F_OIF) != 0, OpOf(At(1))});
  }

  // An address, ports, or both, and what they are for.
  std::optional<Statement> NextNat() {
    std::size_t next = 0;
    std::optional<net::Ip> address;
    std::optional<net::PortRange> ports;
    const std::string& data = At(0).data;
    if (data.size() == (family_ == net::Family::kV4 ? 4U : 16U)) {
      address = net::Ip::FromBytes(family_, reinterpret_cast<const std::uint8_t*>(data.data()));
      ++next;
    }
    if (At(next).type == Type::kImmediate) {
      ports = net::PortRange{FromBig16(At(next).data), FromBig16(At(next + 1).data)};
      next += 2;
    }
    const Expression& nat = At(next);
    const bool random = nat.b != 0;
    if (nat.type == Type::kMasq) return Took(next + 1, Masquerade{ports, random});
    if (nat.type != Type::kNat || !address) return std::nullopt;
    if (nat.a == NFT_NAT_SNAT) return Took(next + 1, SourceNat{*address, ports, random});
    return Took(next + 1, DestinationNat{*address});
  }

  std::optional<Statement> NextCt(std::uint32_t key) {
    switch (key) {
      case NFT_CT_STATE:
        return Took(3, MatchCtState{FromHost32(At(1).data)});
      case NFT_CT_STATUS:
        return Took(3, MatchCtStatus{FromHost32(At(1).data)});
      case NFT_CT_DIRECTION:
        return Took(
            2, MatchCtDirection{Byte(At(1).data, 0) == 0 ? CtDirection::kOriginal : CtDirection::kReply});
      case NFT_CT_MARK:
        if (At(2).type == Type::kCtSet)
          return Took(3, SetCtMark{~FromHost32(At(1).data), FromHost32(At(1).data2)});
        return Took(3, MatchCtMark{FromHost32(At(1).data), FromHost32(At(2).data), OpOf(At(2))});
      default:
        return std::nullopt;
    }
  }

  std::optional<Statement> NextMeta(std::uint32_t key) {
    if (key == NFT_META_IIFTYPE) return Took(5, MatchInterfaceMacSet{At(4).data, LookupOp(At(4))});
    if (key == NFT_META_L4PROTO) return Took(2, MatchProtocol{Byte(At(1).data, 0), OpOf(At(1))});
    if (key == NFT_META_MARK) {
      if (At(2).type == Type::kMetaSet)
        return Took(3, SetMark{~FromHost32(At(1).data), FromHost32(At(1).data2)});
      return Took(3, MatchMark{FromHost32(At(1).data), FromHost32(At(2).data), OpOf(At(2))});
    }
    const bool input = key == NFT_META_IIFNAME;
    if (!input && key != NFT_META_OIFNAME) return std::nullopt;
    if (At(1).type == Type::kLookup)
      return Took(2, VerdictMapLookup{input ? Side::kSource : Side::kDestination, At(1).data});
    std::string name = At(1).data;
    if (name.size() == IFNAMSIZ)
      name.resize(std::strlen(name.c_str()));
    else
      name += '*';
    const Op op = OpOf(At(1));
    return input ? Took(2, MatchIifname{name, op}) : Took(2, MatchOifname{name, op});
  }

  std::optional<Statement> NextPayload(const Expression& payload) {
    if (payload.a == NFT_PAYLOAD_NETWORK_HEADER) return NextAddress(payload);
    if (payload.a != NFT_PAYLOAD_TRANSPORT_HEADER) return std::nullopt;
    // ICMP's type and code look like a source port; the protocol before them tells.
    if (after_icmp_) {
      MatchIcmp match{Byte(At(1).data, 0), std::nullopt, OpOf(At(1))};
      if (payload.c == 2) match.code = Byte(At(1).data, 1);
      return Took(2, match);
    }
    const Side side = payload.b == 0 ? Side::kSource : Side::kDestination;
    if (At(1).type == Type::kLookup) return Took(2, MatchPortSet{side, At(1).data, LookupOp(At(1))});
    const std::uint16_t from = FromBig16(At(1).data);
    if (At(1).type == Type::kRange) {
      return Took(
          2, MatchPort{side, {from, FromBig16(At(1).data2)}, At(1).a == NFT_RANGE_EQ ? Op::kEq : Op::kNe});
    }
    return Took(2, MatchPort{side, {from, from}, OpOf(At(1))});
  }

  std::optional<Statement> NextAddress(const Expression& payload) {
    const bool v4 = family_ == net::Family::kV4;
    const Side side = payload.b == (v4 ? 12U : 8U) ? Side::kSource : Side::kDestination;
    if (At(1).type == Type::kLookup) return Took(2, MatchAddressSet{side, At(1).data, LookupOp(At(1))});
    if (At(1).type == Type::kMeta) return Took(4, MatchAddressPortSet{side, At(3).data, LookupOp(At(3))});
    const bool masked = At(1).type == Type::kBitwise;
    const Expression& compare = At(masked ? 2 : 1);
    if (compare.data.size() != (v4 ? 4U : 16U)) return std::nullopt;
    int length = net::Bits(family_);
    if (masked) {
      length = 0;
      for (const char byte : At(1).data) length += std::popcount(static_cast<unsigned char>(byte));
    }
    const net::Ip ip =
        net::Ip::FromBytes(family_, reinterpret_cast<const std::uint8_t*>(compare.data.data()));
    return Took(masked ? 3 : 2, MatchAddress{side, net::Cidr(ip, length), OpOf(compare)});
  }

  static Verdict DecodeVerdict(const Expression& expression) {
    switch (static_cast<std::int32_t>(expression.a)) {
      case NF_ACCEPT:
        return {VerdictKind::kAccept, ""};
      case NFT_RETURN:
        return {VerdictKind::kReturn, ""};
      case NFT_JUMP:
        return {VerdictKind::kJump, expression.data};
      case NFT_GOTO:
        return {VerdictKind::kGoto, expression.data};
      default:
        return {VerdictKind::kDrop, ""};
    }
  }

 public:
  void Remember(const Statement& statement) {
    if (const auto* protocol = std::get_if<MatchProtocol>(&statement)) {
      after_icmp_ =
          protocol->op == Op::kEq && (protocol->protocol == net::kIcmp || protocol->protocol == net::kIcmpV6);
    }
  }

 private:
  const std::vector<Expression>& in_;
  const net::Family family_;
  std::size_t at_ = 0;
  bool after_icmp_ = false;
};

}  // namespace

Rule Decode(const std::vector<Expression>& expressions, const std::string& comment, net::Family family) {
  const Rule foreign{{}, kForeign};
  Rule rule{{}, comment};
  Decoder decoder(expressions, family);
  while (!decoder.AtEnd()) {
    std::optional<Statement> statement = decoder.Next();
    if (!statement) return foreign;
    decoder.Remember(*statement);
    rule.statements.push_back(std::move(*statement));
  }
  return Encode(rule, family) == expressions ? rule : foreign;
}

}  // namespace calico::kernel::nft
