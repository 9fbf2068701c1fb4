// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/policy.h"
#include "model/validate/problems.h"

namespace calico::model::validate {

// What all policies share (reference datastore-model C.4.2, C.4.3); `global` is nullptr for namespaced ones.
void CheckPolicy(const PolicySpec& spec, const GlobalPolicySpec* global, Problems& problems);

}  // namespace calico::model::validate
