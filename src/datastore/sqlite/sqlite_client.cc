// SPDX-License-Identifier: Apache-2.0
#include "datastore/sqlite/sqlite_client.h"

#include <algorithm>
#include <mutex>
#include <optional>

#include <fmt/format.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/file.h"
#include "datastore/sqlite/schema.h"
#include "datastore/sqlite/statement.h"
#include "datastore/sqlite/watch_hub.h"

namespace calico::datastore {
namespace {

using sqlite::Connection;
using sqlite::Execute;
using sqlite::Statement;

struct Shared {
  SqliteOptions options;
  std::string name;
  std::mutex mutex;  // one call at a time on the connection
  Connection db;
  std::shared_ptr<sqlite::WatchHub> hub;
};

class SqliteClient final : public Client {
 public:
  SqliteClient(std::shared_ptr<Shared> shared, std::optional<TimePoint> deadline)
      : shared_(std::move(shared)), deadline_(deadline) {}

  Result<KeyValue> Get(const std::string& key) override {
    return Locked<Result<KeyValue>>([&](sqlite3* db) -> Result<KeyValue> {
      Statement statement(db, "SELECT value, revision FROM kv WHERE key = ?");
      ASSIGN_OR_RETURN(const bool row, statement.Bind(key).Step());
      if (!row) return NotFound(key);
      return KeyValue{key, statement.Text(0), statement.Number(1)};
    });
  }

  Result<ListResult> List(const std::string& prefix) override {
    ListResult result;
    ASSIGN_OR_RETURN(result.revision, ForEach(prefix, [&result](KeyValue kv) {
                       result.items.push_back(std::move(kv));
                       return Ok();
                     }));
    return result;
  }
  // One read transaction: writers of other processes go on meanwhile.
  Result<Revision> ForEach(const std::string& prefix, const Visit& visit) override {
    return Locked<Result<Revision>>([&](sqlite3* db) -> Result<Revision> {
      RETURN_IF_ERROR(Execute(db, "BEGIN"));
      auto revision = ReadList(db, prefix, visit);
      RETURN_IF_ERROR(Execute(db, "COMMIT"));
      return revision;
    });
  }

  Result<Revision> Create(const std::string& key, const std::string& value) override {
    return Write(key, [&](sqlite3* db, Revision current) -> Result<Revision> {
      if (current != 0) return Error(ErrorCode::kAlreadyExists, "key exists: " + key);
      return StoreValue(db, key, value);
    });
  }
  // One transaction: the disk is waited for once.
  std::vector<Result<Revision>> CreateAll(const std::vector<KeyValue>& items) override {
    std::vector<Result<Revision>> results;
    const Status done = Transaction([&](sqlite3* db) -> Status {
      for (const KeyValue& item : items) {
        ASSIGN_OR_RETURN(const Revision current, KeyRevision(db, item.key));
        if (current != 0) {
          results.push_back(Error(ErrorCode::kAlreadyExists, "key exists: " + item.key));
          continue;
        }
        ASSIGN_OR_RETURN(const Revision revision, StoreValue(db, item.key, item.value));
        results.push_back(revision);
      }
      return Ok();
    });
    if (!done.has_value()) results.assign(items.size(), Result<Revision>(done.error()));
    return results;
  }
  Result<Revision> Update(const std::string& key, const std::string& value, Revision expected) override {
    return Write(key, [&](sqlite3* db, Revision current) -> Result<Revision> {
      if (current == 0) return NotFound(key);
      if (current != expected) return Changed(key);
      return StoreValue(db, key, value);
    });
  }
  Result<Revision> Put(const std::string& key, const std::string& value) override {
    return Write(key, [&](sqlite3* db, Revision) { return StoreValue(db, key, value); });
  }
  Status Delete(const std::string& key, Revision expected) override {
    auto done = Write(key, [&](sqlite3* db, Revision current) -> Result<Revision> {
      if (current == 0) return NotFound(key);
      if (expected != 0 && current != expected) return Changed(key);
      RETURN_IF_ERROR(Statement(db, "DELETE FROM kv WHERE key = ?").Bind(key).Run());
      return sqlite::RecordEvent(db, WatchEvent::Type::kDelete, key, "");
    });
    if (!done.has_value()) return std::move(done).error();
    return Ok();
  }

  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override {
    return shared_->hub->Add(prefix, from, std::move(callbacks));
  }

  std::unique_ptr<Client> WithDeadline(TimePoint deadline) override {
    return std::make_unique<SqliteClient>(shared_, deadline_ ? std::min(*deadline_, deadline) : deadline);
  }
  const std::string& name() const override { return shared_->name; }

 private:
  static Error NotFound(const std::string& key) { return Error(ErrorCode::kNotFound, "no such key: " + key); }
  static Error Changed(const std::string& key) {
    return Error(ErrorCode::kConflict, "revision of " + key + " has changed");
  }

  template <typename R, typename Function>
  R Locked(Function function) {
    TimePoint until = std::chrono::steady_clock::now() + shared_->options.call_timeout;
    if (deadline_) until = std::min(until, *deadline_);
    const std::lock_guard lock(shared_->mutex);
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - std::chrono::steady_clock::now());
    sqlite3_busy_timeout(shared_->db.get(), std::max(1, static_cast<int>(left.count())));
    return function(shared_->db.get());
  }

  // All of `change` or, if it fails, nothing.
  template <typename Function>
  Status Transaction(Function change) {
    return Locked<Status>([&](sqlite3* db) -> Status {
      RETURN_IF_ERROR(Execute(db, "BEGIN IMMEDIATE"));
      Status status = change(db);
      if (status.has_value()) status = Execute(db, "COMMIT");
      if (!status.has_value())
        static_cast<void>(Execute(db, "ROLLBACK"));  // the first error is the one to tell
      return status;
    });
  }

  // One write transaction; `change` gets the key's revision, 0 if absent.
  template <typename Function>
  Result<Revision> Write(const std::string& key, Function change) {
    Revision revision = 0;
    RETURN_IF_ERROR(Transaction([&](sqlite3* db) -> Status {
      ASSIGN_OR_RETURN(const Revision current, KeyRevision(db, key));
      ASSIGN_OR_RETURN(revision, change(db, current));
      return Ok();
    }));
    return revision;
  }

  // 0 if absent.
  static Result<Revision> KeyRevision(sqlite3* db, const std::string& key) {
    Statement statement(db, "SELECT revision FROM kv WHERE key = ?");
    ASSIGN_OR_RETURN(const bool row, statement.Bind(key).Step());
    return row ? statement.Number(0) : 0;
  }

  static Result<Revision> StoreValue(sqlite3* db, const std::string& key, const std::string& value) {
    ASSIGN_OR_RETURN(const Revision revision, sqlite::RecordEvent(db, WatchEvent::Type::kPut, key, value));
    RETURN_IF_ERROR(Statement(db, "INSERT OR REPLACE INTO kv VALUES (?, ?, ?)")
                        .Bind(key)
                        .Bind(value)
                        .Bind(revision)
                        .Run());
    return revision;
  }

  static Result<Revision> ReadList(sqlite3* db, const std::string& prefix, const Visit& visit) {
    ASSIGN_OR_RETURN(const Revision revision, sqlite::StoreRevision(db));
    // Keys sort bytewise, so that a prefix is a range.
    Statement statement(db, "SELECT key, value, revision FROM kv WHERE key >= ? ORDER BY key");
    statement.Bind(prefix);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) return revision;
      KeyValue kv{statement.Text(0), statement.Text(1), statement.Number(2)};
      if (!kv.key.starts_with(prefix)) return revision;
      RETURN_IF_ERROR(visit(std::move(kv)));
    }
  }

  const std::shared_ptr<Shared> shared_;
  const std::optional<TimePoint> deadline_;
};

// The tables exist afterwards. Changing to WAL does not wait for a lock as other statements do: several
// processes that open a new file at once meet here.
Status Prepare(sqlite3* db, Duration limit) {
  const TimePoint deadline = std::chrono::steady_clock::now() + limit;
  for (;;) {
    if (sqlite::StoreRevision(db).has_value()) return Ok();
    Status status = sqlite::CreateTables(db);
    if (status.has_value()) return status;
    static_cast<void>(Execute(db, "ROLLBACK"));  // fails when nothing was begun
    if (status.error().code() != ErrorCode::kUnavailable || std::chrono::steady_clock::now() > deadline)
      return status;
    SleepFor(std::chrono::milliseconds(5));
  }
}

}  // namespace

Result<std::unique_ptr<Client>> OpenSqlite(const SqliteOptions& options) {
  if (options.create) {
    const std::size_t slash = options.path.rfind('/');
    if (slash != std::string::npos && slash > 0)
      RETURN_IF_ERROR(MakeDirectories(options.path.substr(0, slash)));
  }
  auto shared = std::make_shared<Shared>();
  shared->options = options;
  shared->name = "sqlite " + options.path;
  const bool fresh = !PathExists(options.path);
  ASSIGN_OR_RETURN(shared->db, sqlite::Open(options.path, options.create));
  if (fresh) ::chmod(options.path.c_str(), 0600);  // whoever may write here may change policy
  RETURN_IF_ERROR(Prepare(shared->db.get(), options.call_timeout));
  ASSIGN_OR_RETURN(Connection watching, sqlite::Open(options.path, false));
  shared->hub = std::make_shared<sqlite::WatchHub>(std::move(watching), options.path);
  return std::unique_ptr<Client>(std::make_unique<SqliteClient>(std::move(shared), std::nullopt));
}

}  // namespace calico::datastore
