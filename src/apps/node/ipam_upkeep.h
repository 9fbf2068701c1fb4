// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "apps/node/tunnel_addresses.h"
#include "base/backoff.h"
#include "base/clock.h"
#include "base/event_loop.h"
#include "base/result.h"
#include "datastore/client.h"
#include "model/felix_configuration.h"
#include "net/ip.h"

namespace calico::node {

// This host's part in IPAM, on a thread of its own: finishes half-done claims of blocks at start, claims a
// block of every usable pool when claimBlocksAtStart says so, gives the tunnel devices their addresses, and
// gives up empty blocks whose pool is gone.
class IpamUpkeep final {
 public:
  IpamUpkeep(datastore::Client& client, const Clock& clock, std::string node,
             model::FelixConfiguration overrides);
  ~IpamUpkeep();

  void Start();
  // Pools, our node or the configuration may have changed. From any thread; cheap.
  void Recheck();
  // This host's WireGuard public key; empty: none. From any thread; cheap.
  void SetWireguardKey(net::Family family, const std::string& key);

 private:
  void Run();
  Status Check();
  Status ClaimUsablePools();
  Status ReleaseBlocksWithoutPool();

  datastore::Client& client_;
  const Clock& clock_;
  const std::string node_;
  const model::FelixConfiguration overrides_;
  std::atomic<bool> pending_ = false;
  bool repaired_ = false;
  WireguardState wireguard_;  // the thread's
  Backoff backoff_;
  std::unique_ptr<EventLoop::Handle> retry_;
  LoopThread thread_;
};

}  // namespace calico::node
