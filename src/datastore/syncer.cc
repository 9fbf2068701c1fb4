// SPDX-License-Identifier: Apache-2.0
#include "datastore/syncer.h"

#include <atomic>
#include <map>
#include <utility>

#include "base/backoff.h"
#include "base/log.h"
#include "base/mailbox.h"
#include "base/metrics.h"
#include "model/codec/json.h"

namespace calico::datastore {
namespace {

constexpr char kComponent[] = "syncer";

Counter& Undecodable() {
  static Counter& counter =
      RegisterCounter("calico_syncer_undecodable_total",
                      "Stored values that could not be decoded: policies and profiles deny "
                      "everything, the rest counts as absent.");
  return counter;
}
Counter& Resyncs() {
  static Counter& counter = RegisterCounter("calico_syncer_lists_total",
                                            "Full lists of a prefix: at start and after a compaction.");
  return counter;
}

// How two lists are compared. The value as well: where an object is made of several keys, one that goes
// leaves the revision of the others.
struct Fingerprint {
  explicit Fingerprint(const KeyValue& kv)
      : revision(kv.revision), value(std::hash<std::string>()(kv.value)) {}
  Revision revision;
  std::size_t value;
  bool operator==(const Fingerprint&) const = default;
};

}  // namespace

// Everything below runs on the worker's loop, except Take(), which runs on the consumer's.
struct Syncer::Impl : std::enable_shared_from_this<Impl> {
  struct Prefix {
    std::string path;
    std::map<std::string, Fingerprint> known;  // keys that the consumer has
    Revision revision = 0;                     // watch from here
    bool listed = false;
    bool must_list = true;
    std::unique_ptr<Watch> watch;
    std::unique_ptr<EventLoop::Handle> retry;
    std::unique_ptr<Backoff> backoff;
    int attempt = 0;  // of the watch; callbacks of a former one are dropped
  };

  Impl(EventLoop& l, Client& c, Options o, std::function<void(model::UpdateBatch)> d)
      : consumer(l),
        client(c),
        options(std::move(o)),
        deliver(std::move(d)),
        mailbox([this] { WakeConsumer(); },
                [this] {
                  worker.loop().Post([self = weak_from_this()] {
                    if (auto impl = self.lock()) impl->Flush();
                  });
                }),
        worker("syncer") {}

  void Begin() {
    for (const std::string& path : options.prefixes) {
      auto prefix = std::make_unique<Prefix>();
      prefix->path = path;
      prefix->backoff = std::make_unique<Backoff>(options.retry_initial, options.retry_max);
      prefixes.push_back(std::move(prefix));
    }
    for (const auto& prefix : prefixes) Continue(*prefix);
  }

  void Continue(Prefix& prefix) {
    if (prefix.must_list && !List(prefix)) return;
    const int attempt = ++prefix.attempt;
    Prefix* raw = &prefix;
    const auto on_loop = [self = weak_from_this(), raw, attempt](auto action) {
      if (auto impl = self.lock()) {
        impl->worker.loop().Post([self, raw, attempt, action] {
          auto alive = self.lock();
          if (alive != nullptr && raw->attempt == attempt) action(*alive, *raw);
        });
      }
    };
    prefix.watch = client.StartWatch(
        prefix.path, prefix.revision,
        {[on_loop](std::vector<WatchEvent> events) {
           on_loop([events = std::move(events)](Impl& impl, Prefix& p) { impl.OnEvents(p, events); });
         },
         [on_loop](const Error& error) {
           on_loop([error](Impl& impl, Prefix& p) { impl.OnWatchError(p, error); });
         }});
  }

  // Sends what differs from what the consumer has.
  bool List(Prefix& prefix) {
    auto listed = client.List(prefix.path);
    if (!listed.has_value()) {
      Retry(prefix, listed.error());
      return false;
    }
    Resyncs().Add();
    std::map<std::string, Fingerprint> now;
    for (const KeyValue& kv : listed->items) {
      const Fingerprint print(kv);
      now.emplace(kv.key, print);
      const auto known = prefix.known.find(kv.key);
      if (known == prefix.known.end() || known->second != print) Add(kv);
    }
    for (const auto& [key, print] : prefix.known) {
      if (!now.contains(key)) AddAbsent(key);
    }
    prefix.known = std::move(now);
    prefix.revision = listed->revision;
    prefix.must_list = false;
    prefix.listed = true;
    prefix.backoff->Reset();
    bool all = true;
    for (const auto& other : prefixes) all = all && other->listed;
    if (all && state != State::kInSync) {
      LogInfo(kComponent, "in sync with {}", client.name());
      pending.in_sync = true;
    }
    state = all ? State::kInSync : State::kResync;
    Flush();
    return true;
  }

  void OnEvents(Prefix& prefix, const std::vector<WatchEvent>& events) {
    prefix.backoff->Reset();
    for (const WatchEvent& event : events) {
      prefix.revision = std::max(prefix.revision, event.kv.revision);
      if (event.type == WatchEvent::Type::kPut) {
        prefix.known.insert_or_assign(event.kv.key, Fingerprint(event.kv));
        Add(event.kv);
      } else {
        prefix.known.erase(event.kv.key);
        AddAbsent(event.kv.key);
      }
    }
    Flush();
  }

  void OnWatchError(Prefix& prefix, const Error& error) {
    prefix.watch.reset();
    if (error.code() == ErrorCode::kNotFound) prefix.must_list = true;
    Retry(prefix, error);
  }

  void Retry(Prefix& prefix, const Error& error) {
    ++prefix.attempt;
    const Duration delay = prefix.backoff->Next();
    if (delay == options.retry_initial) LogWarning(kComponent, "{}; trying again", error.message());
    prefix.retry = worker.loop().After(delay, [this, &prefix] { Continue(prefix); });
  }

  void Add(const KeyValue& kv) {
    const auto key = model::ParsePath(kv.key);
    if (!key) return;
    auto object = model::DecodeToEnforce(*key, kv.value);
    if (!object.has_value()) {
      LogError(kComponent, "{} does not decode and counts as absent: {}", kv.key, object.error().message());
      Undecodable().Add();
      pending.updates[*key] = nullptr;
      return;
    }
    if (!model::WhyUnreadable(*object).empty()) Undecodable().Add();
    pending.updates[*key] = std::make_shared<const model::Object>(std::move(*object));
  }
  void AddAbsent(const std::string& path) {
    if (const auto key = model::ParsePath(path)) pending.updates[*key] = nullptr;
  }

  void Flush() {
    // A full mailbox: the consumer is busy; what comes meanwhile merges here.
    if (!pending.empty()) static_cast<void>(mailbox.TryPut(pending));
  }
  void WakeConsumer() {
    consumer.Post([self = weak_from_this()] {
      if (auto impl = self.lock()) impl->Take();
    });
  }
  void Take() {
    if (auto batch = mailbox.Take()) deliver(std::move(*batch));
  }

  EventLoop& consumer;
  Client& client;
  const Options options;
  const std::function<void(model::UpdateBatch)> deliver;
  std::vector<std::unique_ptr<Prefix>> prefixes;
  model::UpdateBatch pending;
  Mailbox<model::UpdateBatch> mailbox;
  std::atomic<State> state = State::kWaitForDatastore;
  LoopThread worker;  // last: it stops before what it uses goes away
};

Syncer::Syncer(EventLoop& loop, Client& client, Options options,
               std::function<void(model::UpdateBatch)> deliver)
    : impl_(std::make_shared<Impl>(loop, client, std::move(options), std::move(deliver))) {}

Syncer::~Syncer() {
  impl_->worker.StopAndJoin();
  impl_->prefixes.clear();  // ends the watches, whose callbacks only post
}

void Syncer::Start() {
  impl_->worker.Start();
  impl_->worker.loop().Post([impl = impl_.get()] { impl->Begin(); });
}

Syncer::State Syncer::state() const {
  return impl_->state;
}

std::vector<std::string> CalcPrefixes() {
  return {"/calico/resources/v3/", "/calico/ipam/v2/host/"};
}

}  // namespace calico::datastore
