// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

namespace calico {

// Work that is cheaper for many items at once, asked for by many threads. A call that comes while nothing is
// being done is done at once; calls that come meanwhile wait, and the next round does all of theirs together.
// So nobody waits for company, and the busier it is the larger the rounds are.
template <typename Item, typename Outcome>
class JointWork {
 public:
  // One outcome for each item, in their order. Runs on the thread of one of the callers, never twice at a
  // time.
  using Work = std::function<std::vector<Outcome>(const std::vector<Item>&)>;

  explicit JointWork(Work work) : work_(std::move(work)) {}

  Outcome Do(Item item) {
    std::unique_lock lock(mutex_);
    const std::uint64_t ticket = next_ticket_++;
    waiting_.emplace_back(ticket, std::move(item));
    for (;;) {
      if (const auto done = outcomes_.find(ticket); done != outcomes_.end()) {
        Outcome outcome = std::move(done->second);
        outcomes_.erase(done);
        return outcome;
      }
      if (busy_) {
        changed_.wait(lock);
        continue;
      }
      RunRound(lock);
    }
  }

 private:
  void RunRound(std::unique_lock<std::mutex>& lock) {
    busy_ = true;
    std::vector<std::uint64_t> tickets;
    std::vector<Item> items;
    for (auto& [ticket, item] : waiting_) {
      tickets.push_back(ticket);
      items.push_back(std::move(item));
    }
    waiting_.clear();
    lock.unlock();
    std::vector<Outcome> outcomes = work_(items);
    lock.lock();
    for (std::size_t i = 0; i < tickets.size(); ++i) outcomes_.emplace(tickets[i], std::move(outcomes.at(i)));
    busy_ = false;
    changed_.notify_all();
  }

  const Work work_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::uint64_t next_ticket_ = 0;
  bool busy_ = false;
  std::vector<std::pair<std::uint64_t, Item>> waiting_;
  std::map<std::uint64_t, Outcome> outcomes_;
};

}  // namespace calico
