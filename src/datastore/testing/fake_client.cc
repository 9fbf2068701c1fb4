// SPDX-License-Identifier: Apache-2.0
#include "datastore/testing/fake_client.h"

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>

namespace calico::datastore::testing {

struct FakeClient::State {
  struct Watcher {
    std::string prefix;
    WatchCallbacks callbacks;
    std::deque<WatchEvent> pending;
    std::optional<Error> error;
    bool stop = false;
    std::thread thread;
  };

  mutable std::mutex mutex;
  std::condition_variable changed;
  std::map<std::string, KeyValue> items;
  std::vector<WatchEvent> history;  // since the last compaction
  Revision revision = 1;
  Revision compacted = 0;
  std::multimap<Operation, Error> failures;
  std::vector<std::shared_ptr<Watcher>> watchers;
  bool hanging = false;
  int writes = 0;
  const std::string name = "fake store";

  void Record(WatchEvent event) {
    ++writes;
    history.push_back(event);
    for (const auto& watcher : watchers) {
      if (event.kv.key.starts_with(watcher->prefix)) watcher->pending.push_back(event);
    }
    changed.notify_all();
  }
  KeyValue& Store(const std::string& key, const std::string& value) {
    KeyValue& item = items[key];
    item = {key, value, ++revision};
    Record({WatchEvent::Type::kPut, item});
    return item;
  }
};

namespace {

using State = FakeClient::State;

class FakeWatch final : public Watch {
 public:
  FakeWatch(std::shared_ptr<State> state, std::shared_ptr<State::Watcher> watcher)
      : state_(std::move(state)), watcher_(std::move(watcher)) {}
  ~FakeWatch() override {
    {
      const std::lock_guard lock(state_->mutex);
      watcher_->stop = true;
      std::erase(state_->watchers, watcher_);
    }
    state_->changed.notify_all();
    if (watcher_->thread.joinable()) watcher_->thread.join();
  }

  static void Run(const std::shared_ptr<State>& state, const std::shared_ptr<State::Watcher>& watcher) {
    std::unique_lock lock(state->mutex);
    for (;;) {
      state->changed.wait(lock, [&] { return watcher->stop || !watcher->pending.empty() || watcher->error; });
      if (watcher->stop) return;
      std::vector<WatchEvent> events(watcher->pending.begin(), watcher->pending.end());
      watcher->pending.clear();
      const std::optional<Error> error = watcher->error;
      lock.unlock();
      if (!events.empty()) watcher->callbacks.on_events(std::move(events));
      if (error) {
        watcher->callbacks.on_error(*error);
        return;
      }
      lock.lock();
    }
  }

 private:
  const std::shared_ptr<State> state_;
  const std::shared_ptr<State::Watcher> watcher_;
};

// The error a call has been told to give, or that of a hanging store once its time is over.
std::optional<Error> Trouble(State& state, Operation operation, const std::optional<TimePoint>& deadline) {
  std::unique_lock lock(state.mutex);
  if (const auto found = state.failures.find(operation); found != state.failures.end()) {
    Error error = found->second;
    state.failures.erase(found);
    return error;
  }
  if (!state.hanging) return std::nullopt;
  state.changed.wait_until(lock,
                           deadline.value_or(std::chrono::steady_clock::now() + std::chrono::seconds(5)),
                           [&] { return !state.hanging; });
  return Error(ErrorCode::kUnavailable, state.name + ": no answer in time");
}

Error NotFound(const std::string& key) {
  return Error(ErrorCode::kNotFound, "no such key: " + key);
}

}  // namespace

FakeClient::FakeClient() : state_(std::make_shared<State>()) {}
FakeClient::FakeClient(std::shared_ptr<State> state, std::optional<TimePoint> deadline)
    : state_(std::move(state)), deadline_(deadline) {}
FakeClient::~FakeClient() = default;

Result<KeyValue> FakeClient::Get(const std::string& key) {
  if (auto error = Trouble(*state_, Operation::kGet, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->items.find(key);
  if (found == state_->items.end()) return NotFound(key);
  return found->second;
}

Result<ListResult> FakeClient::List(const std::string& prefix) {
  if (auto error = Trouble(*state_, Operation::kList, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  ListResult result;
  result.revision = state_->revision;
  for (auto it = state_->items.lower_bound(prefix);
       it != state_->items.end() && it->first.starts_with(prefix); ++it) {
    result.items.push_back(it->second);
  }
  return result;
}

Result<Revision> FakeClient::Create(const std::string& key, const std::string& value) {
  if (auto error = Trouble(*state_, Operation::kCreate, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  if (state_->items.contains(key)) return Error(ErrorCode::kAlreadyExists, "key exists: " + key);
  return state_->Store(key, value).revision;
}

Result<Revision> FakeClient::Update(const std::string& key, const std::string& value, Revision expected) {
  if (auto error = Trouble(*state_, Operation::kUpdate, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->items.find(key);
  if (found == state_->items.end()) return NotFound(key);
  if (found->second.revision != expected)
    return Error(ErrorCode::kConflict, "revision of " + key + " has changed");
  return state_->Store(key, value).revision;
}

Result<Revision> FakeClient::Put(const std::string& key, const std::string& value) {
  if (auto error = Trouble(*state_, Operation::kPut, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  return state_->Store(key, value).revision;
}

Status FakeClient::Delete(const std::string& key, Revision expected) {
  if (auto error = Trouble(*state_, Operation::kDelete, deadline_)) return *error;
  const std::lock_guard lock(state_->mutex);
  const auto found = state_->items.find(key);
  if (found == state_->items.end()) return NotFound(key);
  if (expected != 0 && found->second.revision != expected)
    return Error(ErrorCode::kConflict, "revision of " + key + " has changed");
  state_->items.erase(found);
  state_->Record({WatchEvent::Type::kDelete, {key, "", ++state_->revision}});
  return Ok();
}

std::unique_ptr<Watch> FakeClient::StartWatch(const std::string& prefix, Revision from,
                                              WatchCallbacks callbacks) {
  auto watcher = std::make_shared<State::Watcher>();
  watcher->prefix = prefix;
  watcher->callbacks = std::move(callbacks);
  const std::lock_guard lock(state_->mutex);
  if (from < state_->compacted) watcher->error = Error(ErrorCode::kNotFound, "revision has been compacted");
  for (const WatchEvent& event : state_->history) {
    if (event.kv.revision > from && event.kv.key.starts_with(prefix)) watcher->pending.push_back(event);
  }
  state_->watchers.push_back(watcher);
  watcher->thread = std::thread([state = state_, watcher] { FakeWatch::Run(state, watcher); });
  return std::make_unique<FakeWatch>(state_, watcher);
}

std::unique_ptr<Client> FakeClient::WithDeadline(TimePoint deadline) {
  return std::unique_ptr<Client>(
      new FakeClient(state_, deadline_ ? std::min(*deadline_, deadline) : deadline));
}

const std::string& FakeClient::name() const {
  return state_->name;
}

void FakeClient::FailNext(Operation operation, Error error) {
  const std::lock_guard lock(state_->mutex);
  state_->failures.emplace(operation, std::move(error));
}
void FakeClient::SetHanging(bool hanging) {
  const std::lock_guard lock(state_->mutex);
  state_->hanging = hanging;
  state_->changed.notify_all();
}
void FakeClient::Compact() {
  const std::lock_guard lock(state_->mutex);
  state_->history.clear();
  state_->compacted = state_->revision;
}
void FakeClient::BreakWatches() {
  const std::lock_guard lock(state_->mutex);
  for (const auto& watcher : state_->watchers)
    watcher->error = Error(ErrorCode::kUnavailable, state_->name + ": connection lost");
  state_->changed.notify_all();
}
int FakeClient::writes() const {
  const std::lock_guard lock(state_->mutex);
  return state_->writes;
}
std::map<std::string, std::string> FakeClient::content() const {
  const std::lock_guard lock(state_->mutex);
  std::map<std::string, std::string> result;
  for (const auto& [key, item] : state_->items) result[key] = item.value;
  return result;
}

}  // namespace calico::datastore::testing
