// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "calc/endpoints.h"
#include "calc/rules.h"
#include "dataplane_api/policy.h"
#include "model/key.h"
#include "model/update.h"

// A whole policy or profile as the dataplane gets it. What cannot be read denies everything.
namespace calico::calc {

struct Converted {
  dataplane_api::Rules rules;
  std::vector<std::string> problems;  // one sentence each, without those of the selection
};
// `policy`: of Calico's kinds.
Converted ConvertPolicy(const model::Key& key, const model::Object& policy, const PolicySelection& selection,
                        SetsInUse& sets);
// nullptr: a profile that is not there denies everything until it comes (reference felix 1.4).
Converted ConvertProfile(const std::string& name, const model::Profile* profile, SetsInUse& sets);

// What of a policy or profile an agent could not enforce as it stands: the warnings of a graph that uses it.
// For those who show it. Empty for all other kinds.
std::vector<std::string> ProblemsOf(const std::shared_ptr<const model::Object>& object);

}  // namespace calico::calc
