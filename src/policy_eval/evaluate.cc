// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/evaluate.h"

#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/text.h"
#include "model/codec/v1_stored.h"
#include "policy_eval/host.h"
#include "policy_eval/host_endpoints.h"
#include "policy_eval/labels.h"
#include "policy_eval/members.h"
#include "policy_eval/rule_match.h"

namespace calico::policy_eval {
namespace {

Action ActionOf(RuleAction action) {
  return action == RuleAction::kAllow ? Action::kAllow : Action::kDeny;
}

// A policy's rules, all of them: those after the one that decides are for explanations.
PolicyTrace Trace(const Scene& scene, const Policy& policy, Direction direction) {
  PolicyTrace trace;
  trace.key = policy.key;
  trace.staged = policy.staged;
  trace.unreadable = policy.unreadable;
  if (!policy.unreadable.empty()) return trace;
  for (const model::Rule& rule : policy.Rules(direction))
    trace.rules.push_back(MatchRule(scene, rule, policy.key.ns));
  for (std::size_t i = 0; i < trace.rules.size() && !trace.rule; ++i) {
    if (trace.rules[i].matched && trace.rules[i].action != RuleAction::kLog) trace.rule = i;
  }
  return trace;
}

PolicyTrace TraceProfile(const Scene& scene, const std::string& name, Direction direction) {
  PolicyTrace trace;
  trace.key = model::Key::Resource(model::Kind::kProfile, name);
  const auto profile = FindProfile(scene.cluster, name);
  trace.missing = !profile;
  if (profile) trace.unreadable = profile->unreadable;
  if (!profile || !profile->unreadable.empty()) return trace;
  for (const model::Rule& rule : direction == Direction::kIngress ? profile->ingress : profile->egress) {
    RuleTrace& matched = trace.rules.emplace_back(MatchRule(scene, rule, {}));
    // Pass has no meaning in a profile, not even one that cannot be read.
    if (EqualsIgnoreCase(rule.action, ActionName(RuleAction::kPass))) matched.action = RuleAction::kPass;
  }
  for (std::size_t i = 0; i < trace.rules.size() && !trace.rule; ++i) {
    const RuleTrace& rule = trace.rules[i];
    if (rule.matched && (rule.action == RuleAction::kAllow || rule.action == RuleAction::kDeny))
      trace.rule = i;
  }
  return trace;
}

// The tiers and the profiles of one endpoint, one after the other, until there is a verdict.
class Evaluation {
 public:
  Evaluation(const Cluster& cluster, const Packet& packet, Direction direction, Verdict& verdict)
      : members_(MembersOf(cluster)),
        scene_{cluster, members_, packet},
        direction_(direction),
        verdict_(verdict) {}

  void Tiers(const model::Labels& labels, Stage stage) {
    const bool always_passes = stage == Stage::kUntracked || stage == Stage::kPreDnat;
    for (const TierOfPolicies& tier : TiersSeen(scene_.cluster, labels, stage, direction_))
      OneTier(tier, tier.passes || always_passes);
  }
  void Profiles(const std::vector<std::string>& names) {
    for (const std::string& name : names) OneProfile(name);
    if (!decided_) Decide(Action::kDeny, Cause::kNoProfileMatched);
  }
  bool decided() const { return decided_; }

 private:
  void Decide(Action action, Cause cause) {
    decided_ = true;
    verdict_.action = action;
    verdict_.cause = cause;
  }
  void DecideByRule(const PolicyTrace& trace, Cause cause) {
    Decide(trace.rule ? ActionOf(trace.rules[*trace.rule].action) : Action::kDeny, cause);
    verdict_.policy = trace.key;
    verdict_.rule = trace.rule;
  }
  // Those in front of the rule that decides.
  void Logs(const PolicyTrace& trace) {
    for (std::size_t i = 0; i < trace.rule.value_or(trace.rules.size()); ++i) {
      if (trace.rules[i].matched && trace.rules[i].action == RuleAction::kLog)
        verdict_.logs.push_back({trace.key, i});
    }
  }

  void OneTier(const TierOfPolicies& tier, bool passes) {
    verdict_.tiers.push_back({tier.name, tier.exists, passes, {}});
    bool enforced = false, passed = false;
    for (const Policy& policy : tier.policies) {
      PolicyTrace trace = Trace(scene_, policy, direction_);
      trace.reached = !decided_ && !passed;
      if (!trace.staged) {
        enforced = true;
        if (trace.reached) passed = OnePolicy(trace, tier.name);
      }
      verdict_.tiers.back().policies.push_back(std::move(trace));
    }
    // Staged policies alone do not close a tier (2.15).
    if (decided_ || passed || !enforced || passes) return;
    Decide(Action::kDeny, Cause::kEndOfTier);
    verdict_.tier = tier.name;
  }
  // True if it says Pass.
  bool OnePolicy(const PolicyTrace& trace, const std::string& tier) {
    Logs(trace);
    if (trace.unreadable.empty() && !trace.rule) return false;
    if (trace.rule && trace.rules[*trace.rule].action == RuleAction::kPass) return true;
    DecideByRule(trace, Cause::kRule);
    verdict_.tier = tier;
    return false;
  }

  void OneProfile(const std::string& name) {
    PolicyTrace trace = TraceProfile(scene_, name, direction_);
    trace.reached = !decided_;
    if (trace.reached) {
      Logs(trace);
      if (trace.missing || trace.rule || !trace.unreadable.empty())
        DecideByRule(trace, trace.missing ? Cause::kMissingProfile : Cause::kProfileRule);
    }
    verdict_.profiles.push_back(std::move(trace));
  }

  const std::vector<Member> members_;
  const Scene scene_;
  const Direction direction_;
  Verdict& verdict_;
  bool decided_ = false;
};

// Reference felix 2.13.
bool DecidedByConnection(const Host& host, const Packet& packet, Verdict& verdict) {
  if (packet.connection == Connection::kEstablished) {
    verdict.action = Action::kAllow;
    verdict.cause = Cause::kEstablished;
    return true;
  }
  if (packet.connection == Connection::kInvalid && host.drop_invalid) {
    verdict.action = Action::kDeny;
    verdict.cause = Cause::kInvalidConnection;
    return true;
  }
  return false;
}

// Reference felix 3.13, "order inside a normal endpoint chain": else a workload could speak to the hosts'
// tunnel devices.
bool IsEncapsulated(const Host& host, const Packet& packet, std::string& detail) {
  if (!host.vxlan_from_workloads && packet.protocol == net::kUdp &&
      packet.destination_port == host.vxlan_port)
    detail = "VXLAN";
  if (!host.ipip_from_workloads && packet.protocol == net::kIpip) detail = "IPIP";
  return !detail.empty();
}

bool HasForwardPolicy(const Cluster& cluster, const model::Labels& labels) {
  for (const Policy& policy : PoliciesOf(cluster)) {
    if (!policy.staged && policy.HasStage(Stage::kForward) && policy.Selects(labels)) return true;
  }
  return false;
}

// Nothing more is asked: what that means depends on the stage (2.5, table of variants).
void FallOff(const Cluster& cluster, const model::Labels& labels, Stage stage, Verdict& verdict) {
  if (stage != Stage::kForward || HasForwardPolicy(cluster, labels)) return;
  verdict.action = Action::kAllow;
  verdict.cause = Cause::kNoForwardPolicy;
}

}  // namespace

Verdict EvaluateWorkload(const Cluster& cluster, const model::Key& workload, Direction direction,
                         const Packet& packet) {
  const auto* endpoint = cluster.Find<model::WorkloadEndpoint>(workload);
  CHECK(endpoint != nullptr, "the workload must exist");
  const Host host = HostOf(cluster, endpoint->node);
  Verdict verdict;
  verdict.action = Action::kDeny;
  if (cluster.admin_down.contains(workload) || model::IsSwitchedOff(*endpoint)) {
    verdict.cause = Cause::kAdminDown;
    return verdict;
  }
  if (DecidedByConnection(host, packet, verdict)) return verdict;
  if (direction == Direction::kEgress && IsEncapsulated(host, packet, verdict.detail)) {
    verdict.cause = Cause::kEncapsulation;
    return verdict;
  }
  Evaluation evaluation(cluster, packet, direction, verdict);
  evaluation.Tiers(LabelsOf(cluster, *endpoint), Stage::kNormal);
  evaluation.Profiles(endpoint->profiles);
  return verdict;
}

Verdict EvaluateHostEndpoint(const Cluster& cluster, const model::Key& host_endpoint, Stage stage,
                             Direction direction, const Packet& packet) {
  const auto* endpoint = cluster.Find<model::HostEndpoint>(host_endpoint);
  CHECK(endpoint != nullptr, "the host endpoint must exist");
  const Host host = HostOf(cluster, endpoint->node);
  Verdict verdict;
  if (stage == Stage::kUntracked && endpoint->interface_name == kAnyInterface) return verdict;
  if (stage != Stage::kUntracked && DecidedByConnection(host, packet, verdict)) return verdict;
  if (const auto failsafe = FailsafeFor(host, stage, direction, packet)) {
    // Before the normal stage it only means that this stage has no say.
    verdict.action = stage == Stage::kNormal ? Action::kAllow : Action::kNone;
    verdict.cause = Cause::kFailsafe;
    verdict.detail = *failsafe;
    return verdict;
  }
  const model::Labels labels = LabelsOf(cluster, *endpoint);
  Evaluation evaluation(cluster, packet, direction, verdict);
  evaluation.Tiers(labels, stage);
  if (stage == Stage::kNormal) evaluation.Profiles(endpoint->profiles);
  if (!evaluation.decided()) FallOff(cluster, labels, stage, verdict);
  return verdict;
}

}  // namespace calico::policy_eval
