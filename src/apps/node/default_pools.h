// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "apps/node/startup.h"
#include "base/result.h"
#include "datastore/resources.h"
#include "model/ip_pool.h"

namespace calico::node {

// The default pools that are missing (reference bgp-and-node A5): one per family that has no pool at all, as
// the CALICO_IPV4POOL_* and CALICO_IPV6POOL_* variables say. Errors name the variable.
Result<std::vector<model::IPPool>> PlanDefaultPools(const StartupInputs& inputs,
                                                    datastore::Resources& resources);

}  // namespace calico::node
