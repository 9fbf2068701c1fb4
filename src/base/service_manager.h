// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/unique_fd.h"

namespace calico {

// A listening socket that is held open for us, also while we do not run.
struct InheritedSocket {
  UniqueFd fd;
  std::string path;  // of a unix socket, as it was bound; else empty
};

// The other end of sd_listen_fds(3) and sd_notify(3): systemd, or whoever speaks like it. Without one there
// are no sockets, and what is told goes nowhere.
class ServiceManager final {
 public:
  ServiceManager() = default;
  // Takes what was handed to this process out of its environment, so that its children do not take it for
  // theirs. Before any thread.
  static ServiceManager OfProcess();

  const std::vector<InheritedSocket>& sockets() const { return sockets_; }
  // "READY=1", "STATUS=waits for etcd"; several lines at once are one message. Never waits. Thread-safe.
  void Tell(const std::string& lines) const;

 private:
  std::vector<InheritedSocket> sockets_;
  std::string notify_path_;
};

}  // namespace calico
