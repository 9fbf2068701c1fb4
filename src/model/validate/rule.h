// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/rule.h"
#include "model/validate/problems.h"

namespace calico::model::validate {

enum class Direction { kIngress, kEgress };
enum class RuleOwner { kProfile, kNetworkPolicy, kGlobalNetworkPolicy };

// One rule of a profile or policy (reference datastore-model C.4.1).
void CheckRule(const Rule& rule, RuleOwner owner, Direction direction, Problems& problems);

// Whether a sound selector says global() anywhere; a value "global()" does not count.
bool SaysGlobal(const std::string& selector);

inline constexpr char kGlobalOnlyForNamespaces[] =
    "global() can only be used in an EntityRule namespaceSelector";

}  // namespace calico::model::validate
