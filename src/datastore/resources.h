// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "model/update.h"

namespace calico::datastore {

struct Stored {
  model::Object object;  // metadata.resource_version is set
  Revision revision = 0;
};
struct ObjectList {
  std::vector<Stored> items;
  Revision revision = 0;
};

// Typed access on top of a Client: path, codec, defaulting, validation, metadata rules and upstream's error
// texts (reference datastore-model A.4, A.5, A.7, A.15, A.16, C.1). A store of Calico 2.6 has the v1 API's
// rules instead: no uid and creation time, no tiers, pools may overlap.
//
// Make one per use or per batch of writes, for one thread: it remembers which tiers it has seen and which
// policies have names of old releases, so that thousands of policies cost no more round trips than
// themselves.
//
// A policy that a release before v3.32 stored as "default.<name>" (A.7.2) is found under the name that List
// shows, and written where it is.
class Resources final {
 public:
  Resources(Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  Result<Stored> Get(const model::Key& key);
  // Items that do not decode are logged and skipped.
  Result<ObjectList> List(model::Kind kind);
  Result<ObjectList> List(model::Kind kind, const std::string& ns);
  // The items of List one by one, for lists that need not be in memory at once. Returns the list's revision,
  // or the first error of `visit`, which ends the walk. `visit` must not use the client. `ns` empty = all.
  using Visit = std::function<Status(Stored)>;
  // Gets what is wrong with an item that does not decode, instead of the log.
  using Skipped = std::function<void(const Error&)>;
  Result<Revision> ForEach(model::Kind kind, const std::string& ns, const Visit& visit,
                           const Skipped& skipped = nullptr);

  // Sets uid and creationTimestamp if empty. Resource kinds only. A first Node initialises the store.
  Result<Stored> Create(model::Object object);
  // As if each were created or applied, in the order of `objects`: quicker than one by one. They must not
  // depend on each other, nor name one object twice.
  std::vector<Result<Stored>> CreateAll(std::vector<model::Object> objects);
  std::vector<Result<Stored>> ApplyAll(std::vector<model::Object> objects);
  // Compare-and-swap on metadata.resource_version.
  Result<Stored> Update(model::Object object);
  // Without the side effects on other objects that pools and nodes have: ipam/deletion.h.
  Status Delete(const model::Key& key, Revision expected = 0);

  // calicoctl's replace (reference calicoctl B.1): metadata of the stored object except labels and
  // annotations; conflicts are retried up to 5 times unless the input carries a resourceVersion.
  Result<Stored> Replace(model::Object object);
  // Create, or replace if it exists.
  Result<Stored> Apply(model::Object object);

 private:
  struct Found {
    Stored stored;
    std::string path;  // where it is
  };
  Result<Found> Find(const model::Key& key);
  // The store's error about a resource, in the words of the store's dialect.
  Error Named(Error error, const model::Key& key) const;
  Error Named(Error error, const model::Object& object) const;
  Result<bool> HasOldName(const model::Key& key);

  // Sound, and complete but for the revision.
  Result<model::Object> PrepareCreate(model::Object object);
  Result<Stored> Created(model::Object object, Result<Revision> revision);
  Status CheckCreate(const model::Object& object);
  Status CheckTier(const model::Object& policy);
  Status CheckPool(const model::IPPool& pool);
  Status CheckFilters(const model::BGPPeer& peer);
  Status CheckTierIsEmpty(const std::string& tier);

  bool v1() const { return client_.dialect() == Dialect::kCalico26; }

  Client& client_;
  const Clock& clock_;
  std::set<std::string> tiers_;                             // known to exist
  std::map<std::string, std::set<std::string>> old_names_;  // by list prefix
};

}  // namespace calico::datastore
