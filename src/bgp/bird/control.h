// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bgp/bird/replies.h"
#include "bgp/peer_status.h"

namespace calico::bgp {

// One conversation with BIRD's control socket (reference bgp-and-node C1). Blocking, until `timeout` after
// Connect() for the greeting, and after the begin of each command.
class BirdControl final {
 public:
  static constexpr char kDefaultSocket[] = "/var/run/calico/bird.ctl";

  // Only the connection: BIRD greets whoever comes. `flags` as of socket(2).
  static Result<UniqueFd> Open(const std::string& socket_path, int flags,
                               Duration timeout = Duration::zero());
  static Result<BirdControl> Connect(const std::string& socket_path, Duration timeout);
  BirdControl(BirdControl&&) noexcept;
  ~BirdControl();

  Result<std::vector<BirdReplyLine>> Command(const std::string& command);
  // Errors of the new file end up in the Error; the old configuration stays in force then.
  Status Configure();
  // Everything that a peer has told is asked for again, for what was left out of it.
  Status Refresh(const std::string& session);
  // All routes of the kernel protocol of IPv4 go through its export filter again. kUnavailable until BIRD has
  // seen the interface: a filter that names one it does not know rejects the route for good.
  Status ReloadKernelRoutes(const std::string& interface);
  Result<std::vector<PeerStatus>> Peers();
  Result<DaemonStatus> Daemon();
  Result<std::vector<RouteStatus>> Routes();
  // "BIRD 2.0.12 ready.": BIRD 1 serves one family only.
  const std::string& greeting() const { return greeting_; }

 private:
  Status Run(const std::string& command);

  explicit BirdControl(int fd, Duration timeout);
  int fd_;
  Duration timeout_;
  std::string buffer_;
  std::string greeting_;
};

}  // namespace calico::bgp
