// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "dataplane_api/policy.h"
#include "model/rule.h"
#include "model/selector/selector.h"

namespace calico::calc {

// How a rule's selectors become sets: each call counts one use and returns the set's id.
class SetsInUse {
 public:
  virtual ~SetsInUse() = default;
  virtual std::string Addresses(const model::Selector& selector) = 0;
  // The address, protocol and number of each port of that name on the endpoints selected.
  virtual std::string NamedPort(const model::Selector& selector, const std::string& port) = 0;
};

// The rules of one direction of a policy in namespace `ns` (empty: a global policy or a profile). A rule that
// cannot be understood fails closed: an Allow or Log rule is left out; a Deny or Pass rule, or one without a
// known action, denies everything. Each case adds a sentence to `problems`, beginning with "rule 3: ".
std::vector<dataplane_api::Rule> ConvertRules(const std::vector<model::Rule>& rules, const std::string& ns,
                                              SetsInUse& sets, std::vector<std::string>& problems);

}  // namespace calico::calc
