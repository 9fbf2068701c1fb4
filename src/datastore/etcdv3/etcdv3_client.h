// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "datastore/choice.h"
#include "datastore/client.h"

namespace calico::datastore {

// A client of etcd's v3 API. Checks endpoints and certificates now and connects when first used. Several
// endpoints: calls go to one that is connected; a read that failed is tried on the others, a write never
// twice.
Result<std::unique_ptr<Client>> OpenEtcdV3(const EtcdOptions& options);

}  // namespace calico::datastore
