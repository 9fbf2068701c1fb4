// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/environment.h"

namespace calico::node {

// /var/log/calico/<part>/current, with the parts of Calico's container (reference bgp-and-node A7): felix,
// confd (what the BGP speaker is told), libnetwork, bird, calico-bgp-daemon (GoBGP). Unless
// CALICO_DISABLE_FILE_LOGGING is true.

// From now on our log goes there, too; before any thread. Where that fails stderr says so.
void BeginLogFiles(const Environment& environment);
// Of a daemon that writes it itself: "bird", "calico-bgp-daemon". Empty: it has our stderr.
std::string DaemonLog(const Environment& environment, const std::string& part);
// Of those daemons. While no agent runs they say next to nothing.
void RotateDaemonLogs();

}  // namespace calico::node
