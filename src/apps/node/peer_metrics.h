// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bgp/peer_status.h"

namespace calico::node {

// The metrics of BGP sessions: made from what the speaker says when somebody asks for metrics, and gone with
// the session. One thread's.
class PeerMetrics final {
 public:
  // An error: the speaker did not answer.
  void Update(const Result<std::vector<bgp::PeerStatus>>& peers);

 private:
  struct Session {
    bool up = false;
    std::optional<WallTime> since;
    std::uint64_t flaps = 0;
  };
  std::map<std::string, Session> sessions_;  // by name
};

}  // namespace calico::node
