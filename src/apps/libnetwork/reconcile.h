// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "apps/libnetwork/docker_watch.h"
#include "apps/libnetwork/driver.h"
#include "apps/libnetwork/leftovers.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "datastore/client.h"
#include "ipam/allocator.h"
#include "net/ip.h"

namespace calico::libnetwork {

// Removes what Docker forgot on this node: endpoints, addresses and interfaces. dockerd never repeats a
// Leave, DeleteEndpoint or ReleaseAddress that failed, and sends not all of them for containers that died
// with it or with the host (reference docker-and-cni A9.4, A9.7, A9.10). What is left over: decision 17.
class Reconciler final : public DockerWatch::Listener {
 public:
  Reconciler(datastore::Client& client, const Clock& clock, Options options,
             Duration grace = std::chrono::seconds(60));
  ~Reconciler() override;  // stops the thread

  // Looks now, when dockerd has come up, some time after it found something suspicious, and once a minute, on
  // a thread of its own (that is what looks at the network namespace).
  void Start();
  // One look on the calling thread.
  Status RunOnce();

  // What dockerd wanted while the store was away. Any thread.
  Driver::Unfinished TakeUnfinished();

  Status OnDockerUp() override;
  void OnDockerEvent(const DockerEvent&) override {}
  void OnDockerGone() override;

 private:
  struct Found;
  struct Held;

  Result<Found> Look(datastore::Client& client);
  Status AddClaims(Found& found);
  Result<std::vector<Held>> ListHeld(datastore::Client& client);
  Status RemoveEndpoints(datastore::Client& client, Found& found);
  Status ReleaseAddresses(datastore::Client& client, const Found& found);
  Status Release(datastore::Client& client, const Held& held);
  void RemoveInterfaces(const Found& found);
  // Whether it was suspect in a former look, a while ago. Notes it for the next.
  bool Confirmed(const std::string& what);
  bool IsDead(Verdict verdict, const std::string& what);
  void RunLogged();

  datastore::Client& client_;
  const Clock& clock_;
  const Options options_;
  const Duration grace_;
  std::optional<WallTime> docker_ended_;                         // as far as we saw it end
  std::optional<WallTime> former_docker_ended_;                  // the same, with another dockerd running now
  std::map<std::string, TimePoint> suspects_, suspects_before_;  // since when
  std::set<std::string> deleted_;                                // endpoints that dockerd deleted
  std::map<net::Ip, WallTime> released_;                         // addresses that dockerd released, and when
  std::map<std::string, datastore::Revision> unused_;            // handles without address in the last look
  bool reported_ = false;
  workload::VethRemoval removal_;
  std::unique_ptr<EventLoop::Handle> timer_;
  LoopThread thread_;
};

}  // namespace calico::libnetwork
