// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/result.h"

namespace calico::datastore {

using Revision = std::int64_t;  // of the whole store; grows with every write

struct KeyValue {
  std::string key;        // canonical path, see model/key.h
  std::string value;      // canonical bytes, see model/codec/json.h
  Revision revision = 0;  // of the last write to this key
  bool operator==(const KeyValue&) const = default;
};
struct ListResult {
  std::vector<KeyValue> items;  // in key order
  Revision revision = 0;        // of the store when listed: watch from here
};

struct WatchEvent {
  enum class Type { kPut, kDelete } type = Type::kPut;
  KeyValue kv;  // kDelete: value empty, revision of the delete
};

// Destroying it ends the watch; no callback runs after the destructor returned.
class Watch {
 public:
  virtual ~Watch() = default;
};
struct WatchCallbacks {
  // Called on a thread of the driver, in revision order, one call per batch of events.
  std::function<void(std::vector<WatchEvent>)> on_events;
  // Called at most once; no event follows. kNotFound: `from` has been compacted away, list again.
  // kUnavailable: the connection is gone; the driver does not retry by itself.
  std::function<void(Error)> on_error;
};

// Whose resources the store holds. Keys and values at this interface are v3's either way; a store of Calico
// 2.6 keeps less of them: no uid and creationTimestamp, names and rules of the v1 API.
enum class Dialect { kV3, kCalico26 };

// A store of small values with compare-and-swap and watches. Thread-safe and synchronous. Every call ends by
// its deadline: the client's call time-out (Options of the driver), or what WithDeadline() says if that is
// sooner. Errors: kNotFound, kAlreadyExists, kConflict (compare-and-swap lost), kUnavailable (store away or
// deadline passed; for writes the outcome is then unknown), kPermissionDenied is kUnsupported with the
// store's words.
class Client {
 public:
  virtual ~Client() = default;

  virtual Result<KeyValue> Get(const std::string& key) = 0;
  virtual Result<ListResult> List(const std::string& prefix) = 0;
  // The same items one by one, so that a long list need not be in memory at once: returns the list's
  // revision, or the first error of `visit`, which ends the walk. `visit` must not call this client.
  using Visit = std::function<Status(KeyValue)>;
  virtual Result<Revision> ForEach(const std::string& prefix, const Visit& visit) {
    ASSIGN_OR_RETURN(ListResult listed, List(prefix));
    for (KeyValue& kv : listed.items) RETURN_IF_ERROR(visit(std::move(kv)));
    return listed.revision;
  }
  virtual Result<Revision> Create(const std::string& key, const std::string& value) = 0;
  // As if each were created (revisions are ignored): the results in the order of `items`. Drivers that can
  // write many keys at once do so, and readers then see all of such a group or nothing of it.
  virtual std::vector<Result<Revision>> CreateAll(const std::vector<KeyValue>& items) {
    std::vector<Result<Revision>> results;
    results.reserve(items.size());
    for (const KeyValue& item : items) results.push_back(Create(item.key, item.value));
    return results;
  }
  // Only if the key's revision still is `expected`; kNotFound if it is gone.
  virtual Result<Revision> Update(const std::string& key, const std::string& value, Revision expected) = 0;
  // Unconditional. Only where upstream does the same: IPAM config, status keys.
  virtual Result<Revision> Put(const std::string& key, const std::string& value) = 0;
  // `expected` 0: whatever its revision.
  virtual Status Delete(const std::string& key, Revision expected) = 0;

  // Events after revision `from` for keys with the prefix.
  virtual std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                            WatchCallbacks callbacks) = 0;

  // A view of this client whose calls all end by `deadline`. The client must outlive it.
  virtual std::unique_ptr<Client> WithDeadline(TimePoint deadline) = 0;

  virtual Dialect dialect() const { return Dialect::kV3; }

  // "etcd http://10.0.0.1:2379" or "sqlite /var/lib/calico/calico.db", for messages.
  virtual const std::string& name() const = 0;
};

}  // namespace calico::datastore
