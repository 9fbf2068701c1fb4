// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "model/key.h"

namespace calico::ipam {

struct DeletionOptions {
  datastore::Revision expected = 0;  // of the object; 0: whatever it is
  // Between disabling a pool and releasing its blocks: time for allocators to see that it is disabled.
  std::function<void(Duration)> wait = SleepFor;
};

// Deletes a resource together with what upstream deletes with it (reference datastore-model A.15):
// calicoctl's delete. A pool is disabled first, its blocks lose their hosts, addresses in use stay allocated.
// A node takes its endpoints, addresses, blocks, peers and configurations along. Any other kind: the object
// alone. Done again after a failure half-way, it finishes.
Status DeleteResource(datastore::Client& client, const Clock& clock, const model::Key& key,
                      const DeletionOptions& options = {});

}  // namespace calico::ipam
