// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "datastore/migration/plan.h"
#include "datastore/resources.h"

namespace calico::datastore::migration {

// Which steps an earlier run has done already. kAlreadyExists: the destination holds something that no run
// of this plan wrote, named in the message; then nothing must be written.
Result<std::set<model::Key>> FindDone(Client& destination, const Clock& clock, const Plan& plan);
// Creates the step's object; `resources` is of the destination.
Status WriteStep(Client& destination, Resources& resources, const Step& step);

}  // namespace calico::datastore::migration
