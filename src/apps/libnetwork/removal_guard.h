// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "base/http_server.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Docker's authorization plugin protocol, for dockerds started with --authorization-plugin=calico-guard. The
// only way to refuse `docker network rm`: what a network driver says against it dockerd logs and goes on.
// Refuses it while containers of other hosts use the network, and allows all else; also when the store does
// not answer.
HttpResponse GuardRemoval(datastore::Client& client, const Clock& clock, const Options& options,
                          const HttpRequest& request);

// While the agent cannot look: all is allowed.
HttpResponse AllowUnguarded(const HttpRequest& request);

}  // namespace calico::libnetwork
