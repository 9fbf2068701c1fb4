// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "model/key.h"

namespace calico::policy_eval {

enum class Direction { kIngress, kEgress };

// kNone: no verdict of ours. In the untracked and pre-DNAT stages later stages decide, otherwise the rest of
// the host's chains.
enum class Action { kAllow, kDeny, kNone };

enum class RuleAction { kAllow, kDeny, kPass, kLog };

// One criterion of a rule that the packet does not meet.
struct Mismatch {
  std::string field;   // "source.nets"
  std::string wanted;  // as the rule has it
  std::string actual;  // what is so of the packet
  bool operator==(const Mismatch&) const = default;
};

struct RuleTrace {
  RuleAction action = RuleAction::kDeny;  // in effect: also kDeny for a Pass that cannot be read
  bool matched = false;
  std::vector<Mismatch> mismatches;  // all of them, in the order of reference felix 2.6
  std::string unreadable;            // why the rule fails closed (cluster.h); empty: it does not
};

// A policy that selects the endpoint, or a profile of it.
struct PolicyTrace {
  model::Key key;
  bool staged = false;
  bool missing = false;             // a profile that does not exist
  std::string unreadable;           // why the policy selects everything and denies all; empty: it does not
  bool reached = true;              // nothing before it had decided
  std::vector<RuleTrace> rules;     // all of this direction
  std::optional<std::size_t> rule;  // the first that matches and is no Log: of a staged policy, what it would
                                    // have done
};

struct TierTrace {
  std::string name;
  bool exists = true;
  bool passes = false;  // at its end
  std::vector<PolicyTrace> policies;
};

enum class Cause {
  kRule,              // of a policy: tier, policy, rule
  kEndOfTier,         // tier
  kProfileRule,       // policy, rule
  kMissingProfile,    // policy
  kNoProfileMatched,  // nothing in tiers or profiles had a verdict
  kNoForwardPolicy,   // a host endpoint leaves forwarded packets alone without one
  kUndecided,         // no policy of this stage and direction had a verdict
  kFailsafe,          // detail: "tcp 22"
  kEstablished,
  kInvalidConnection,
  kAdminDown,
  kEncapsulation,  // detail: "VXLAN" or "IPIP"
  kSpoofedSource,
  kUnknownWorkload,    // an interface like those of workloads, without a workload
  kIcmpv6ToHost,       // neighbour discovery and multicast listeners
  kEndpointToHost,     // detail: the action
  kHostToWorkload,     // not policed
  kNoHostEndpoint,     // the interface has none
  kServiceLoop,        // still addressed to a service
  kNoCalicoInterface,  // forwarded past all our endpoints
};

struct LogHit {
  model::Key policy;
  std::size_t rule = 0;
  bool operator==(const LogHit&) const = default;
};

// What one endpoint says of a packet in one direction and stage, and why.
struct Verdict {
  Action action = Action::kNone;
  Cause cause = Cause::kUndecided;
  std::string tier;
  std::optional<model::Key> policy;  // or profile
  std::optional<std::size_t> rule;   // from 0
  std::string detail;
  std::vector<TierTrace> tiers;  // those that the endpoint sees
  std::vector<PolicyTrace> profiles;
  std::vector<LogHit> logs;
};

// The Allow rule that comes nearest to matching: of those that were reached, or of all if none was, the one
// with the fewest mismatches, the first of equals.
struct NearestAllow {
  model::Key policy;
  std::size_t rule = 0;
  bool reached = false;              // false: something before it had decided
  std::vector<Mismatch> mismatches;  // none: it would have matched, had it been reached
};
// nullopt: no policy or profile of the endpoint has a readable Allow rule in this direction.
std::optional<NearestAllow> NearestAllowOf(const Verdict& verdict);

// "ns1/web", "deny-all"
std::string PolicyName(const model::Key& policy);
// What decided: "policy ns1/web rule 1" (counted from 1), "end of tier default", "failsafe tcp 22".
std::string Because(const Verdict& verdict);
std::string_view ActionName(Action action);      // "allow", "deny", "none"
std::string_view ActionName(RuleAction action);  // "Allow", …

}  // namespace calico::policy_eval
