// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rule_rendering.h"

#include <optional>

#include "base/text.h"
#include "dataplane/driver.h"
#include "dataplane/names.h"
#include "net/prefix_set.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;
using dataplane_api::EntityMatch;
using dataplane_api::RuleAction;

constexpr std::size_t kLongestPlainName = 80;  // the kernel takes 127 bytes for a chain

const SetMark kMarkAccepted{kAcceptMark, kAcceptMark};
const SetMark kMarkNotAccepted{kAcceptMark, 0};
const MatchMark kIsAccepted{kAcceptMark, kAcceptMark, Op::kEq};

Verdict Jump(const std::string& chain) {
  return {VerdictKind::kJump, chain};
}
const Verdict kReturn{VerdictKind::kReturn, ""};
const Verdict kDrop{VerdictKind::kDrop, ""};
const Verdict kAccept{VerdictKind::kAccept, ""};

const char* DeniedCounter(Direction direction) {
  return direction == Direction::kIngress ? kDeniedIngress : kDeniedEgress;
}

bool HasPorts(std::uint8_t protocol) {
  return protocol == net::kTcp || protocol == net::kUdp || protocol == net::kSctp ||
         protocol == net::kUdpLite;
}

// All ways to take one value from each list; a list that is empty adds nothing.
using Alternatives = std::vector<std::vector<Statement>>;
void Multiply(Alternatives& alternatives, const std::vector<Statement>& values) {
  if (values.empty()) return;
  Alternatives product;
  for (const auto& so_far : alternatives) {
    for (const Statement& value : values) {
      product.push_back(so_far);
      product.back().push_back(value);
    }
  }
  alternatives = std::move(product);
}

// One rule in one family.
class RuleRenderer {
 public:
  RuleRenderer(const dataplane_api::Rule& rule, net::Family family) : rule_(rule), family_(family) {}

  // The statement lists of which any must match; nullopt when nothing in this family can match.
  std::optional<Alternatives> Matches() {
    if (rule_.family && *rule_.family != family_) return std::nullopt;
    std::vector<Statement> common;
    AddProtocol(common);
    if (!AddIcmp(common)) return std::nullopt;
    alternatives_ = {common};
    if (!AddEntity(rule_.source, Side::kSource) || !AddEntity(rule_.destination, Side::kDestination))
      return std::nullopt;
    return std::move(alternatives_);
  }

 private:
  void AddProtocol(std::vector<Statement>& out) const {
    if (rule_.protocol) out.push_back(MatchProtocol{*rule_.protocol});
    if (rule_.not_protocol) out.push_back(MatchProtocol{*rule_.not_protocol, Op::kNe});
  }
  bool AddIcmp(std::vector<Statement>& out) const {
    if (!rule_.icmp_type && !rule_.not_icmp_type) return true;
    const std::uint8_t icmp = family_ == net::Family::kV4 ? net::kIcmp : net::kIcmpV6;
    if (rule_.protocol && *rule_.protocol != icmp) return false;  // ICMP's types are not ICMPv6's
    if (!rule_.protocol) out.push_back(MatchProtocol{icmp});
    if (rule_.icmp_type) out.push_back(MatchIcmp{*rule_.icmp_type, rule_.icmp_code});
    if (rule_.not_icmp_type) out.push_back(MatchIcmp{*rule_.not_icmp_type, rule_.not_icmp_code, Op::kNe});
    return true;
  }
  bool AddEntity(const EntityMatch& entity, Side side) {
    std::vector<Statement> nets;
    for (const net::Cidr& cidr : entity.nets) {
      if (cidr.family() == family_) nets.push_back(MatchAddress{side, cidr});
    }
    if (nets.empty() && !entity.nets.empty()) return false;
    Multiply(alternatives_, nets);
    for (const net::Cidr& cidr : entity.not_nets) {
      if (cidr.family() == family_) Multiply(alternatives_, {MatchAddress{side, cidr, Op::kNe}});
    }
    for (const std::string& set : entity.ip_sets) Multiply(alternatives_, {MatchAddressSet{side, set}});
    for (const std::string& set : entity.not_ip_sets)
      Multiply(alternatives_, {MatchAddressSet{side, set, Op::kNe}});
    return AddPorts(entity, side);
  }
  bool AddPorts(const EntityMatch& entity, Side side) {
    if (entity.ports.empty() && entity.not_ports.empty()) return true;
    // Without a protocol that has ports the bytes are something else. Validation refuses such rules; one that
    // got here all the same must not allow.
    if (!rule_.protocol || !HasPorts(*rule_.protocol)) return rule_.action == RuleAction::kDeny;
    std::vector<Statement> ports;
    for (const net::PortRange& range : entity.ports) ports.push_back(MatchPort{side, range});
    Multiply(alternatives_, ports);
    for (const net::PortRange& range : entity.not_ports)
      Multiply(alternatives_, {MatchPort{side, range, Op::kNe}});
    return true;
  }

  const dataplane_api::Rule& rule_;
  const net::Family family_;
  Alternatives alternatives_;
};

std::vector<Statement> ActionStatements(RuleAction action, Direction direction) {
  switch (action) {
    case RuleAction::kAllow:
      return {kMarkAccepted, kReturn};
    case RuleAction::kDeny:
      return {CounterRef{DeniedCounter(direction)}, kDrop};
    case RuleAction::kLog:
      return {Log{"calico-packet: "}};
    case RuleAction::kPass:
      return {kReturn};
  }
  return {};
}

std::string Identifier(const std::string& prefix, const std::string& name) {
  const bool plain =
      name.size() <= kLongestPlainName &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-") ==
          std::string::npos;
  return prefix + (plain ? name : "_" + Sha256Hex(name).substr(0, 32));
}

// `iifname "cali*"` for each prefix.
std::vector<Statement> FromWorkload(const dataplane_api::HostSettings& host) {
  std::vector<Statement> matches;
  for (const std::string& prefix : host.interface_prefixes) matches.push_back(MatchIifname{prefix + "*"});
  return matches;
}
std::vector<Statement> ToWorkload(const dataplane_api::HostSettings& host) {
  std::vector<Statement> matches;
  for (const std::string& prefix : host.interface_prefixes) matches.push_back(MatchOifname{prefix + "*"});
  return matches;
}

Chain BaseOf(Hook hook, int priority, BaseChain::Type type = BaseChain::Type::kFilter) {
  Chain chain;
  chain.base = BaseChain{type, hook, priority, true};
  return chain;
}

// A packet of an interface that is like a workload's but that no endpoint has.
Chain DispatchChain(const char* map, Side side) {
  Chain chain;
  chain.rules = {{{VerdictMapLookup{side, map}}, ""},
                 {{CounterRef{kDeniedUnknown}, kDrop}, "no such workload endpoint"}};
  return chain;
}

// Reference felix 2.12: what a workload sends to its own host.
Chain ToHostChain(const dataplane_api::HostSettings& host, net::Family family) {
  Chain chain;
  if (family == net::Family::kV6) {
    // Neighbour discovery and multicast listeners: without them there is no IPv6 at all.
    static constexpr std::uint8_t kTypes[] = {130, 131, 132, 133, 135, 136};
    for (const std::uint8_t type : kTypes) {
      chain.rules.push_back({{MatchProtocol{net::kIcmpV6}, MatchIcmp{type, std::nullopt}, kAccept}, ""});
    }
  }
  chain.rules.push_back({{Jump(kFromDispatch)}, ""});
  using Action = dataplane_api::HostSettings::EndpointToHost;
  if (host.endpoint_to_host == Action::kDrop) {
    chain.rules.push_back({{CounterRef{kDeniedToHost}, kDrop}, "defaultEndpointToHostAction"});
  } else if (host.endpoint_to_host == Action::kAccept) {
    chain.rules.push_back({{kAccept}, "defaultEndpointToHostAction"});
  }
  return chain;
}

}  // namespace

std::string ProfileChainName(const std::string& profile, Direction direction) {
  return Identifier(direction == Direction::kIngress ? "cali-pri-" : "cali-pro-", profile);
}

Chain RenderProfile(const dataplane_api::ProfileRules& rules, Direction direction, net::Family family) {
  Chain chain;
  for (const dataplane_api::Rule& rule : direction == Direction::kIngress ? rules.ingress : rules.egress) {
    const auto alternatives = RuleRenderer(rule, family).Matches();
    if (!alternatives) continue;
    for (std::vector<Statement> statements : *alternatives) {
      for (Statement& statement : ActionStatements(rule.action, direction))
        statements.push_back(std::move(statement));
      chain.rules.push_back({std::move(statements), ""});
    }
  }
  return chain;
}

std::string EndpointChainName(const std::vector<std::string>& profiles, Direction direction) {
  const char* prefix = direction == Direction::kIngress ? "cali-tw-" : "cali-fw-";
  return prefix + Sha256Hex(Join(profiles, "\n")).substr(0, 16);
}

Chain RenderEndpointChain(const std::vector<std::string>& profiles, Direction direction) {
  Chain chain;
  const std::string names = "profiles " + Join(profiles, ", ");
  chain.rules.push_back(
      {{MatchCtState{kCtEstablished | kCtRelated}, kMarkAccepted, kAccept}, names.substr(0, 120)});
  chain.rules.push_back({{MatchCtState{kCtInvalid}, CounterRef{kDeniedInvalid}, kDrop}, ""});
  chain.rules.push_back({{kMarkNotAccepted}, ""});
  for (const std::string& profile : profiles) {
    chain.rules.push_back({{Jump(ProfileChainName(profile, direction))}, ""});
    chain.rules.push_back({{kIsAccepted, kReturn}, ""});
  }
  chain.rules.push_back({{CounterRef{DeniedCounter(direction)}, kDrop}, "no profile allowed it"});
  return chain;
}

std::map<std::string, Chain> RenderHostChains(const dataplane_api::HostSettings& host, net::Family family) {
  std::map<std::string, Chain> chains;
  Chain forward = BaseOf(Hook::kForward, -10);
  for (const Statement& match : FromWorkload(host))
    forward.rules.push_back({{match, Jump(kFromDispatch)}, ""});
  for (const Statement& match : ToWorkload(host)) forward.rules.push_back({{match, Jump(kToDispatch)}, ""});
  chains[kForwardChain] = std::move(forward);
  Chain input = BaseOf(Hook::kInput, -10);
  for (const Statement& match : FromWorkload(host)) input.rules.push_back({{match, Jump(kToHostChain)}, ""});
  chains[kInputChain] = std::move(input);
  Chain raw = BaseOf(Hook::kPrerouting, -300);
  for (const Statement& match : FromWorkload(host)) {
    raw.rules.push_back(
        {{match, MatchReversePathFails{}, CounterRef{kDeniedSpoofed}, kDrop}, "not this workload's address"});
  }
  chains[kRawChain] = std::move(raw);
  chains[kToHostChain] = ToHostChain(host, family);
  chains[kFromDispatch] = DispatchChain(kFromDispatch, Side::kSource);
  chains[kToDispatch] = DispatchChain(kToDispatch, Side::kDestination);
  for (const net::Cidr& pool : host.nat_pools) {
    if (pool.family() != family) continue;
    // Only with a pool that wants it: a NAT chain costs every new connection something.
    Chain nat = BaseOf(Hook::kPostrouting, 110, BaseChain::Type::kNat);
    nat.rules = {{{MatchAddressSet{Side::kSource, kNatPools},
                   MatchAddressSet{Side::kDestination, kAllPools, Op::kNe}, Masquerade{}},
                  ""}};
    chains[kNatChain] = std::move(nat);
    break;
  }
  return chains;
}

std::map<std::string, Set> RenderPoolSets(const dataplane_api::HostSettings& host, net::Family family) {
  std::map<std::string, Set> sets;
  const auto fill = [&](const char* name, std::vector<net::Cidr> pools) {
    Set& set = sets[name];
    set.type = SetType::kPrefixes;
    std::erase_if(pools, [&](const net::Cidr& pool) { return pool.family() != family; });
    for (const net::Cidr& pool : net::MinimalCover(std::move(pools)))
      set.members[pool.ToString()] = {pool, std::nullopt};
  };
  fill(kNatPools, host.nat_pools);
  fill(kAllPools, host.all_pools);
  return sets;
}

}  // namespace calico::dataplane
