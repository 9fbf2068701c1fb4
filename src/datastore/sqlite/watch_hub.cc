// SPDX-License-Identifier: Apache-2.0
#include "datastore/sqlite/watch_hub.h"

#include <algorithm>
#include <functional>
#include <list>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>

#include "base/unique_fd.h"
#include "datastore/sqlite/schema.h"

namespace calico::datastore::sqlite {
namespace {

struct Watcher {
  std::string prefix;
  Revision last = 0;  // events after this one are still to be told
  WatchCallbacks callbacks;
  bool started = false;  // false: look even if nobody has written
  bool failed = false;
};
using WatcherList = std::list<std::shared_ptr<Watcher>>;

constexpr Duration kFirstLook = std::chrono::milliseconds(1);  // after a write to the log; doubles from there
constexpr Duration kSlowRound = std::chrono::milliseconds(500);
constexpr Duration kRoundWithoutNotify = std::chrono::milliseconds(25);

}  // namespace

struct WatchHub::Impl {
  Impl(Connection c, const std::string& path)
      : db(std::move(c)),
        version(db.get(), "PRAGMA data_version"),
        notify(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
        waker(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    // The file, not the directory: what others do in the directory does not concern us.
    has_notify = notify.valid() && ::inotify_add_watch(notify.get(), (path + "-wal").c_str(), IN_MODIFY) >= 0;
  }

  void Run() {
    pthread_setname_np(pthread_self(), "sqlite-watch");
    const Duration idle = has_notify ? kSlowRound : kRoundWithoutNotify;
    Duration pause = kFirstLook;
    while (!Stopped()) {
      {
        const std::lock_guard lock(mutex);
        Round();
      }
      const bool told = Sleep(std::min(pause, idle));
      pause = told ? kFirstLook : pause * 2;
    }
  }

  // True when woken before the time: by a write to the log or by Wake().
  bool Sleep(Duration duration) {
    pollfd fds[] = {{waker.get(), POLLIN, 0}, {notify.get(), POLLIN, 0}};
    const int ready =
        ::poll(fds, has_notify ? 2 : 1, static_cast<int>(duration / std::chrono::milliseconds(1)));
    char drained[4096];
    while (::read(waker.get(), drained, sizeof(std::uint64_t)) > 0) {
    }
    while (has_notify && ::read(notify.get(), drained, sizeof drained) > 0) {
    }
    return ready > 0;
  }
  void Wake() const {
    const std::uint64_t one = 1;
    // It can only fail when it is full, and then the thread wakes up anyway.
    [[maybe_unused]] const ssize_t written = ::write(waker.get(), &one, sizeof one);
  }
  bool Stopped() {
    const std::lock_guard lock(mutex);
    return stop;
  }

  bool HasNewWatcher() const {
    return std::any_of(watchers.begin(), watchers.end(),
                       [](const auto& watcher) { return !watcher->started && !watcher->failed; });
  }

  void Round() {
    const auto current = version.QueryNumber();
    const bool changed = !current.has_value() || *current != seen_version;
    if (!changed && !HasNewWatcher()) return;
    if (current.has_value()) seen_version = *current;
    for (const auto& watcher : watchers) {
      if (watcher->failed) continue;
      watcher->started = true;
      if (Status status = current.has_value() ? Tell(*watcher) : Status(current.error());
          !status.has_value()) {
        watcher->failed = true;
        watcher->callbacks.on_error(status.error());
      }
    }
  }

  Status Tell(Watcher& watcher) {
    std::vector<WatchEvent> events;
    RETURN_IF_ERROR(ReadEvents(db.get(), watcher.prefix, watcher.last, events));
    if (!events.empty()) watcher.callbacks.on_events(std::move(events));
    return Ok();
  }

  const Connection db;
  Statement version;
  const UniqueFd notify;
  const UniqueFd waker;
  bool has_notify = false;
  std::int64_t seen_version = -1;
  std::mutex mutex;  // held while callbacks run, so that a watch is removed only when none is running
  bool stop = false;
  WatcherList watchers;
  std::thread thread;
};

namespace {

class HubWatch final : public Watch {
 public:
  explicit HubWatch(std::function<void()> remove) : remove_(std::move(remove)) {}
  ~HubWatch() override { remove_(); }

 private:
  const std::function<void()> remove_;
};

}  // namespace

WatchHub::WatchHub(Connection db, const std::string& path)
    : impl_(std::make_unique<Impl>(std::move(db), path)) {}

WatchHub::~WatchHub() {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->stop = true;
  }
  impl_->Wake();
  if (impl_->thread.joinable()) impl_->thread.join();
}

std::unique_ptr<Watch> WatchHub::Add(const std::string& prefix, Revision from, WatchCallbacks callbacks) {
  auto watcher = std::make_shared<Watcher>();
  watcher->prefix = prefix;
  watcher->last = from;
  watcher->callbacks = std::move(callbacks);
  const auto locked = [hub = shared_from_this()](const auto& change) {
    {
      const std::lock_guard lock(hub->impl_->mutex);
      change(*hub->impl_);
    }
    hub->impl_->Wake();
  };
  locked([&](Impl& impl) {
    impl.watchers.push_back(watcher);
    if (!impl.thread.joinable()) impl.thread = std::thread([&impl] { impl.Run(); });
  });
  return std::make_unique<HubWatch>(
      [locked, watcher] { locked([&](Impl& impl) { impl.watchers.remove(watcher); }); });
}

}  // namespace calico::datastore::sqlite
