// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore {

// Whether there is any key under /calico in etcd v2, as Calico 2.6 keeps it. A server without the v2 API
// holds none.
Result<bool> EtcdV2HoldsData(const EtcdOptions& options);

}  // namespace calico::datastore
