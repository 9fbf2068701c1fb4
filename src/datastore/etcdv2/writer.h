// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "datastore/client.h"
#include "datastore/etcdv2/objects.h"
#include "datastore/etcdv2/raw_store.h"

// Writing v3 objects as the keys of Calico 2.6 (reference datastore-model B.3, B.3.1, B.3.2).
namespace calico::datastore::etcdv2 {

// All values of the object at that place, in as few questions as possible. kNotFound.
Result<StoredObject> Read(const RawStore& store, const Place& place);
// Where the object of a key is, and its values.
Result<StoredObject> Find(const RawStore& store, const model::Key& key);

Result<Revision> Create(const RawStore& store, const model::Key& key, const std::string& value);
Result<Revision> Update(const RawStore& store, const model::Key& key, const std::string& value,
                        Revision expected);
Result<Revision> Put(const RawStore& store, const model::Key& key, const std::string& value);
Status Delete(const RawStore& store, const model::Key& key, Revision expected);

}  // namespace calico::datastore::etcdv2
