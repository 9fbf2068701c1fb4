// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "bgp/peer_status.h"
#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// Keeps one BGP daemon running as the current view wants it. Runs on one loop. Destroying it leaves the
// daemon as it is: sessions and routes outlive the agent.
class Speaker {
 public:
  virtual ~Speaker() = default;

  virtual void OnView(const dataplane_api::BgpView& view) = 0;

  // The device that routes of IPIP pools lead through has been made.
  virtual void OnTunnelDevice() = 0;

  struct Health {
    bool running = false;
    std::string error;  // last problem; empty when fine
    // Sessions that are left out: "10.0.0.1: secret tor, key password".
    std::vector<std::string> without_password;
    // For how long the daemon has run without an answer; 0: it answers.
    Duration silence{};
    // Sessions that need somebody: "10.0.0.1: tells more than 200000 routes; …".
    std::vector<std::string> sessions;
  };
  virtual Health health() const = 0;

  // What the daemon says, asked for on each call. From any thread, never the loop: it may take
  // kAnswerTimeout, and is kUnavailable when the daemon has not answered by then.
  static constexpr Duration kAnswerTimeout = std::chrono::seconds(2);
  virtual Result<std::vector<PeerStatus>> Peers() const = 0;
  virtual Result<DaemonStatus> Daemon() const = 0;
  virtual Result<std::vector<RouteStatus>> Routes() const = 0;
};

}  // namespace calico::bgp
