// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <vector>

#include "datastore/client.h"

namespace calico::datastore::testing {

// Collects what a watch says, for tests that wait for it. Thread-safe. Must outlive the watch.
class EventLog {
 public:
  WatchCallbacks Callbacks() {
    return {[this](std::vector<WatchEvent> events) {
              const std::lock_guard lock(mutex_);
              events_.insert(events_.end(), events.begin(), events.end());
              changed_.notify_all();
            },
            [this](Error error) {
              const std::lock_guard lock(mutex_);
              error_ = std::move(error);
              changed_.notify_all();
            }};
  }
  // All events once there are `count` of them, or those that came in time.
  std::vector<WatchEvent> WaitFor(std::size_t count, Duration limit = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return events_.size() >= count || error_.has_value(); });
    return events_;
  }
  std::optional<Error> WaitForError(Duration limit = std::chrono::seconds(10)) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [&] { return error_.has_value(); });
    return error_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<WatchEvent> events_;
  std::optional<Error> error_;
};

}  // namespace calico::datastore::testing
