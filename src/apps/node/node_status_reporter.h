// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "bgp/speaker.h"
#include "datastore/client.h"
#include "model/node_status.h"

namespace calico::node {

// What a speaker has answered, as far as a resource asks for it. Sections that it does not ask for are empty.
Result<model::CalicoNodeStatus> WithStatus(model::CalicoNodeStatus resource, const bgp::Speaker* speaker);

// Keeps the status of the CalicoNodeStatus resources of this node current (reference bgp-and-node C2), on a
// thread of its own: asking the speaker and the store may take seconds. A resource is written when something
// but the time has changed.
class NodeStatusReporter final {
 public:
  // Without a speaker BGP is not ready. It outlives this.
  NodeStatusReporter(datastore::Client& client, const Clock& clock, std::string node,
                     const bgp::Speaker* speaker);
  ~NodeStatusReporter();

  void Start() { thread_.Start(); }
  // The resource is like this now; null: it is gone. From any thread. Our own writes come back this way, and
  // change nothing.
  void OnResource(const std::string& name, const model::CalicoNodeStatus* resource);

 private:
  struct Wanted {
    std::vector<std::string> classes;
    int period_seconds = 0;
    bool operator==(const Wanted&) const = default;
  };
  struct Reported {
    Wanted wanted;
    std::string error;  // the last one, which is logged once
    std::unique_ptr<EventLoop::Handle> timer;
  };
  void Schedule(const std::string& name, const std::optional<Wanted>& wanted);
  void Report(const std::string& name);
  Status Write(const std::string& name);

  datastore::Client& client_;
  const Clock& clock_;
  const std::string node_;
  const bgp::Speaker* const speaker_;
  std::map<std::string, Reported> resources_;  // the thread's
  LoopThread thread_;
};

}  // namespace calico::node
