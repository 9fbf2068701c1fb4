// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"

namespace calico::node {

// One sentence for each variable of Calico that is set and has no effect here, for the log of a start:
// those of Kubernetes, of Typha, of parts that do not exist (docs/reference/environment.md).
std::vector<std::string> UnusedVariables(const Environment& environment);

// Variables that ask for what would be dangerous to pass over. kUnsupported.
Status CheckRefusedVariables(const Environment& environment);

}  // namespace calico::node
