// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "datastore/sqlite/sqlite_client.h"
#include "datastore/sqlite/statement.h"

// The tables: `kv` holds the state, `events` the last writes for watches, `store` the revision.
namespace calico::datastore::sqlite {

// kNotFound when the file is absent and `create` is false.
Result<Connection> Open(const std::string& path, bool create);
Status CreateTables(sqlite3* db);

Result<Revision> StoreRevision(sqlite3* db);
// Inside a write transaction: takes the next revision and notes the event. Prunes old ones now and then.
Result<Revision> RecordEvent(sqlite3* db, WatchEvent::Type type, const std::string& key,
                             const std::string& value);
// Appends what came after `last` under the prefix and moves `last` on. kNotFound when some of it has been
// pruned.
Status ReadEvents(sqlite3* db, const std::string& prefix, Revision& last, std::vector<WatchEvent>& events);

}  // namespace calico::datastore::sqlite
