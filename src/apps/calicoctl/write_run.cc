// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/write_run.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/parallel.h"

namespace calico::calicoctl {
namespace {

// So many writes are on their way at once. The store decides when each is done; more than this does not make
// it faster.
constexpr std::size_t kWorkers = 16;
constexpr std::size_t kLargestGroup = 32;  // of items that one call writes
constexpr std::size_t kFewItems = 1000;    // for which no progress bar is worth it

// "[########            ] 4000 of 10000 created", rewritten in place.
class ProgressBar {
 public:
  ProgressBar(const Session& session, std::size_t total, std::string past)
      : err_(session.err()),
        total_(total),
        past_(std::move(past)),
        shown_(session.surroundings.err_is_terminal && total > kFewItems) {}
  ~ProgressBar() {
    if (shown_) err_ << "\r\033[K" << std::flush;
  }

  void Show(std::size_t done) {
    if (!shown_) return;
    constexpr std::size_t kWidth = 40;
    const std::size_t full = done * kWidth / total_;
    err_ << fmt::format("\r[{}{}] {} of {} {}", std::string(full, '#'), std::string(kWidth - full, ' '), done,
                        total_, past_)
         << std::flush;
  }

 private:
  std::ostream& err_;
  const std::size_t total_;
  const std::string past_;
  const bool shown_;
};

}  // namespace

std::vector<std::size_t> IndependentRuns(const std::vector<Item>& items) {
  std::vector<std::size_t> runs;
  std::set<model::Key> keys;  // of the run that grows
  for (std::size_t i = 0; i < items.size(); ++i) {
    const model::Key& key = items[i].key;
    const bool joins = i > 0 && key.kind == items[i - 1].key.kind && !items[i].alone && !items[i - 1].alone &&
                       !key.name.empty() && !items[i - 1].key.name.empty() && !keys.contains(key);
    if (!joins) {
      runs.push_back(0);
      keys.clear();
    }
    ++runs.back();
    keys.insert(key);
  }
  return runs;
}

std::vector<Status> WriteItems(const Session& session, const std::vector<Item>& items, const WriteSome& write,
                               const std::string& past) {
  std::vector<Status> statuses(items.size());
  ProgressBar bar(session, items.size(), past);
  // One for each thread: it remembers what many writes ask about.
  std::vector<datastore::Resources> resources;
  for (std::size_t i = 0; i < std::min(kWorkers, items.size()); ++i) resources.push_back(session.resources());
  std::size_t start = 0;
  for (const std::size_t length : IndependentRuns(items)) {
    const std::size_t group = std::clamp<std::size_t>(length / resources.size(), 1, kLargestGroup);
    ParallelFor((length + group - 1) / group, resources.size(),
                [&](std::size_t i, std::size_t worker) {
                  const std::size_t first = i * group;
                  const std::span<Status> some(&statuses[start + first], std::min(group, length - first));
                  write(resources[worker], start + first, some);
                },
                [&](std::size_t done) { bar.Show(start + std::min(length, done * group)); });
    start += length;
  }
  return statuses;
}

}  // namespace calico::calicoctl
