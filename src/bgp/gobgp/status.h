// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bgp/peer_status.h"

namespace calico::bgp {

inline constexpr char kGobgpSocket[] = "/var/run/calico/gobgp.sock";

// The sessions of the GoBGP that listens there. As Calico 2.6 shows them, `since` is how long ago:
// "00:03:12", "1d 02:03:04", "never".
Result<std::vector<PeerStatus>> ReadGobgpPeers(const std::string& socket_path, Duration timeout);
// What it knows of routes: its own ones are those of blocks, services and the kernel's.
Result<std::vector<RouteStatus>> ReadGobgpRoutes(const std::string& socket_path, Duration timeout);
// `version` and `started` are the process's business, and stay empty.
Result<DaemonStatus> ReadGobgpDaemon(const std::string& socket_path, Duration timeout);

}  // namespace calico::bgp
