// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/rule.h"
#include "model/validate/problems.h"

namespace calico::model::validate {

// One rule of a profile or policy (reference datastore-model C.4.1).
void CheckRule(const Rule& rule, Problems& problems);

}  // namespace calico::model::validate
