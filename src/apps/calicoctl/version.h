// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// Prints the cluster's lines whenever they change, until `wait`, which lets `period` pass, says no. A store
// that is away is said once on stderr.
int PollClusterVersion(const Session& session, const OpenedStore& store, Duration period,
                       const std::function<bool(Duration)>& wait);

}  // namespace calico::calicoctl
