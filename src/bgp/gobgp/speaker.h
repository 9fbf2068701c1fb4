// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "bgp/gobgp/status.h"
#include "bgp/passwords.h"
#include "bgp/speaker.h"
#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// Keeps one gobgpd doing what the current view wants: starts it (or adopts one that a former agent left
// running) and tells it everything over its API, of which only what differs from what it does already.
// gobgpd outlives the agent, as BIRD does.
//
// GoBGP leaves the kernel alone. So we tell it of the kernel's routes inside pools (addresses that this host
// has out of other hosts' blocks), and the kernel of what peers tell outside pools (LearnedRoutes). Routes to
// the cluster's blocks are the agent's (reference bgp-and-node B15), which needs no BGP for them.
class GobgpSpeaker final : public Speaker {
 public:
  struct Options {
    std::string binary = "gobgpd";
    std::string socket_path = kGobgpSocket;
    std::string pid_path = "/var/run/calico/gobgpd.pid";
    std::string log_path = "/var/log/calico/calico-bgp-daemon/current";  // empty: our stderr
    PasswordOf password_of;
  };
  GobgpSpeaker(EventLoop& loop, const Clock& clock, Options options);
  ~GobgpSpeaker() override;  // leaves gobgpd and its routes

  void OnView(const dataplane_api::BgpView& view) override;
  void OnTunnelDevice() override {}  // the agent's routes lead through it
  Health health() const override;

  Result<std::vector<PeerStatus>> Peers() const override;
  Result<DaemonStatus> Daemon() const override;
  Result<std::vector<RouteStatus>> Routes() const override;

  // Ends the gobgpd that runs under `options` (SIGTERM). False: there is none.
  static Result<bool> StopGobgp(const Options& options);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace calico::bgp
