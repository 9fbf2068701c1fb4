// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dataplane_api/updates.h"
#include "model/rule.h"
#include "model/selector/selector.h"

namespace calico::calc {

// Turns a selector of a rule into the id of its IP set, and counts it as used.
using UseSelector = std::function<std::string(const model::Selector&)>;

// The rules of one direction. What this version cannot express fails closed: an Allow rule with such a
// criterion is left out, a Deny rule loses the criterion and so denies more. Each case adds a sentence to
// `warnings`.
std::vector<dataplane_api::Rule> ConvertRules(const std::vector<model::Rule>& rules, const std::string& owner,
                                              const UseSelector& use_selector,
                                              std::vector<std::string>& warnings);

}  // namespace calico::calc
