// SPDX-License-Identifier: Apache-2.0
#pragma once

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
// texts (reference datastore-model A.4, A.5, A.7, A.16, C.1). Cheap: make one per use. Thread-safe if
// `client` is.
class Resources final {
 public:
  Resources(Client& client, const Clock& clock) : client_(client), clock_(clock) {}

  Result<Stored> Get(const model::Key& key);
  // Items that do not decode are logged and skipped.
  Result<ObjectList> List(model::Kind kind);
  Result<ObjectList> List(model::Kind kind, const std::string& ns);

  // Sets uid and creationTimestamp if empty; checks pool overlap. Resource kinds only.
  Result<Stored> Create(model::Object object);
  // Compare-and-swap on metadata.resource_version.
  Result<Stored> Update(model::Object object);
  Status Delete(const model::Key& key, Revision expected = 0);

  // calicoctl's replace (reference calicoctl B.1): metadata of the stored object except labels and
  // annotations; conflicts are retried up to 5 times unless the input carries a resourceVersion.
  Result<Stored> Replace(model::Object object);
  // Create, or replace if it exists.
  Result<Stored> Apply(model::Object object);

 private:
  Client& client_;
  const Clock& clock_;
};

}  // namespace calico::datastore
