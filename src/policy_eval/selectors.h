// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/policy.h"
#include "model/rule.h"
#include "model/selector/selector.h"

// How the selectors of a policy or a rule are put together, and the labels in them renamed (reference felix
// 2.7).
namespace calico::policy_eval {

inline constexpr char kNamespaceLabel[] = "projectcalico.org/namespace";
inline constexpr char kOrchestratorLabel[] = "projectcalico.org/orchestrator";
inline constexpr char kServiceAccountLabel[] = "projectcalico.org/serviceaccount";
inline constexpr char kNamespacePrefix[] = "pcns.";
inline constexpr char kServiceAccountPrefix[] = "pcsa.";

// What a selector's calls become; empty: they stay.
struct Rewriting {
  std::string label_prefix;
  std::string all;
  std::string global;
};
// kInvalidArgument if the selector cannot be parsed.
Result<std::string> Rewritten(const std::string& selector, const Rewriting& rewriting);

// Which endpoints a policy is for. `ns` is empty for a global policy, and only then is `global` read.
Result<model::Selector> PolicySelector(const model::PolicySpec& spec, const model::GlobalPolicySpec& global,
                                       const std::string& ns);

// Which addresses one side of a rule is about. `unwanted` only without `wanted`: together they are one.
struct EntitySelectors {
  std::optional<model::Selector> wanted;
  std::optional<model::Selector> unwanted;
};
// `ns`: that of the policy whose rule it is; empty for global policies and profiles.
Result<EntitySelectors> RuleSelectors(const model::EntityRule& entity, const std::string& ns);

}  // namespace calico::policy_eval
