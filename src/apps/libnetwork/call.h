// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "datastore/client.h"
#include "workload/veth_removal.h"

namespace calico::libnetwork {

// One call of dockerd: what it may use, and until when.
struct Call {
  datastore::Client& client;       // every call of it ends by `deadline`
  datastore::Client& undo_client;  // a little longer, to undo what was done when the deadline strikes
  const Clock& clock;
  const Options& options;
  const Driver::WaitProgrammed& wait_programmed;
  const Driver::Unfinished& unfinished;
  workload::VethRemoval& removal;
  TimePoint deadline;
};

}  // namespace calico::libnetwork
