// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/docker_watch.h"
#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Learns the names of Docker's networks, writes id -> name into the store, and renames endpoints of this host
// that were given the network's ID as profile because the name was not known in time.
class NetworkNames final : public DockerWatch::Listener {
 public:
  NetworkNames(datastore::Client& client, const Clock& clock, const Options& options);

  Status OnDockerUp() override;
  void OnDockerEvent(const DockerEvent& event) override;

 private:
  Status Learn(const std::string& id, const std::string& name);
  Status Forget(const std::string& id);
  void Rename();

  datastore::Client& client_;
  const Clock& clock_;
  const Options options_;
};

}  // namespace calico::libnetwork
