// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "kernel/nftables.h"

// A table in the syntax of `nft list table`, close enough to be read by `nft -c -f`.
namespace calico::kernel::nft {
namespace {

const char* OpText(Op op) {
  return op == Op::kEq ? "" : "!= ";
}
const char* IpText(net::Family family) {
  return family == net::Family::kV4 ? "ip" : "ip6";
}
const char* AddressText(Side side) {
  return side == Side::kSource ? "saddr" : "daddr";
}

std::string VerdictText(const Verdict& verdict) {
  switch (verdict.kind) {
    case VerdictKind::kAccept:
      return "accept";
    case VerdictKind::kDrop:
      return "drop";
    case VerdictKind::kReturn:
      return "return";
    case VerdictKind::kJump:
      return "jump " + verdict.chain;
    case VerdictKind::kGoto:
      return "goto " + verdict.chain;
  }
  return "";
}

std::string CtText(std::uint32_t bits) {
  std::string out;
  for (const auto& [bit, name] : {std::pair{kCtInvalid, "invalid"},
                                  {kCtEstablished, "established"},
                                  {kCtRelated, "related"},
                                  {kCtNew, "new"},
                                  {kCtUntracked, "untracked"}}) {
    if ((bits & bit) != 0) out += (out.empty() ? "" : ",") + std::string(name);
  }
  return out;
}

std::string StatusText(std::uint32_t bits) {
  std::string out;
  static constexpr const char* kNames[] = {"expected", "seen-reply", "assured", "confirmed", "snat", "dnat"};
  for (unsigned bit = 0; bit < std::size(kNames); ++bit) {
    if ((bits >> bit & 1) != 0) out += (out.empty() ? "" : ",") + std::string(kNames[bit]);
  }
  return out;
}

std::string PortsText(const net::PortRange& ports) {
  return fmt::format(":{}-{}", ports.first, ports.last);
}
std::string RandomText(bool fully_random) {
  return fully_random ? " fully-random" : "";
}
std::string NatAddress(const net::Ip& ip, bool with_ports) {
  return with_ports && !ip.is_v4() ? "[" + ip.ToString() + "]" : ip.ToString();
}

struct StatementText {
  net::Family family;

  std::string operator()(const MatchIifname& m) const {
    return fmt::format("iifname {}\"{}\"", OpText(m.op), m.name);
  }
  std::string operator()(const MatchOifname& m) const {
    return fmt::format("oifname {}\"{}\"", OpText(m.op), m.name);
  }
  std::string operator()(const MatchMark& m) const {
    return fmt::format("meta mark & 0x{:08x} {} 0x{:08x}", m.mask, m.op == Op::kEq ? "==" : "!=", m.value);
  }
  std::string operator()(const MatchCtState& m) const { return "ct state " + CtText(m.bits); }
  std::string operator()(const MatchCtMark& m) const {
    return fmt::format("ct mark & 0x{:08x} {} 0x{:08x}", m.mask, m.op == Op::kEq ? "==" : "!=", m.value);
  }
  std::string operator()(const MatchCtDirection& m) const {
    return m.direction == CtDirection::kReply ? "ct direction reply" : "ct direction original";
  }
  std::string operator()(const MatchCtStatus& m) const { return "ct status " + StatusText(m.bits); }
  std::string operator()(const MatchProtocol& m) const {
    return fmt::format("meta l4proto {}{}", OpText(m.op), m.protocol);
  }
  std::string operator()(const MatchAddress& m) const {
    const std::string text = m.cidr.is_host() ? m.cidr.ip().ToString() : m.cidr.Masked().ToString();
    return fmt::format("{} {} {}{}", IpText(family), AddressText(m.side), OpText(m.op), text);
  }
  std::string operator()(const MatchAddressSet& m) const {
    return fmt::format("{} {} {}@{}", IpText(family), AddressText(m.side), OpText(m.op), m.set);
  }
  std::string operator()(const MatchPort& m) const {
    const std::string range = m.range.first == m.range.last
                                  ? std::to_string(m.range.first)
                                  : fmt::format("{}-{}", m.range.first, m.range.last);
    return fmt::format("th {} {}{}", m.side == Side::kSource ? "sport" : "dport", OpText(m.op), range);
  }
  std::string operator()(const MatchPortSet& m) const {
    return fmt::format("th {} {}@{}", m.side == Side::kSource ? "sport" : "dport", OpText(m.op), m.set);
  }
  std::string operator()(const MatchAddressPortSet& m) const {
    return fmt::format("{} {} . meta l4proto . th {} {}@{}", IpText(family), AddressText(m.side),
                       m.side == Side::kSource ? "sport" : "dport", OpText(m.op), m.set);
  }
  std::string operator()(const MatchInterfaceMacSet& m) const {
    return fmt::format("meta iiftype ether iifname . ether saddr {}@{}", OpText(m.op), m.set);
  }
  std::string operator()(const MatchIcmp& m) const {
    const char* protocol = family == net::Family::kV4 ? "icmp" : "icmpv6";
    if (!m.code) return fmt::format("{} type {}{}", protocol, OpText(m.op), m.type);
    return fmt::format("@th,0,16 {}0x{:02x}{:02x}", OpText(m.op), m.type, *m.code);
  }
  std::string operator()(const MatchReversePathFails&) const { return "fib saddr . mark . iif oif 0"; }
  std::string operator()(const MatchLocal& m) const {
    return fmt::format("fib {}{} type {}local", AddressText(m.side), m.on_interface ? " . oif" : "",
                       OpText(m.op));
  }
  std::string operator()(const Counter&) const { return "counter"; }
  std::string operator()(const CounterRef& c) const { return fmt::format("counter name \"{}\"", c.name); }
  std::string operator()(const SetMark& m) const {
    return fmt::format("meta mark set meta mark & 0x{:08x} ^ 0x{:08x}", ~m.mask, m.value);
  }
  std::string operator()(const SetCtMark& m) const {
    return fmt::format("ct mark set ct mark & 0x{:08x} ^ 0x{:08x}", ~m.mask, m.value);
  }
  std::string operator()(const NoTrack&) const { return "notrack"; }
  std::string operator()(const Reject&) const {
    return family == net::Family::kV4 ? "reject" : "reject with icmpv6 port-unreachable";
  }
  std::string operator()(const Masquerade& n) const {
    return "masquerade" + (n.ports ? " to " + PortsText(*n.ports) : "") + RandomText(n.fully_random);
  }
  std::string operator()(const SourceNat& n) const {
    return "snat to " + NatAddress(n.address, n.ports.has_value()) + (n.ports ? PortsText(*n.ports) : "") +
           RandomText(n.fully_random);
  }
  std::string operator()(const DestinationNat& n) const { return "dnat to " + n.address.ToString(); }
  std::string operator()(const Log& l) const { return fmt::format("log prefix \"{}\"", l.prefix); }
  std::string operator()(const Verdict& v) const { return VerdictText(v); }
  std::string operator()(const VerdictMapLookup& l) const {
    return fmt::format("{} vmap @{}", l.side == Side::kSource ? "iifname" : "oifname", l.map);
  }
};

const char* HookText(Hook hook) {
  switch (hook) {
    case Hook::kPrerouting:
      return "prerouting";
    case Hook::kInput:
      return "input";
    case Hook::kForward:
      return "forward";
    case Hook::kOutput:
      return "output";
    case Hook::kPostrouting:
      return "postrouting";
  }
  return "";
}
const char* TypeText(BaseChain::Type type) {
  switch (type) {
    case BaseChain::Type::kFilter:
      return "filter";
    case BaseChain::Type::kNat:
      return "nat";
    case BaseChain::Type::kRoute:
      return "route";
  }
  return "";
}

std::string TypeText(SetType type, net::Family family) {
  const char* address = family == net::Family::kV4 ? "ipv4_addr" : "ipv6_addr";
  switch (type) {
    case SetType::kAddresses:
    case SetType::kPrefixes:
      return address;
    case SetType::kPorts:
      return "inet_service";
    case SetType::kAddressPorts:
      return fmt::format("{} . inet_proto . inet_service", address);
    case SetType::kInterfaceMacs:
      return "ifname . ether_addr";
    case SetType::kVerdictByIfname:
      return "ifname : verdict";
  }
  return "";
}

std::string SetText(net::Family family, const std::string& name, const Set& set) {
  const bool map = set.type == SetType::kVerdictByIfname;
  std::string out = fmt::format("\t{} {} {{\n", map ? "map" : "set", name);
  out += fmt::format("\t\ttype {}\n", TypeText(set.type, family));
  if (set.type == SetType::kPrefixes || set.type == SetType::kPorts) out += "\t\tflags interval\n";
  std::string members;
  for (const auto& [key, verdict] : set.members) {
    if (!members.empty()) members += ",\n\t\t\t     ";
    members +=
        map ? fmt::format("\"{}\" : {}", TextOf(key), verdict ? VerdictText(*verdict) : "") : TextOf(key);
  }
  if (!members.empty()) out += fmt::format("\t\telements = {{ {} }}\n", members);
  return out + "\t}\n\n";
}

}  // namespace

std::string TextOf(const SetKey& key) {
  struct Text {
    std::string operator()(const net::Cidr& cidr) const {
      return cidr.is_host() ? cidr.ip().ToString() : cidr.ToString();
    }
    std::string operator()(const std::string& name) const { return name; }
    std::string operator()(const net::PortRange& range) const {
      return range.first == range.last ? std::to_string(range.first)
                                       : fmt::format("{}-{}", range.first, range.last);
    }
    std::string operator()(const net::AddressPort& port) const {
      return fmt::format("{} . {} . {}", port.ip.ToString(), port.protocol, port.port);
    }
    std::string operator()(const InterfaceMac& pair) const {
      return fmt::format("\"{}\" . {}", pair.interface, pair.mac.ToString());
    }
  };
  return std::visit(Text{}, key);
}

std::string ToText(net::Family family, const std::string& table, const TableContent& content) {
  std::string out = fmt::format("table {} {} {{\n", IpText(family), table);
  for (const auto& [name, value] : content.counters) out += fmt::format("\tcounter {} {{\n\t}}\n\n", name);
  for (const auto& [name, set] : content.sets) out += SetText(family, name, set);
  for (const auto& [name, chain] : content.chains) {
    out += fmt::format("\tchain {} {{\n", name);
    if (chain.base) {
      out += fmt::format("\t\ttype {} hook {} priority {}; policy {};\n", TypeText(chain.base->type),
                         HookText(chain.base->hook), chain.base->priority,
                         chain.base->policy_accept ? "accept" : "drop");
    }
    for (const Rule& rule : chain.rules) {
      out += "\t\t";
      for (std::size_t i = 0; i < rule.statements.size(); ++i) {
        out += (i == 0 ? "" : " ") + std::visit(StatementText{family}, rule.statements[i]);
      }
      if (!rule.comment.empty()) out += fmt::format(" comment \"{}\"", rule.comment);
      out += "\n";
    }
    out += "\t}\n\n";
  }
  if (out.ends_with("\n\n")) out.pop_back();
  return out + "}\n";
}

}  // namespace calico::kernel::nft
