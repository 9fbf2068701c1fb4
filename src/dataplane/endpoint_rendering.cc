// SPDX-License-Identifier: Apache-2.0
#include "dataplane/endpoint_rendering.h"

#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;

const Verdict kReturn{VerdictKind::kReturn, ""};

Verdict Jump(const std::string& chain) {
  return {VerdictKind::kJump, chain};
}
SetMark Mark(std::uint32_t mark) {
  return {mark, mark};
}
SetMark Unmark(std::uint32_t mark) {
  return {mark, 0};
}
MatchMark Marked(std::uint32_t any_of) {
  return {any_of, 0, Op::kNe};
}

const MatchMark kUndecided{kOurMarks, 0};
// A decided packet has to skip so many policies at most: a rule for each would double the chain.
constexpr std::size_t kPoliciesToReturn = 8;

const char* Suffix(Way way) {
  return way == Way::kReply ? "-reply" : "";
}

Side SideOf(Side side, Way way) {
  if (way == Way::kOriginal) return side;
  return side == Side::kSource ? Side::kDestination : Side::kSource;
}

// Ends with a verdict, with kPassMark, or without a mark: the next tier's turn.
Chain RenderTier(const dataplane_api::Tier& tier, Stage stage, Direction direction, Way way) {
  Chain chain;
  for (std::size_t i = 0; i < tier.policies.size(); ++i) {
    std::vector<Statement> statements;
    if (i > 0) statements.push_back(kUndecided);
    statements.push_back(Jump(PolicyChainName(tier.policies[i], direction, way)));
    chain.rules.push_back({std::move(statements), ""});
    if (i % kPoliciesToReturn == kPoliciesToReturn - 1)
      chain.rules.push_back({{Marked(kOurMarks), kReturn}, ""});
  }
  if (!tier.pass_at_end && stage != Stage::kUntracked && stage != Stage::kBeforeDnat) {
    chain.rules.push_back(
        {{kUndecided, Counter{}, Mark(kDropMark)}, ("end of tier " + tier.name).substr(0, 120)});
  }
  return chain;
}

std::string HashOf(const dataplane_api::Tier& tier, const EndpointPolicies& policies) {
  return Sha256Hex(fmt::format("{} {} {} {}\n{}", static_cast<int>(policies.stage),
                               static_cast<int>(policies.direction), tier.name, tier.pass_at_end,
                               Join(tier.policies, "\n")))
      .substr(0, 16);
}

// "cali-tw-": to a workload, "cali-fw-": from one; "th", "fh" for hosts (reference felix 3.13).
const char* KindOf(const EndpointPolicies& policies) {
  static constexpr const char* kKinds[][2] = {
      {"tw", "fw"}, {"fh", "th"}, {"fhfw", "thfw"}, {"fhut", "thut"}, {"fhpd", "thpd"}};
  return kKinds[static_cast<int>(policies.stage)][policies.direction == Direction::kIngress ? 0 : 1];
}

// Tunnels of the host's own are not for workloads to fill (reference felix 3.13).
void ForbidTunnels(const dataplane_api::HostSettings& host, Way way, Chain& chain) {
  if (!host.allow_vxlan_from_workloads && host.vxlan_port != 0) {
    chain.rules.push_back({{MatchProtocol{net::kUdp},
                            MatchPort{SideOf(Side::kDestination, way), {host.vxlan_port, host.vxlan_port}},
                            Counter{}, Mark(kDropMark), kReturn},
                           "VXLAN from a workload"});
  }
  if (!host.allow_ipip_from_workloads) {
    chain.rules.push_back(
        {{MatchProtocol{net::kIpip}, Counter{}, Mark(kDropMark), kReturn}, "IPIP from a workload"});
  }
}

bool HasFailsafe(Stage stage) {
  return stage == Stage::kHost || stage == Stage::kUntracked || stage == Stage::kBeforeDnat;
}
bool HasProfiles(Stage stage) {
  return stage == Stage::kWorkload || stage == Stage::kHost;
}

}  // namespace

void AddConnectionRules(const dataplane_api::HostSettings& host, Chain& chain) {
  const std::uint32_t allowed = kCtRelated | (host.recheck_flows ? 0 : kCtEstablished);
  chain.rules.push_back({{MatchCtState{allowed}, Mark(kAcceptMark), kReturn}, ""});
  // What a helper expects belongs to a connection that policy has allowed.
  if (host.recheck_flows) {
    chain.rules.push_back(
        {{MatchCtState{kCtEstablished}, MatchCtStatus{kCtStatusExpected}, Mark(kAcceptMark), kReturn}, ""});
  }
  if (host.drop_invalid) {
    chain.rules.push_back(
        {{MatchCtState{kCtInvalid}, CounterRef{kDeniedInvalid}, Mark(kDropMark), kReturn}, ""});
  }
}

EndpointChainNames NamesOf(const EndpointPolicies& policies, Way way) {
  EndpointChainNames names;
  if (policies.left_alone) {
    names.endpoint = kLeftAloneChain;  // one of the host's chains
    return names;
  }
  std::string content;
  for (const dataplane_api::Tier& tier : policies.tiers) {
    const std::string hash = HashOf(tier, policies);
    content += hash + "\n";
    names.tiers.push_back(fmt::format("cali-t{}-{}{}", policies.direction == Direction::kIngress ? "i" : "o",
                                      hash, Suffix(way)));
  }
  const std::string hash = Sha256Hex(content + "\n" + Join(policies.profiles, "\n")).substr(0, 16);
  names.endpoint = fmt::format("cali-{}-{}{}", KindOf(policies), hash, Suffix(way));
  return names;
}

std::map<std::string, Chain> RenderEndpoint(const EndpointPolicies& policies,
                                            const EndpointContext& context) {
  const auto& [stage, direction, tiers, profiles, left_alone] = policies;
  std::map<std::string, Chain> chains;
  if (left_alone) return chains;
  const EndpointChainNames names = NamesOf(policies, context.way);
  Chain chain;
  chain.rules.push_back({{Unmark(kOurMarks)}, ""});
  if (stage == Stage::kHost || stage == Stage::kForwarded || stage == Stage::kBeforeDnat)
    AddConnectionRules(*context.host, chain);
  if (HasFailsafe(stage)) {
    chain.rules.push_back(
        {{Jump(FailsafeChainName(direction, context.way, stage == Stage::kUntracked))}, ""});
    // Before the last stage it only means that this one has no say.
    if (stage != Stage::kHost) chain.rules.push_back({{Marked(kAcceptMark), Unmark(kOurMarks), kReturn}, ""});
    chain.rules.push_back({{Marked(kAcceptMark), kReturn}, ""});
  }
  if (stage == Stage::kWorkload && direction == Direction::kEgress)
    ForbidTunnels(*context.host, context.way, chain);
  for (std::size_t i = 0; i < tiers.size(); ++i) {
    chains[names.tiers[i]] = RenderTier(tiers[i], stage, direction, context.way);
    chain.rules.push_back({{Jump(names.tiers[i])}, ("tier " + tiers[i].name).substr(0, 120)});
    chain.rules.push_back({{Marked(kAcceptMark | kDropMark), kReturn}, ""});
    chain.rules.push_back({{Unmark(kPassMark)}, ""});
  }
  if (HasProfiles(stage)) {
    for (const std::string& profile : profiles) {
      chain.rules.push_back({{Jump(ProfileChainName(profile, direction, context.way))}, ""});
      chain.rules.push_back({{Marked(kAcceptMark | kDropMark), kReturn}, ""});
    }
    chain.rules.push_back({{Counter{}, Mark(kDropMark)}, "no profile allowed it"});
  }
  chains[names.endpoint] = std::move(chain);
  return chains;
}

std::string FailsafeChainName(Direction direction, Way way, bool both_sides) {
  return fmt::format("cali-failsafe-{}{}{}", direction == Direction::kIngress ? "in" : "out",
                     both_sides ? "-untracked" : "", Suffix(way));
}

Chain RenderFailsafe(const dataplane_api::HostSettings& host, Direction direction, Way way, bool both_sides,
                     net::Family family) {
  Chain chain;
  // `here`: whether the port is that of the side where the connection was opened to.
  const auto add = [&](const std::vector<dataplane_api::FailsafePort>& ports, bool answers) {
    const Way seen = answers == (way == Way::kOriginal) ? Way::kReply : Way::kOriginal;
    for (const dataplane_api::FailsafePort& port : ports) {
      if (port.net && port.net->family() != family) continue;
      std::vector<Statement> statements{MatchProtocol{port.protocol},
                                        MatchPort{SideOf(Side::kDestination, seen), {port.port, port.port}}};
      if (port.net) {
        // Of the other side: whence a connection comes in, or where one goes out to.
        const bool inbound = &ports == &host.failsafe_inbound;
        statements.push_back(
            MatchAddress{SideOf(inbound ? Side::kSource : Side::kDestination, seen), *port.net});
      }
      statements.push_back(Counter{});
      statements.push_back(Mark(kAcceptMark));
      statements.push_back(kReturn);
      chain.rules.push_back({std::move(statements), "failsafe"});
    }
  };
  const bool inbound = direction == Direction::kIngress;
  add(inbound ? host.failsafe_inbound : host.failsafe_outbound, false);
  // Nothing is tracked there, so that the answers of the other direction's connections are let in too.
  if (both_sides) add(inbound ? host.failsafe_outbound : host.failsafe_inbound, true);
  return chain;
}

}  // namespace calico::dataplane
