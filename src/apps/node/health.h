// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/node/dataplane_thread.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/http_server.h"
#include "bgp/speaker.h"
#include "net/ip.h"

namespace calico::node {

// Liveness and readiness over HTTP (reference bgp-and-node A9): /liveness, /readiness, and per part
// /felix-live, /felix-ready, /bird-live, /bird-ready and /bird6-…, for the sessions of IPv6. 200, or 503 with
// one line per reason. Thread-safe.
//
// The speaker is ready when all its sessions are up and it waits for none to come back; from 30 s after the
// start, or ?threshold=SECONDS, one of each family is enough: a peer that is down makes no host useless.
class Health final {
 public:
  struct Sources {
    std::map<std::string, EventLoop*> loops;
    std::function<bool()> store_in_sync;
    std::string store_name;
    std::function<DataplaneThread::Snapshot()> dataplane;
    // Empty: no BGP. The last two ask the daemon.
    std::function<bgp::Speaker::Health()> bird;
    std::function<Result<bgp::DaemonStatus>()> daemon;
    std::function<Result<std::vector<bgp::PeerStatus>>()> peers;
    const Clock* clock = nullptr;  // for how long we run
    // A loop that does not come round for this long hangs: a call to a BIRD that hangs takes up to 4 s.
    Duration loop_limit = std::chrono::seconds(5);
  };
  explicit Health(Sources sources);

  HttpResponse Handle(const HttpRequest& request);
  // What is not as it should be; empty = ready.
  std::vector<std::string> NotReady();

 private:
  std::vector<std::string> Dead();
  std::vector<std::string> FelixNotReady();
  std::vector<std::string> BirdHangs();
  std::vector<std::string> BirdNotLive();
  std::vector<std::string> BirdNotReady(const std::vector<net::Family>& families, Duration threshold);

  const Sources sources_;
  const TimePoint started_;
};

}  // namespace calico::node
