// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "bgp/peer_status.h"

namespace calico::bgp {

struct BirdReplyLine {
  int code = 0;
  std::string text;
  bool last = false;
};
// One line as BIRD sends it; a continuation has the code of the line before.
BirdReplyLine ReadLine(const std::string& line, int code_before);

// What BIRD's replies say (reference bgp-and-node C1); words that are missing or unknown are left out. Times
// of day are this host's.
std::vector<PeerStatus> ReadPeers(const std::vector<BirdReplyLine>& show_protocols_all, WallTime now);
DaemonStatus ReadDaemon(const std::vector<BirdReplyLine>& show_status);
std::vector<RouteStatus> ReadRoutes(const std::vector<BirdReplyLine>& show_route);

}  // namespace calico::bgp
