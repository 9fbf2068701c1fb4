// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.2 to C.4.6: policies, profiles, tiers.
#include "model/validate/policy.h"

#include <algorithm>

#include "model/validate/checks.h"
#include "model/validate/names.h"
#include "model/validate/rule.h"

namespace calico::model::validate {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

void CheckSelector(std::string_view name, const std::string& text, Problems& problems) {
  problems.SelectorText(name, text);
  if (SaysGlobal(text)) problems.Add(fmt::format("PolicySpec.{}", name), text, kGlobalOnlyForNamespaces);
}

void CheckTypes(const std::vector<std::string>& types, Problems& problems) {
  for (std::size_t i = 0; i < types.size(); ++i) {
    if (types[i] != "Ingress" && types[i] != "Egress")
      problems.Tag(Element("Types", i), types[i], "policyType");
  }
  for (std::string_view type : {"Ingress", "Egress"}) {
    if (std::count(types.begin(), types.end(), type) > 1)
      problems.Add("PolicySpec.Types", "", fmt::format("'{}' type specified more than once", type));
  }
}

void CheckHints(const std::vector<std::string>& hints, Problems& problems) {
  constexpr std::string_view kHint = "AssumeNeededOnEveryNode";
  for (std::size_t i = 0; i < hints.size(); ++i) {
    if (hints[i] != kHint) problems.Tag(Element("PerformanceHints", i), hints[i], "oneof");
  }
  if (std::count(hints.begin(), hints.end(), kHint) > 1) problems.Tag("PerformanceHints", kHint, "unique");
}

// Options for traffic that is not a workload's.
void CheckHostOptions(const PolicySpec& spec, const GlobalPolicySpec& global, Problems& problems) {
  if (global.do_not_track && global.pre_dnat) {
    problems.Add("PolicySpec.PreDNAT", "true",
                 "PreDNAT and DoNotTrack cannot both be true, for a given PolicySpec");
  }
  if (global.pre_dnat && !spec.egress.empty())
    problems.Add("PolicySpec.Egress", "", "PreDNAT PolicySpec cannot have any Egress rules");
  if (global.pre_dnat && Has(spec.types, "Egress"))
    problems.Add("PolicySpec.Types", "", "PreDNAT PolicySpec cannot have 'egress' Type");
  if ((global.do_not_track || global.pre_dnat) && !global.apply_on_forward) {
    problems.Add(
        "PolicySpec.ApplyOnForward", "false",
        "ApplyOnForward must be true if either PreDNAT or DoNotTrack is true, for a given PolicySpec");
  }
}

constexpr char kDeleted[] = "Spec fields, except Tier, should all be zero-value if stagedAction is Delete";

void CheckStaged(const std::string& action, const PolicySpec& spec, const GlobalPolicySpec* global,
                 Problems& problems) {
  problems.OneOf("StagedAction", action, {"Set", "Delete", "Learn", "Ignore"}, "stagedAction");
  if (action == "Delete") {
    PolicySpec rest = spec;
    rest.tier.clear();
    if (rest != PolicySpec{} || (global != nullptr && *global != GlobalPolicySpec{}))
      problems.Add("Spec", "", kDeleted);
  }
  CheckPolicy(spec, global, problems);
}

}  // namespace

void CheckPolicy(const PolicySpec& spec, const GlobalPolicySpec* global, Problems& problems) {
  const RuleOwner owner = global == nullptr ? RuleOwner::kNetworkPolicy : RuleOwner::kGlobalNetworkPolicy;
  problems.Match("Tier", spec.tier, IsName, "name");
  for (const Rule& rule : spec.ingress) CheckRule(rule, owner, Direction::kIngress, problems);
  for (const Rule& rule : spec.egress) CheckRule(rule, owner, Direction::kEgress, problems);
  CheckSelector("Selector", spec.selector, problems);
  CheckTypes(spec.types, problems);
  CheckSelector("ServiceAccountSelector", spec.service_account_selector, problems);
  CheckHints(spec.performance_hints, problems);
  if (global == nullptr) return;
  CheckSelector("NamespaceSelector", global->namespace_selector, problems);
  CheckHostOptions(spec, *global, problems);
}

void Check(const NetworkPolicy& policy, Problems& problems) {
  CheckPolicy(policy.spec, nullptr, problems);
}
void Check(const GlobalNetworkPolicy& policy, Problems& problems) {
  CheckPolicy(policy.spec, &policy.global, problems);
}
void Check(const StagedNetworkPolicy& policy, Problems& problems) {
  CheckStaged(policy.staged_action, policy.spec, nullptr, problems);
}
void Check(const StagedGlobalNetworkPolicy& policy, Problems& problems) {
  CheckStaged(policy.staged_action, policy.spec, &policy.global, problems);
}

void Check(const Profile& profile, Problems& problems) {
  for (const Rule& rule : profile.ingress)
    CheckRule(rule, RuleOwner::kProfile, Direction::kIngress, problems);
  for (const Rule& rule : profile.egress) CheckRule(rule, RuleOwner::kProfile, Direction::kEgress, problems);
  for (const auto& [key, value] : profile.labels_to_apply) {
    if (!IsQualifiedName(key))
      problems.Tag("LabelsToApply", key, "labels", QualifiedNameFaults(key)[0]);
    else if (!IsLabelValue(value))
      problems.Tag("LabelsToApply", value, "labels", LabelValueFaults(value)[0]);
  }
}

void Check(const Tier& tier, Problems& problems) {
  problems.OneOf("DefaultAction", tier.default_action, {"Deny", "Pass"}, "action");
  struct Fixed {
    std::string_view name;
    double order;
    const char* text;  // as Go prints it
  };
  for (const Fixed& fixed : {Fixed{"default", 1e6, "1e+06"}, Fixed{"kube-admin", 1e3, "1000"},
                             Fixed{"kube-baseline", 1e7, "1e+07"}}) {
    if (tier.metadata.name == fixed.name && tier.order && *tier.order != fixed.order) {
      problems.Add("TierSpec.Order", fmt::format("{}", *tier.order),
                   fmt::format("{} tier order must be {}", fixed.name, fixed.text));
    }
  }
}

}  // namespace calico::model::validate
