// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <sys/types.h>

#include "base/event_loop.h"
#include "base/result.h"
#include "bgp/bird/control.h"
#include "kernel/rtnetlink.h"

namespace calico::bgp {

// How many interfaces BIRD has seen since it was started. BIRD 2.0 keeps a record of each name for ever, and
// goes through all of them for every interface and route of each scan (reference bgp-and-node B14): a host
// that has started enough containers needs a new BIRD. The count outlives the agent, as BIRD does. Runs on
// one loop.
class InterfaceChurn final {
 public:
  InterfaceChurn(EventLoop& loop, std::string path, std::function<void()> on_new_interface);

  // This BIRD has been started, or is that of a former agent.
  void Begin(pid_t bird);
  int count() const { return count_; }

 private:
  void Read();
  void Save() const;

  const std::string path_;
  const std::function<void()> on_new_interface_;
  std::unique_ptr<kernel::RtnetlinkMonitor> monitor_;
  std::map<int, std::string> names_;  // of interfaces that are there, by index
  pid_t bird_ = -1;
  int count_ = 0;
  std::unique_ptr<EventLoop::Handle> events_;
};

// Whether all sessions would keep their routes over a graceful restart, by what `show status` and
// `show protocols all` answer. kUnsupported: a peer cannot. kUnavailable: not now.
Status ReadyForGracefulRestart(const std::vector<BirdReplyLine>& status,
                               const std::vector<BirdReplyLine>& protocols);

}  // namespace calico::bgp
