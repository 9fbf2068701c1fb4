// SPDX-License-Identifier: Apache-2.0
#include "dataplane/table_walk.h"

#include <algorithm>
#include <utility>

#include "dataplane/names.h"
#include "net/address_port.h"
#include "net/cidr.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;

constexpr int kDeepest = 32;  // twice the kernel's NFT_JUMP_STACK_SIZE, for gotos
constexpr int kConntrackPriority = -200;

enum class Outcome { kContinue, kReturn, kAccept, kDrop };

class Walker {
 public:
  Walker(const TableContent& table, const WalkedPacket& packet) : table_(table), packet_(packet) {}

  Walk Run() {
    const bool from_host = packet_.in_interface.empty(), to_host = packet_.out_interface.empty();
    if (from_host)
      static_cast<void>(Passes(Hook::kOutput) && Passes(Hook::kPostrouting));
    else if (to_host)
      static_cast<void>(Passes(Hook::kPrerouting) && Passes(Hook::kInput));
    else
      static_cast<void>(Passes(Hook::kPrerouting) && Passes(Hook::kForward) && Passes(Hook::kPostrouting));
    return std::move(walk_);
  }

 private:
  bool Passes(Hook hook) {
    hook_ = hook;
    std::vector<std::pair<int, const std::string*>> bases;
    for (const auto& [name, chain] : table_.chains) {
      if (chain.base && chain.base->hook == hook && chain.base->type != BaseChain::Type::kNat)
        bases.emplace_back(chain.base->priority, &name);
    }
    std::sort(bases.begin(), bases.end(), [](const auto& a, const auto& b) {
      return std::pair(a.first, *a.second) < std::pair(b.first, *b.second);
    });
    for (const auto& [priority, name] : bases) {
      // Connections are looked up where packets enter: the later hooks are all behind that.
      const bool enters = hook == Hook::kPrerouting || hook == Hook::kOutput;
      tracked_ = !untracked_ && (!enters || priority > kConntrackPriority);
      const Outcome outcome = WalkChain(*name, 0);
      if (outcome == Outcome::kDrop ||
          (outcome != Outcome::kAccept && !table_.chains.at(*name).base->policy_accept)) {
        walk_.dropped = true;
        return false;
      }
    }
    return true;
  }

  // kReturn and the end of a chain are the same to whoever jumped: kContinue.
  Outcome WalkChain(const std::string& name, int depth) {
    const auto chain = table_.chains.find(name);
    if (chain == table_.chains.end() || depth > kDeepest) {
      walk_.missing.push_back("chain " + name);
      return Outcome::kContinue;
    }
    for (std::size_t i = 0; i < chain->second.rules.size(); ++i) {
      const Rule& rule = chain->second.rules[i];
      const WalkedRule here{name, i + 1, rule.comment};
      if (rule.statements.empty()) {
        walk_.foreign.push_back(here);
        continue;
      }
      const Outcome outcome = WalkRule(rule, here, depth);
      if (outcome == Outcome::kReturn) return Outcome::kContinue;
      if (outcome != Outcome::kContinue) return outcome;
    }
    return Outcome::kContinue;
  }

  Outcome WalkRule(const Rule& rule, const WalkedRule& here, int depth) {
    for (const Statement& statement : rule.statements) {
      if (const auto* set_mark = std::get_if<SetMark>(&statement)) {
        mark_ = (mark_ & ~set_mark->mask) | set_mark->value;
        if ((set_mark->value & (kAcceptMark | kDropMark)) != 0) walk_.decided_by = here;
      } else if (std::holds_alternative<NoTrack>(statement)) {
        untracked_ = true;
      } else if (std::holds_alternative<Reject>(statement)) {
        return Drop(here);
      } else if (const auto* verdict = std::get_if<Verdict>(&statement)) {
        return Follow(*verdict, here, depth);
      } else if (const auto* lookup = std::get_if<VerdictMapLookup>(&statement)) {
        const auto found = LookUp(lookup->map, SetKey(InterfaceAt(lookup->side)));
        if (!found || !*found) return Outcome::kContinue;
        return Follow(**found, here, depth);
      } else if (!Matches(statement)) {
        return Outcome::kContinue;
      }
    }
    return Outcome::kContinue;
  }

  // The kernel refuses circles; a goto takes no place on its stack, here it counts all the same.
  Outcome Follow(const Verdict& verdict, const WalkedRule& here, int depth) {
    switch (verdict.kind) {
      case VerdictKind::kAccept:
        return Outcome::kAccept;
      case VerdictKind::kDrop:
        return Drop(here);
      case VerdictKind::kReturn:
        return Outcome::kReturn;
      case VerdictKind::kJump:
        return WalkChain(verdict.chain, depth + 1);
      case VerdictKind::kGoto:
        break;
    }
    // It does not come back to this chain.
    const Outcome outcome = WalkChain(verdict.chain, depth + 1);
    return outcome == Outcome::kContinue ? Outcome::kReturn : outcome;
  }
  // A packet that was marked was decided where the mark was set.
  Outcome Drop(const WalkedRule& here) {
    if ((mark_ & kDropMark) == 0 || !walk_.decided_by) walk_.decided_by = here;
    return Outcome::kDrop;
  }

  // ---- what a packet is compared with

  const std::string& InterfaceAt(Side side) const {
    static const std::string kNone;
    if (side == Side::kSource) return packet_.in_interface;
    const bool routed = hook_ != Hook::kPrerouting && hook_ != Hook::kInput;
    return routed ? packet_.out_interface : kNone;
  }
  const net::Ip& Address(Side side) const {
    return side == Side::kSource ? packet_.source : packet_.destination;
  }
  std::uint16_t Port(Side side) const {
    return side == Side::kSource ? packet_.source_port : packet_.destination_port;
  }

  // nullopt: not a member.
  std::optional<std::optional<Verdict>> LookUp(const std::string& name, const SetKey& key) {
    const auto set = table_.sets.find(name);
    if (set == table_.sets.end()) {
      walk_.missing.push_back("set " + name);
      return std::nullopt;
    }
    const auto member = set->second.members.find(key);
    if (member == set->second.members.end()) return std::nullopt;
    return member->second;
  }
  bool HasAddress(const std::string& name, Side side) {
    const auto set = table_.sets.find(name);
    if (set == table_.sets.end() || set->second.type != SetType::kPrefixes)
      return LookUp(name, SetKey(net::Cidr::Host(Address(side)))).has_value();
    return std::any_of(set->second.members.begin(), set->second.members.end(), [&](const auto& member) {
      return std::get<net::Cidr>(member.first).Contains(Address(side));
    });
  }
  bool HasPort(const std::string& name, std::uint16_t port) {
    const auto set = table_.sets.find(name);
    if (set == table_.sets.end()) {
      walk_.missing.push_back("set " + name);
      return false;
    }
    return std::any_of(set->second.members.begin(), set->second.members.end(), [port](const auto& member) {
      const auto& range = std::get<net::PortRange>(member.first);
      return port >= range.first && port <= range.last;
    });
  }
  bool HasMac(const std::string& name) {
    if (!packet_.source_mac) return true;
    return LookUp(name, SetKey(InterfaceMac{packet_.in_interface, *packet_.source_mac})).has_value();
  }
  static bool Named(const std::string& pattern, const std::string& name) {
    if (pattern.ends_with('*')) return name.starts_with(pattern.substr(0, pattern.size() - 1));
    return name == pattern;
  }
  static bool Is(Op op, bool equal) { return (op == Op::kEq) == equal; }

  bool Matches(const Statement& statement) {
    return std::visit([this](const auto& match) { return Match(match); }, statement);
  }
  bool Match(const MatchIifname& m) { return Is(m.op, Named(m.name, InterfaceAt(Side::kSource))); }
  bool Match(const MatchOifname& m) { return Is(m.op, Named(m.name, InterfaceAt(Side::kDestination))); }
  bool Match(const MatchMark& m) { return Is(m.op, (mark_ & m.mask) == m.value); }
  bool Match(const MatchCtState& m) {
    const std::uint32_t state = untracked_ ? kCtUntracked : tracked_ ? kCtNew : kCtInvalid;
    return (m.bits & state) != 0;
  }
  // Without a connection there is nothing to compare, and the rule ends.
  bool Match(const MatchCtMark& m) { return tracked_ && Is(m.op, (ct_mark_ & m.mask) == m.value); }
  bool Match(const MatchCtDirection& m) { return tracked_ && m.direction == CtDirection::kOriginal; }
  bool Match(const MatchCtStatus&) { return false; }  // nothing was expected, nothing was translated
  bool Match(const MatchProtocol& m) { return Is(m.op, packet_.protocol == m.protocol); }
  bool Match(const MatchAddress& m) { return Is(m.op, m.cidr.Contains(Address(m.side))); }
  bool Match(const MatchAddressSet& m) { return Is(m.op, HasAddress(m.set, m.side)); }
  bool Match(const MatchPort& m) {
    return Is(m.op, Port(m.side) >= m.range.first && Port(m.side) <= m.range.last);
  }
  bool Match(const MatchPortSet& m) { return Is(m.op, HasPort(m.set, Port(m.side))); }
  bool Match(const MatchAddressPortSet& m) {
    const net::AddressPort key{Address(m.side), packet_.protocol, Port(m.side)};
    return Is(m.op, LookUp(m.set, SetKey(key)).has_value());
  }
  bool Match(const MatchInterfaceMacSet& m) { return Is(m.op, HasMac(m.set)); }
  bool Match(const MatchIcmp& m) {
    return Is(m.op, packet_.icmp_type == m.type && (!m.code || *m.code == packet_.icmp_code));
  }
  bool Match(const MatchReversePathFails&) { return !packet_.from_where_it_routes; }
  // Of a packet's first steps: whether it begins or ends at this host. Which interface has an address is not
  // known here; it matters for translation only.
  bool Match(const MatchLocal& m) {
    return Is(m.op, m.side == Side::kSource ? packet_.in_interface.empty() : packet_.out_interface.empty());
  }
  bool Match(const SetCtMark& m) {
    ct_mark_ = (ct_mark_ & ~m.mask) | m.value;
    return true;
  }
  // Counters, log lines and address translation change nothing of what becomes of the packet.
  template <typename T>
  bool Match(const T&) {
    return true;
  }

  const TableContent& table_;
  const WalkedPacket& packet_;
  Walk walk_;
  Hook hook_ = Hook::kPrerouting;
  std::uint32_t mark_ = 0, ct_mark_ = 0;
  bool tracked_ = false, untracked_ = false;
};

}  // namespace

Walk WalkTable(const TableContent& table, const WalkedPacket& packet) {
  return Walker(table, packet).Run();
}

int InterfaceTo(const RoutingTable& routes, const net::Ip& ip) {
  int longest = -1, ifindex = 0;
  for (const auto& [key, route] : routes) {  // of equal prefixes the one of the lowest metric comes first
    if (!key.dst.Contains(ip) || key.dst.prefix_length() <= longest) continue;
    longest = key.dst.prefix_length();
    ifindex = route.ifindex;
  }
  return ifindex;
}

bool RoutesBack(const RoutingTable& routes, const net::Ip& source, int ifindex) {
  if (source.IsLinkLocal()) return true;  // each interface has a route to them
  if (source.is_v4()) return InterfaceTo(routes, source) == ifindex;
  // IPv6 looks for a route by this interface only.
  return std::any_of(routes.begin(), routes.end(), [&](const auto& entry) {
    return entry.second.ifindex == ifindex && entry.first.dst.Contains(source);
  });
}

}  // namespace calico::dataplane
