// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "bgp/bird/config.h"
#include "bgp/bird/route_hold.h"
#include "bgp/speaker.h"
#include "dataplane_api/bgp_view.h"

namespace calico::bgp {

// Keeps one stock BIRD 2 running with the configuration of the current view: writes bird.cfg if its text
// changed, starts BIRD (or adopts one that a former agent left running), reconfigures without dropping
// sessions, restarts it with backoff when it ends. BIRD outlives the agent on purpose: routes and sessions
// stay over an agent restart, SIGTERM or SIGKILL. Runs on one loop.
class BirdSpeaker final : public Speaker {
 public:
  struct Options {
    std::string binary = "bird";
    std::string config_path = "/etc/calico/confd/config/bird.cfg";
    std::string socket_path = "/var/run/calico/bird.ctl";
    std::string pid_path = "/var/run/calico/bird.pid";
    std::string log_path = "/var/log/calico/bird/current";  // empty: our stderr
    // Whether the kernel still holds routes of protocol bird: then BIRD starts with -R (graceful restart).
    std::function<bool()> kernel_has_bird_routes;
    RouteHold::Kernel route_hold;
    PasswordOf password_of;
    // How often it is asked whether it lives, and after how long without an answer it is started anew.
    Duration watch_period = std::chrono::seconds(5), hung_after = std::chrono::seconds(30);
    // A BIRD that has seen more interfaces is restarted (see InterfaceChurn), but never sooner than that: the
    // peers keep routes over one restart, not over two within the restart time, 120 s.
    int most_interfaces = 5000;
    Duration shortest_life = std::chrono::minutes(10);
  };
  BirdSpeaker(EventLoop& loop, const Clock& clock, Options options);
  ~BirdSpeaker() override;  // leaves BIRD running

  void OnView(const dataplane_api::BgpView& view) override;

  // The device that routes of IPIP pools lead through has been made: BIRD looks at those routes again.
  void OnTunnelDevice() override;

  Health health() const override;
  Result<std::vector<PeerStatus>> Peers() const override;
  Result<DaemonStatus> Daemon() const override;
  Result<std::vector<RouteStatus>> Routes() const override;

  // Ends the BIRD that runs under `options` (SIGTERM). False: there is none.
  static Result<bool> StopBird(const Options& options);

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace calico::bgp
