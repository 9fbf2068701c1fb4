// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "datastore/etcdv2/answer.h"
#include "datastore/etcdv2/layout.h"

namespace calico::datastore::etcdv2 {

// Some of the store's raw keys as they were at one moment.
class Mirror final {
 public:
  struct Entry {
    std::string value;
    Revision modified = 0;
    bool dir = false;
  };
  // Directories above a host's keys come to be with the keys, without an event of their own.
  void Put(const RawNode& node, bool keep_value = true);
  void Remove(const std::string& key);
  const Entry* Find(const std::string& key) const;
  // The key and all known below it.
  std::vector<std::string> Tree(const std::string& root) const;
  const std::map<std::string, Entry>& entries() const { return entries_; }

 private:
  std::map<std::string, Entry> entries_;
};

// An object of the store: its raw values with their revisions.
struct StoredObject {
  Place place;
  model::V1Values values;
  std::map<std::string, Revision> revisions;  // of the values
  // Of the object: the latest of its values. A change of any of them changes it, so that it serves to
  // compare-and-swap the whole.
  Revision revision = 0;
};
// nullopt if the object does not exist (reference datastore-model B.3.1, B.3.2: a node exists with its
// directory, a profile with its tags).
std::optional<StoredObject> Collect(const Mirror& mirror, const Place& place);
// Whether the object is one key.
bool IsSingle(model::Kind kind);

// As Client shows it. An error if the values are not what 2.6 writes; of policies and profiles, which must
// not seem to be absent, it is the value, and the reader's to find.
Result<KeyValue> ToKeyValue(const StoredObject& object);
// A key that is the same in both worlds; IPAM values are converted.
Result<KeyValue> ToKeyValue(const std::string& raw_key, const std::string& value, Revision modified);

// All objects in the mirror whose path starts with `prefix`; what is broken is logged and left out.
std::vector<KeyValue> ObjectsIn(const Mirror& mirror, std::string_view prefix);

// What a list or a watch of a prefix has to read.
struct Scope {
  std::vector<std::string> roots;  // none within another
  bool raw = false;                // keys that are not resources belong to it as well
};
Scope ScopeOf(const std::string& prefix);

}  // namespace calico::datastore::etcdv2
