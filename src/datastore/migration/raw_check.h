// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "datastore/migration/plan.h"

namespace calico::datastore::migration {

// Raw keys of 2.6 that its programs passed over and that would be lost without a word: `raw` is what the
// client lists under /calico/v1 and /calico/bgp/v1, `source` the objects that it makes of them.
std::vector<Remark> FindUnreadable(const std::vector<KeyValue>& source, const std::vector<KeyValue>& raw);

}  // namespace calico::datastore::migration
