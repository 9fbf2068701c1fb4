// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/watch.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <set>
#include <thread>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <pthread.h>

#include "base/log.h"
#include "datastore/etcdv2/objects.h"
#include "datastore/etcdv2/raw_store.h"

namespace calico::datastore::etcdv2 {
namespace {

using namespace std::chrono_literals;
using model::Kind;

// How often a silent member is asked whether it is still part of its cluster.
constexpr Duration kIdlePeriod = 10s;
constexpr Duration kIdleTimeout = 2s;
constexpr int kEmptyAnswers = 3;  // in a row before the member counts as broken

bool IsDelete(const std::string& action) {
  return action == "delete" || action == "compareAndDelete" || action == "expire";
}

bool IsWithin(const std::string& key, const std::string& root) {
  return key == root || root.empty() ||
         (key.size() > root.size() && key.starts_with(root) && key[root.size()] == '/');
}

// The deepest directory that all of them are in.
std::string CommonRoot(const std::vector<std::string>& roots) {
  std::string common = roots.front();
  while (!std::all_of(roots.begin(), roots.end(),
                      [&](const std::string& root) { return IsWithin(root, common); }))
    common = common.substr(0, common.rfind('/'));
  return common;
}

// Turns events of raw keys into events of a prefix. Not thread-safe.
class Translator {
 public:
  Translator(std::string prefix, Scope scope) : prefix_(std::move(prefix)), scope_(std::move(scope)) {}
  const Scope& scope() const { return scope_; }

  void Load(const std::string& root, const RawList& list) {
    snapshot_index_[root] = list.index;
    for (const RawNode& node : list.nodes) mirror_.Put(node, NeedsValue(node.key));
  }
  void Loaded() {
    for (const auto& [raw_key, entry] : mirror_.entries()) {
      for (const Part& part : PartsAt(raw_key)) {
        if (IsSingle(part.place.key.kind)) continue;
        const std::string path = model::ToPath(part.place.key);
        if (!path.starts_with(prefix_) || published_.contains(path)) continue;
        if (const auto kv = Assemble(part.place)) published_[path] = Fingerprint(*kv);
      }
    }
  }

  // What follows from one event. kNotFound: it cannot be told, all must be listed again.
  Result<std::vector<WatchEvent>> Take(const RawAnswer& event) {
    const RawNode& node = event.nodes.front();
    const auto root = std::find_if(scope_.roots.begin(), scope_.roots.end(),
                                   [&](const std::string& one) { return IsWithin(node.key, one); });
    // A directory above may go with all that is in it.
    const bool above = std::any_of(scope_.roots.begin(), scope_.roots.end(),
                                   [&](const std::string& one) { return IsWithin(one, node.key); });
    events_.clear();
    if (root == scope_.roots.end() && !above) return std::move(events_);
    const bool directory = node.dir || event.dir_gone, gone = IsDelete(event.action);
    const Revision seen = snapshot_index_[root == scope_.roots.end() ? scope_.roots.front() : *root];
    if (node.modified <= seen) return Old(node, gone, directory);
    if (gone)
      Removed(node, directory);
    else
      Changed(node);
    return std::move(events_);
  }

 private:
  using Print = std::pair<Revision, std::size_t>;
  static Print Fingerprint(const KeyValue& kv) { return {kv.revision, std::hash<std::string>()(kv.value)}; }

  // Values of objects that are one key come with their events; the mirror only has to know the key.
  static bool NeedsValue(const std::string& raw_key) {
    for (const Part& part : PartsAt(raw_key)) {
      if (!IsSingle(part.place.key.kind) && part.role != kExistence) return true;
    }
    return false;
  }

  // The mirror knows what came after this event already: it is repeated with today's state.
  Result<std::vector<WatchEvent>> Old(const RawNode& node, bool gone, bool directory) {
    if (directory && gone)
      return Error(ErrorCode::kNotFound,
                   node.key + " was removed with all below it before the watch started");
    if (directory) return std::move(events_);
    Raw(node, gone);
    for (const Part& part : PartsAt(node.key)) {
      const std::string path = model::ToPath(part.place.key);
      if (!path.starts_with(prefix_)) continue;
      if (IsSingle(part.place.key.kind)) {
        Single(part.place, node, gone);
        continue;
      }
      if (!repeated_.insert(path).second) continue;
      if (const auto kv = Assemble(part.place))
        events_.push_back({WatchEvent::Type::kPut, *kv});
      else
        Gone(path, node.modified);
    }
    return std::move(events_);
  }

  void Changed(const RawNode& node) {
    mirror_.Put(node, NeedsValue(node.key));
    if (!node.dir) Raw(node, false);
    for (const Part& part : PartsAt(node.key)) {
      if (node.dir && part.role != kExistence) continue;
      Touch(part, node, false);
    }
  }

  void Removed(const RawNode& node, bool directory) {
    std::vector<std::string> keys{node.key};
    if (directory) keys = mirror_.Tree(node.key);
    std::map<std::string, Part> touched;
    for (const std::string& key : keys) {
      const Mirror::Entry* entry = mirror_.Find(key);
      const bool was_directory = entry != nullptr && entry->dir;
      mirror_.Remove(key);
      RawNode one = node;
      one.key = key;
      if (!was_directory) Raw(one, true);
      for (Part& part : PartsAt(key)) touched.try_emplace(model::ToPath(part.place.key), std::move(part));
    }
    for (const auto& [path, part] : touched) Touch(part, node, true);
  }

  void Touch(const Part& part, const RawNode& node, bool gone) {
    const std::string path = model::ToPath(part.place.key);
    if (!path.starts_with(prefix_)) return;
    if (IsSingle(part.place.key.kind)) return Single(part.place, node, gone);
    const auto kv = Assemble(part.place);
    const auto known = published_.find(path);
    if (!kv) {
      if (known == published_.end()) return;
      published_.erase(known);
      return Gone(path, node.modified);
    }
    const Print print = Fingerprint(*kv);
    if (known != published_.end() && known->second == print) return;
    published_[path] = print;
    events_.push_back({WatchEvent::Type::kPut, *kv});
  }

  void Single(const Place& place, const RawNode& node, bool gone) {
    if (!gone) {
      auto kv = ToKeyValue(StoredObject{place, {{"", node.value}}, {}, node.modified});
      if (kv.has_value()) {
        events_.push_back({WatchEvent::Type::kPut, *std::move(kv)});
        return;
      }
      LogWarning("etcdv2", "{} counts as absent: {}", node.key, kv.error().message());
    }
    Gone(model::ToPath(place.key), node.modified);
  }

  void Raw(const RawNode& node, bool gone) {
    if (!scope_.raw || !node.key.starts_with(prefix_)) return;
    if (!gone) {
      auto kv = ToKeyValue(node.key, node.value, node.modified);
      if (kv.has_value()) {
        events_.push_back({WatchEvent::Type::kPut, *std::move(kv)});
        return;
      }
      LogWarning("etcdv2", "{} counts as absent: {}", node.key, kv.error().message());
    }
    Gone(node.key, node.modified);
  }

  void Gone(const std::string& path, Revision revision) {
    events_.push_back({WatchEvent::Type::kDelete, {path, "", revision}});
  }

  std::optional<KeyValue> Assemble(const Place& place) const {
    const auto object = Collect(mirror_, place);
    if (!object) return std::nullopt;
    auto kv = ToKeyValue(*object);
    if (kv.has_value()) return *std::move(kv);
    LogWarning("etcdv2", "{} counts as absent: {}", model::ToPath(place.key), kv.error().message());
    return std::nullopt;
  }

  const std::string prefix_;
  const Scope scope_;
  Mirror mirror_;
  std::map<std::string, Revision> snapshot_index_;  // per root: what the mirror contains
  std::map<std::string, Print> published_;          // objects of several keys, as last told
  std::set<std::string> repeated_;                  // told by Old()
  std::vector<WatchEvent> events_;
};

class PollWatch final : public Watch {
 public:
  PollWatch(std::shared_ptr<Transport> transport, const std::string& prefix, Revision from,
            WatchCallbacks callbacks)
      : transport_(std::move(transport)),
        from_(from),
        callbacks_(std::move(callbacks)),
        translator_(prefix, ScopeOf(prefix)),
        polls_(transport_->StartLongPolls()) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "etcd2-watch");
      const Error error = Follow();
      if (!stopped_) callbacks_.on_error(error);
    });
  }
  ~PollWatch() override {
    stopped_ = true;
    polls_->Cancel();
    thread_.join();
  }

 private:
  // Until the watch ends; says why.
  Error Follow() {
    if (translator_.scope().roots.empty()) return Silence();
    if (Status loaded = Load(); !loaded.has_value()) return AsUnavailable(loaded.error());
    HttpQuestion question;
    question.path = KeysPath(CommonRoot(translator_.scope().roots));
    Revision next = from_ + 1;
    int empty = 0;
    while (!stopped_) {
      question.query = {{"wait", "true"}, {"recursive", "true"}, {"waitIndex", std::to_string(next)}};
      const auto answer = polls_->Ask(question, kIdlePeriod, [this] { return CheckMember(); });
      if (!answer.has_value()) return AsUnavailable(answer.error());
      if (answer->status >= 400) {
        const Error error = ToError(*transport_, *answer);
        return error.code() == ErrorCode::kNotFound ? error : AsUnavailable(error);
      }
      if (answer->body.empty()) {
        // The server has closed the poll. Nothing came before the index that it told at its beginning.
        next = std::max(next, answer->etcd_index + 1);
        if (++empty == kEmptyAnswers) return AsUnavailable(Error(ErrorCode::kUnavailable, "watch closed"));
        continue;
      }
      empty = 0;
      const auto event = ParseAnswer(answer->body);
      if (!event.has_value()) return AsUnavailable(event.error());
      next = event->nodes.front().modified + 1;
      auto events = translator_.Take(*event);
      if (!events.has_value()) return events.error();
      if (!events->empty() && !stopped_) callbacks_.on_events(*std::move(events));
    }
    return Error(ErrorCode::kUnavailable, "stopped");
  }

  // A prefix under which this store can never hold anything.
  Error Silence() {
    HttpQuestion question;
    question.path = KeysPath("/calico/resources");
    question.query = {{"wait", "true"}, {"recursive", "true"}};
    const auto answer = polls_->Ask(question, kIdlePeriod, [this] { return CheckMember(); });
    return AsUnavailable(answer.has_value() ? Error(ErrorCode::kUnavailable, "watch closed")
                                            : answer.error());
  }

  Status Load() {
    const RawStore store(transport_, std::nullopt);
    for (const std::string& root : translator_.scope().roots) {
      ASSIGN_OR_RETURN(const RawList list, store.List(root, true));
      if (stopped_) return Error(ErrorCode::kUnavailable, "stopped");
      translator_.Load(root, list);
    }
    translator_.Loaded();
    return Ok();
  }

  // A member that has lost its cluster would keep the poll open and never see anything.
  Status CheckMember() {
    HttpQuestion question;
    question.path = KeysPath("/calico/v1/Ready");
    question.query = {{"quorum", "true"}};
    ASSIGN_OR_RETURN(const HttpAnswer answer,
                     polls_->AskMember(question, std::chrono::steady_clock::now() + kIdleTimeout));
    return answer.status >= 500 ? Status(ToError(*transport_, answer)) : Ok();
  }

  Error AsUnavailable(const Error& error) {
    if (!stopped_) polls_->Avoid();
    return Error(ErrorCode::kUnavailable, error.message());
  }

  const std::shared_ptr<Transport> transport_;
  const Revision from_;
  const WatchCallbacks callbacks_;
  Translator translator_;
  const std::unique_ptr<Transport::LongPoll> polls_;
  std::atomic<bool> stopped_ = false;
  std::thread thread_;
};

}  // namespace

std::unique_ptr<Watch> StartWatch(std::shared_ptr<Transport> transport, const std::string& prefix,
                                  Revision from, WatchCallbacks callbacks) {
  return std::make_unique<PollWatch>(std::move(transport), prefix, from, std::move(callbacks));
}

}  // namespace calico::datastore::etcdv2
