// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/event_loop.h"
#include "datastore/client.h"
#include "model/update.h"

namespace calico::datastore {

// Keeps a consumer informed of everything under some prefixes: list, then watch; after an error it watches
// again from the last revision seen, and lists again when that has been compacted, sending only differences
// and the keys that went away. Objects that do not decode are counted; policies and profiles among them are
// sent in part (model::DecodeToEnforce), others are logged and sent as absent. Lives on one loop.
class Syncer final {
 public:
  struct Options {
    std::vector<std::string> prefixes;
    Duration retry_initial = std::chrono::milliseconds(100);
    Duration retry_max = std::chrono::seconds(5);
  };
  enum class State { kWaitForDatastore, kResync, kInSync };

  // `deliver` is called on `loop` with each batch; never with an empty one. `client` is called on a thread of
  // the syncer's own, so that a store that hangs does not hang the loop.
  Syncer(EventLoop& loop, Client& client, Options options, std::function<void(model::UpdateBatch)> deliver);
  ~Syncer();  // on the loop, or after it stopped

  void Start();
  State state() const;

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

// All that calc looks at.
std::vector<std::string> CalcPrefixes();

}  // namespace calico::datastore
