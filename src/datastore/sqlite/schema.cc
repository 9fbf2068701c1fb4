// SPDX-License-Identifier: Apache-2.0
#include "datastore/sqlite/schema.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include "base/file.h"

namespace calico::datastore::sqlite {
namespace {

// Watches may start from any of the last events; older ones are compacted away.
constexpr Revision kKeptEvents = 10'000;
constexpr Revision kPruneEvery = 1'000;

constexpr char kPut[] = "put";
constexpr char kDelete[] = "delete";

Status ReadEventsInside(sqlite3* db, const std::string& prefix, Revision& last,
                        std::vector<WatchEvent>& events) {
  Statement store(db, "SELECT compacted, revision FROM store");
  ASSIGN_OR_RETURN(const bool row, store.Step());
  if (!row) return Error(ErrorCode::kSystem, "sqlite: the store has no revision");
  if (last < store.Number(0))
    return Error(ErrorCode::kNotFound, "the events after the asked revision have been pruned");
  Statement rows(db, "SELECT revision, type, key, value FROM events WHERE revision > ? ORDER BY revision");
  rows.Bind(last);
  for (;;) {
    ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) break;
    WatchEvent event;
    event.type = rows.Text(1) == kPut ? WatchEvent::Type::kPut : WatchEvent::Type::kDelete;
    event.kv = {rows.Text(2), rows.Text(3), rows.Number(0)};
    if (event.kv.key.starts_with(prefix)) events.push_back(std::move(event));
  }
  last = store.Number(1);
  return Ok();
}

}  // namespace

Result<Connection> Open(const std::string& path, bool create) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(path.c_str(), &raw, flags, nullptr);
  Connection db(raw);
  if (code != SQLITE_OK) {
    if (!PathExists(path)) return Error(ErrorCode::kNotFound, fmt::format("sqlite {}: no such file", path));
    return LastError(raw, "open");
  }
  sqlite3_busy_timeout(raw, 5000);
  return db;
}

Status CreateTables(sqlite3* db) {
  // NORMAL: a power cut may lose the last commits but never corrupts; a crash of a process loses nothing.
  for (const char* sql :
       {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE",
        "CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB NOT NULL, "
        "revision INTEGER NOT NULL) WITHOUT ROWID",
        "CREATE TABLE IF NOT EXISTS events (revision INTEGER PRIMARY KEY, type TEXT NOT NULL, "
        "key TEXT NOT NULL, value BLOB NOT NULL)",
        "CREATE TABLE IF NOT EXISTS store (only_row INTEGER PRIMARY KEY CHECK (only_row = 1), "
        "revision INTEGER NOT NULL, compacted INTEGER NOT NULL)",
        "INSERT OR IGNORE INTO store VALUES (1, 1, 0)", "COMMIT"}) {
    RETURN_IF_ERROR(Execute(db, sql));
  }
  return Ok();
}

Result<Revision> StoreRevision(sqlite3* db) {
  Statement statement(db, "SELECT revision FROM store");
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Number(0) : 0;
}

Result<Revision> RecordEvent(sqlite3* db, WatchEvent::Type type, const std::string& key,
                             const std::string& value) {
  RETURN_IF_ERROR(Execute(db, "UPDATE store SET revision = revision + 1"));
  ASSIGN_OR_RETURN(const Revision revision, StoreRevision(db));
  RETURN_IF_ERROR(Statement(db, "INSERT INTO events VALUES (?, ?, ?, ?)")
                      .Bind(revision)
                      .Bind(type == WatchEvent::Type::kPut ? kPut : kDelete)
                      .Bind(key)
                      .Bind(value)
                      .Run());
  if (revision % kPruneEvery == 0 && revision > kKeptEvents) {
    RETURN_IF_ERROR(
        Statement(db, "DELETE FROM events WHERE revision <= ?").Bind(revision - kKeptEvents).Run());
    RETURN_IF_ERROR(Statement(db, "UPDATE store SET compacted = ?").Bind(revision - kKeptEvents).Run());
  }
  return revision;
}

Status ReadEvents(sqlite3* db, const std::string& prefix, Revision& last, std::vector<WatchEvent>& events) {
  // One read transaction: what has been pruned and what is left belong together.
  RETURN_IF_ERROR(Execute(db, "BEGIN"));
  Status status = ReadEventsInside(db, prefix, last, events);
  Status ended = Execute(db, "COMMIT");
  return status.has_value() ? std::move(ended) : std::move(status);
}

}  // namespace calico::datastore::sqlite
