// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "base/clock.h"

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
  std::optional<WallTime> since_time;  // of `state`; not when the speaker says the date only
  std::uint32_t as_number = 0;
  std::uint32_t local_as_number = 0;
  // Only of an established session.
  std::optional<std::uint64_t> routes_in, routes_out;
  bool routes_left_out = false;  // the peer tells more than is taken from one
  std::optional<std::chrono::milliseconds> hold_left, hold_time, keepalive_time;

  bool established() const { return bgp_state == "Established"; }
};

// The daemon as a whole; times as it writes them: "2026-03-02 09:59:58.123".
struct DaemonStatus {
  std::string version;  // "BIRD 2.0.12"
  std::string router_id;
  std::string started;
  std::string reconfigured;
  bool restarting = false;  // a graceful restart is in progress: routes of before wait for their peers
};

// One route that the daemon knows.
struct RouteStatus {
  std::string destination;  // "10.65.1.0/26"
  bool ipv6 = false;
  bool best = false;
  std::string gateway;    // empty: none
  std::string interface;  // empty: none
  enum class Source { kKernel, kStatic, kDirect, kMesh, kPeer } source = Source::kStatic;
  std::string peer;  // the address of whom it is learned from, with kMesh and kPeer
};

}  // namespace calico::bgp
