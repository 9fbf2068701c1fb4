// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Learns Docker networks' names outside plugin calls (calling Docker from CreateEndpoint deadlocks while
// dockerd starts its restart=always containers, reference docker-and-cni A9.6): lists networks when dockerd's
// API answers, follows its network events, writes id -> name into the store, and renames endpoints of this
// host that were given the network's ID as profile because the name was not known in time. Has a thread of
// its own; survives restarts of dockerd.
class NetworkNames final {
 public:
  NetworkNames(datastore::Client& client, const Clock& clock, const Options& options);
  ~NetworkNames();  // stops the thread
  void Start();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::libnetwork
