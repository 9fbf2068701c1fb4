// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/verdict.h"

#include <utility>

#include <fmt/format.h>

namespace calico::policy_eval {
namespace {

// Over `best`, if any rule of `policy` is nearer.
void Nearer(const PolicyTrace& policy, std::optional<NearestAllow>& best) {
  if (policy.staged || !policy.unreadable.empty()) return;
  for (std::size_t i = 0; i < policy.rules.size(); ++i) {
    const RuleTrace& rule = policy.rules[i];
    if (rule.action != RuleAction::kAllow || !rule.unreadable.empty()) continue;
    const bool reached = policy.reached && (!policy.rule || i <= *policy.rule);
    const auto rank = [](bool was_reached, std::size_t mismatches) {
      return std::pair(!was_reached, mismatches);
    };
    if (best && rank(best->reached, best->mismatches.size()) <= rank(reached, rule.mismatches.size()))
      continue;
    best = NearestAllow{policy.key, i, reached, rule.mismatches};
  }
}

}  // namespace

std::optional<NearestAllow> NearestAllowOf(const Verdict& verdict) {
  std::optional<NearestAllow> best;
  for (const TierTrace& tier : verdict.tiers) {
    for (const PolicyTrace& policy : tier.policies) Nearer(policy, best);
  }
  for (const PolicyTrace& profile : verdict.profiles) Nearer(profile, best);
  return best;
}

std::string PolicyName(const model::Key& policy) {
  return policy.ns.empty() ? policy.name : policy.ns + "/" + policy.name;
}

std::string Because(const Verdict& verdict) {
  const std::string name = verdict.policy ? PolicyName(*verdict.policy) : std::string();
  const std::size_t number = verdict.rule.value_or(0) + 1;
  switch (verdict.cause) {
    case Cause::kRule:
      return verdict.rule ? fmt::format("policy {} rule {}", name, number)
                          : fmt::format("policy {} cannot be read", name);
    case Cause::kEndOfTier:
      return "end of tier " + verdict.tier;
    case Cause::kProfileRule:
      return verdict.rule ? fmt::format("profile {} rule {}", name, number)
                          : fmt::format("profile {} cannot be read", name);
    case Cause::kMissingProfile:
      return fmt::format("profile {} does not exist", name);
    case Cause::kNoProfileMatched:
      return "no profile matched";
    case Cause::kNoForwardPolicy:
      return "no applyOnForward policy";
    case Cause::kUndecided:
      return "no policy decides";
    case Cause::kFailsafe:
      return "failsafe " + verdict.detail;
    case Cause::kEstablished:
      return "connection is established";
    case Cause::kInvalidConnection:
      return "connection is invalid";
    case Cause::kAdminDown:
      return "endpoint is switched off";
    case Cause::kEncapsulation:
      return verdict.detail + " from a workload";
    case Cause::kSpoofedSource:
      return "spoofed source";
    case Cause::kUnknownWorkload:
      return "unknown workload interface";
    case Cause::kIcmpv6ToHost:
      return "ICMPv6 to the host";
    case Cause::kEndpointToHost:
      return "endpoint to host " + verdict.detail;
    case Cause::kHostToWorkload:
      return "host to local workload";
    case Cause::kNoHostEndpoint:
      return "no host endpoint";
    case Cause::kServiceLoop:
      return "service loop";
    case Cause::kNoCalicoInterface:
      return "no endpoint on the way";
  }
  return {};
}

std::string_view ActionName(Action action) {
  switch (action) {
    case Action::kAllow:
      return "allow";
    case Action::kDeny:
      return "deny";
    case Action::kNone:
      return "none";
  }
  return {};
}

std::string_view ActionName(RuleAction action) {
  switch (action) {
    case RuleAction::kAllow:
      return "Allow";
    case RuleAction::kDeny:
      return "Deny";
    case RuleAction::kPass:
      return "Pass";
    case RuleAction::kLog:
      return "Log";
  }
  return {};
}

}  // namespace calico::policy_eval
