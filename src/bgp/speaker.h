// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

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
  };
  virtual Health health() const = 0;
};

}  // namespace calico::bgp
