// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "model/policy.h"
#include "model/rule.h"
#include "model/selector/selector.h"

// From the selectors that people write (selector, namespaceSelector, service accounts) to those that
// endpoints' labels are compared with: reference felix 2.7.
namespace calico::calc {

// The endpoints that a policy applies to. `global` is null for a policy in namespace `ns`. kInvalidArgument:
// a selector does not parse.
Result<model::Selector> PolicySelector(const model::PolicySpec& spec, const model::GlobalPolicySpec* global,
                                       const std::string& ns);

// What a side of a rule asks of an address. With `positive`, `negative` is already part of it.
struct EntitySelectors {
  std::optional<model::Selector> positive;
  std::optional<model::Selector> negative;  // the address is in no such endpoint or set, or of nobody
};
// `ns`: of the policy that the rule is in; empty for global policies and profiles.
Result<EntitySelectors> SelectorsOf(const model::EntityRule& entity, const std::string& ns);

}  // namespace calico::calc
