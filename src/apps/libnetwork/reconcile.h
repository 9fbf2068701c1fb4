// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>

#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "datastore/client.h"
#include "ipam/allocator.h"

namespace calico::libnetwork {

// Removes what Docker forgot on this node. dockerd never repeats a Leave, DeleteEndpoint or ReleaseAddress
// that failed, and sends none of them for containers that died with it or with the host (reference
// docker-and-cni A9.4, A9.7, A9.10).
//
// Why it is not trivial:
//  * a container that is being started looks like a leftover: it has an address before an endpoint, and an
//  endpoint
//    before an interface. Nothing younger than `grace` is touched;
//  * an address that is free already may be given away while dockerd's own ReleaseAddress is under way: an
//  orphaned
//    allocation must be seen in two rounds;
//  * in a store of Calico 2.6 endpoints have no age, so that a dead one must be seen in two rounds, and
//    addresses no owner: those that nobody gives back stay allocated there.
class Reconciler final {
 public:
  Reconciler(datastore::Client& client, const Clock& clock, Options options,
             Duration grace = std::chrono::seconds(60));
  ~Reconciler();  // stops the thread

  // One round now, then one a minute, on a thread of its own (that is what looks at the network namespace).
  void Start();
  // One round on the calling thread.
  Status RunOnce();

 private:
  Status RemoveDeadEndpoints(datastore::Client& client, std::set<std::string>& living);
  Status ReleaseOrphans(datastore::Client& client, const std::set<std::string>& living);
  void RunLogged();

  datastore::Client& client_;
  const Clock& clock_;
  const Options options_;
  const Duration grace_;
  std::set<std::string> suspects_;                     // orphaned handles of the last round
  std::set<std::string> dead_;                         // endpoints without age that had no interface then
  std::map<std::string, datastore::Revision> unused_;  // handles without address in the last round
  std::unique_ptr<EventLoop::Handle> timer_;
  LoopThread thread_;
};

}  // namespace calico::libnetwork
