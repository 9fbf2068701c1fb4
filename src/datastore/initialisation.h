// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::datastore {

// What a start-up knows of the cluster; empty where it does not.
struct ClusterFacts {
  std::string version;  // "v3.32.1"
  std::string types;    // comma list; what is missing in the store's is appended
};

// Reference datastore-model A.13: there is a ClusterInformation with a GUID that is ready unless somebody
// said otherwise, and there are the built-in tiers. Writes nothing when all of this is so already. In a store
// of Calico 2.6, which has no tiers, as far as it goes.
Status EnsureInitialised(Client& client, const Clock& clock, const ClusterFacts& facts);

}  // namespace calico::datastore
