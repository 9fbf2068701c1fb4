// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/libnetwork/docker_api.h"
#include "base/clock.h"

namespace calico::libnetwork {

// Follows dockerd outside plugin calls: calling it from one deadlocks while dockerd starts its restart=always
// containers (reference docker-and-cni A9.6). Has a thread of its own; survives restarts of dockerd.
class DockerWatch final {
 public:
  // Called on the watch's thread, one call at a time. While one takes its time events wait in the socket.
  class Listener {
   public:
    virtual ~Listener() = default;
    // dockerd answers: after our start and after each of its own. What happened before is in no event: read
    // it. kUnavailable: the watch begins anew in a while.
    virtual Status OnDockerUp() = 0;
    // Of networks and containers, in order. One that was seen by OnDockerUp may come once more.
    virtual void OnDockerEvent(const DockerEvent& event) = 0;
    // dockerd has ended, or is about to: it closed the stream of events. Not called for a dockerd that ended
    // while nobody followed it.
    virtual void OnDockerGone() {}
  };

  DockerWatch(std::string endpoint, const Clock& clock, std::vector<Listener*> listeners);
  ~DockerWatch();  // stops the thread
  void Start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::libnetwork
