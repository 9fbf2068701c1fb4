// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore {

// Whether there is any key under /calico/ in etcd v3; reads one key's name.
Result<bool> EtcdV3HoldsData(const EtcdOptions& options);

}  // namespace calico::datastore
