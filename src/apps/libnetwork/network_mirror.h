// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "apps/libnetwork/docker_watch.h"
#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Makes a network of local scope known on every host: publishes what users make and remove in this host's
// Docker, and makes and removes here what they do elsewhere (docs/decisions/0013). Idle where Docker shares
// networks itself. Has a thread of its own, which may wait for dockerd.
class NetworkMirror final : public DockerWatch::Listener {
 public:
  NetworkMirror(datastore::Client& client, const Clock& clock, const Options& options);
  ~NetworkMirror() override;  // stops the thread
  void Start();

  Status OnDockerUp() override;
  void OnDockerEvent(const DockerEvent& event) override;

  // Of networks that this host does not have as they are wanted. Any thread.
  std::vector<std::string> Problems() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::libnetwork
