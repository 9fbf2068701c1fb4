// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"
#include "model/felix_configuration.h"

namespace calico::node {

// The FELIX_* variables of parameters that have an effect here. Names and booleans are in any letter case,
// durations in seconds, `none` is nothing of its kind (reference felix 4.2). kInvalidArgument names the
// variable and what is allowed.
Result<model::FelixConfiguration> FelixOverrides(const Environment& environment);

// One sentence for each FELIX_* variable that is set to something else than its default and has no effect.
std::vector<std::string> FelixVariablesWithoutEffect(const Environment& environment);

}  // namespace calico::node
