// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataplane_api/policy.h"
#include "kernel/nftables.h"
#include "net/ip.h"

// The rules of a policy or profile as an nf_tables chain: pure, so that each is tested by its text.
namespace calico::dataplane {

enum class Direction : std::uint8_t { kIngress, kEgress };  // seen from the endpoint
inline constexpr Direction kBothDirections[] = {Direction::kIngress, Direction::kEgress};

// Which packets of a connection a chain is for. A policy speaks of the connection; in packets of the other
// direction source and destination have changed places. They are asked about only when policy has changed
// since the connection was allowed.
enum class Way : std::uint8_t { kOriginal, kReply };
inline constexpr Way kBothWays[] = {Way::kOriginal, Way::kReply};

// Which sets of the kernel stand for an IP set in one family: single addresses live in a hash, prefixes in an
// interval set.
struct SetShape {
  bool prefixes = false;
  bool operator==(const SetShape&) const = default;
};
std::string PrefixSetName(const std::string& ip_set);

struct RenderedRules {
  kernel::nft::Chain chain;
  std::map<std::string, kernel::nft::Set> literals;  // sets of the nets and ports that stand in the rules
  std::set<std::string> ip_sets;                     // whose shape the chain depends on
};
struct RuleContext {
  net::Family family = net::Family::kV4;
  Way way = Way::kOriginal;
  bool profile = false;  // where Pass means nothing
  std::string log_prefix;
  std::function<SetShape(const std::string& ip_set)> shape;
};
// Each rule marks the packet (kAcceptMark, kDropMark, kPassMark) and returns; a staged policy's rules only
// count. A rule that cannot match in the family is left out, rules that differ in one list of addresses or
// ports become one. The comments say which rules of the policy a rule stands for: "rules 1-3,5".
RenderedRules RenderRules(const dataplane_api::Rules& rules, Direction direction, const RuleContext& context);

// "cali-pi-gnp/allow-dns", "cali-pro-net1", "…-reply".
std::string PolicyChainName(const std::string& policy, Direction direction, Way way);
std::string ProfileChainName(const std::string& profile, Direction direction, Way way);

// A set of what stands in rules or settings, named by its content.
std::string AddLiteral(std::map<std::string, kernel::nft::Set>& literals, kernel::nft::Set set);

}  // namespace calico::dataplane
