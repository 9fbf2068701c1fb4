// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace calico::bgp {

// One session as the speaker reports it; what it does not say is empty. The words are BIRD's (reference
// bgp-and-node C1, C2), whichever the speaker is.
struct PeerStatus {
  std::string session;  // "Mesh_172_30_200_37"
  std::string address;
  bool ipv6 = false;
  std::string type;       // "node-to-node mesh", "global", "node specific", "local workload"
  std::string node;       // of the cluster; empty: a router outside
  std::string state;      // "up", "start", "down"
  std::string since;      // of `state`: time of day, or date when older
  std::string bgp_state;  // "Established", "Connect", …; empty when down
  std::string info;       // bgp_state and the error behind it
  std::string last_error;
  std::uint32_t as_number = 0;
  std::uint32_t local_as_number = 0;
  // Only of an established session.
  std::optional<std::uint64_t> routes_in, routes_out;
  std::optional<std::chrono::milliseconds> hold_left, hold_time, keepalive_time;
};

}  // namespace calico::bgp
