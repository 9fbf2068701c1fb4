// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "apps/node/dataplane_thread.h"
#include "base/event_loop.h"
#include "base/http_server.h"
#include "bgp/speaker.h"

namespace calico::node {

// Liveness and readiness over HTTP (reference bgp-and-node A9): /liveness, /readiness, and per part
// /felix-live, /felix-ready, /bird-live, /bird-ready. 200, or 503 with one line per reason. Thread-safe.
class Health final {
 public:
  struct Sources {
    std::map<std::string, EventLoop*> loops;
    std::function<bool()> store_in_sync;
    std::string store_name;
    std::function<DataplaneThread::Snapshot()> dataplane;
    std::function<bgp::Speaker::Health()> bird;  // empty: no BGP
  };
  explicit Health(Sources sources);

  HttpResponse Handle(const HttpRequest& request);
  // What is not as it should be; empty = ready.
  std::vector<std::string> NotReady();

 private:
  std::vector<std::string> Dead();
  std::vector<std::string> FelixNotReady();
  std::vector<std::string> BirdNotReady();

  const Sources sources_;
};

}  // namespace calico::node
