// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "base/environment.h"
#include "base/result.h"

namespace calico::node {

// `calico-node -felix-live -bird-ready …`, as container probes call it (reference bgp-and-node A9): asks the
// running agent. The error says what is not well.
Status Probe(const std::vector<std::string>& checks, const Environment& environment);
// Whether this is one of the flags above.
bool IsProbeFlag(const std::string& argument);

}  // namespace calico::node
