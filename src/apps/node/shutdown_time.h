// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "base/clock.h"
#include "base/environment.h"
#include "base/result.h"

namespace calico::node {

// `calico-node -shutdown`, the step before a stop (reference bgp-and-node A8): writes the time, RFC 3339 and
// UTC, to CALICO_SHUTDOWN_TIMESTAMP_FILE, /var/lib/calico/shutdownTS by default.
Status WriteShutdownTime(const Environment& environment, const Clock& clock);

// After the next complete start.
void RemoveShutdownTime(const Environment& environment);

}  // namespace calico::node
