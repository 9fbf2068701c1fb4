// SPDX-License-Identifier: Apache-2.0
#include "datastore/sqlite/sqlite_client.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include <fmt/format.h>
#include <pthread.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "base/file.h"
#include "datastore/sqlite/statement.h"

namespace calico::datastore {
namespace {

using sqlite::Connection;
using sqlite::Execute;
using sqlite::LastError;
using sqlite::Statement;

// Watches may start from any of the last events; older ones are compacted away.
constexpr Revision kKeptEvents = 10'000;
constexpr Revision kPruneEvery = 1'000;

constexpr char kPut[] = "put";

Result<Connection> Open(const SqliteOptions& options, bool create) {
  sqlite3* raw = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | (create ? SQLITE_OPEN_CREATE : 0);
  const int code = sqlite3_open_v2(options.path.c_str(), &raw, flags, nullptr);
  Connection db(raw);
  if (code != SQLITE_OK) {
    if (!PathExists(options.path))
      return Error(ErrorCode::kNotFound, fmt::format("sqlite {}: no such file", options.path));
    return LastError(raw, "open");
  }
  sqlite3_busy_timeout(raw, 5000);
  return db;
}

Status Prepare(sqlite3* db) {
  // NORMAL: a power cut may lose the last commits but never corrupts; a crash of a process loses nothing.
  for (const char* sql : {"PRAGMA journal_mode=WAL", "PRAGMA synchronous=NORMAL", "BEGIN IMMEDIATE",
                          "CREATE TABLE IF NOT EXISTS kv (key TEXT PRIMARY KEY, value BLOB NOT NULL, "
                          "revision INTEGER NOT NULL) WITHOUT ROWID",
                          "CREATE TABLE IF NOT EXISTS events (revision INTEGER PRIMARY KEY, type TEXT NOT "
                          "NULL, key TEXT NOT NULL, value BLOB NOT NULL)",
                          "CREATE TABLE IF NOT EXISTS store (only_row INTEGER PRIMARY KEY CHECK (only_row = "
                          "1), revision INTEGER NOT NULL, compacted INTEGER NOT NULL)",
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

// One watch: a thread with a connection of its own, because data_version tells of commits by other
// connections only.
class SqliteWatch final : public Watch {
 public:
  SqliteWatch(Connection db, std::string prefix, Revision from, Duration period, WatchCallbacks callbacks)
      : db_(std::move(db)),
        prefix_(std::move(prefix)),
        last_(from),
        period_(period),
        callbacks_(std::move(callbacks)) {
    thread_ = std::thread([this] {
      ::pthread_setname_np(::pthread_self(), "sqlite-watch");
      Run();
    });
  }
  ~SqliteWatch() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_all();
    thread_.join();
  }

 private:
  void Run() {
    std::int64_t seen = -1;
    std::unique_lock lock(mutex_);
    while (!stop_) {
      lock.unlock();
      if (Status status = Look(seen); !status.has_value()) {
        callbacks_.on_error(std::move(status).error());
        return;
      }
      lock.lock();
      wake_.wait_for(lock, period_, [this] { return stop_; });
    }
  }
  Status Look(std::int64_t& seen) {
    Statement version(db_.get(), "PRAGMA data_version");
    ASSIGN_OR_RETURN([[maybe_unused]] const bool row, version.Step());
    if (version.Number(0) == seen) return Ok();
    seen = version.Number(0);
    return ReadEvents();
  }
  Status ReadEvents() {
    std::vector<WatchEvent> events;
    {
      // One read transaction: what has been pruned and what is left belong together.
      RETURN_IF_ERROR(Execute(db_.get(), "BEGIN"));
      Statement compacted(db_.get(), "SELECT compacted, revision FROM store");
      ASSIGN_OR_RETURN(const bool row, compacted.Step());
      const bool gone = row && last_ < compacted.Number(0);
      const Revision newest = row ? compacted.Number(1) : last_;
      Statement rows(db_.get(),
                     "SELECT revision, type, key, value FROM events WHERE revision > ? ORDER BY revision");
      rows.Bind(last_);
      while (!gone) {
        ASSIGN_OR_RETURN(const bool more, rows.Step());
        if (!more) break;
        WatchEvent event;
        event.type = rows.Text(1) == kPut ? WatchEvent::Type::kPut : WatchEvent::Type::kDelete;
        event.kv = {rows.Text(2), rows.Text(3), rows.Number(0)};
        if (event.kv.key.starts_with(prefix_)) events.push_back(std::move(event));
      }
      RETURN_IF_ERROR(Execute(db_.get(), "COMMIT"));
      if (gone) return Error(ErrorCode::kNotFound, "the events after the asked revision have been pruned");
      last_ = newest;
    }
    if (!events.empty()) callbacks_.on_events(std::move(events));
    return Ok();
  }

  const Connection db_;
  const std::string prefix_;
  Revision last_;
  const Duration period_;
  const WatchCallbacks callbacks_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::thread thread_;
};

struct Shared {
  SqliteOptions options;
  std::string name;
  std::mutex mutex;  // one call at a time on the connection
  Connection db;
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
    return Locked<Result<ListResult>>([&](sqlite3* db) -> Result<ListResult> {
      RETURN_IF_ERROR(Execute(db, "BEGIN"));
      ListResult result;
      Status status = ReadList(db, prefix, result);
      RETURN_IF_ERROR(Execute(db, "COMMIT"));
      if (!status.has_value()) return std::move(status).error();
      return result;
    });
  }

  Result<Revision> Create(const std::string& key, const std::string& value) override {
    return Write(key, [&](sqlite3* db, Revision current) -> Result<Revision> {
      if (current != 0) return Error(ErrorCode::kAlreadyExists, "key exists: " + key);
      return StoreValue(db, key, value);
    });
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
      return Record(db, "delete", key, "");
    });
    if (!done.has_value()) return std::move(done).error();
    return Ok();
  }

  std::unique_ptr<Watch> StartWatch(const std::string& prefix, Revision from,
                                    WatchCallbacks callbacks) override {
    auto db = Open(shared_->options, false);
    if (!db.has_value()) {
      // Reported as every other watch error is: from a thread, once.
      struct Failed final : Watch {
        std::thread thread;
        ~Failed() override { thread.join(); }
      };
      auto failed = std::make_unique<Failed>();
      failed->thread = std::thread([callbacks, error = db.error()] { callbacks.on_error(error); });
      return failed;
    }
    return std::make_unique<SqliteWatch>(std::move(*db), prefix, from, shared_->options.poll_period,
                                         std::move(callbacks));
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

  // One write transaction; `change` gets the key's revision, 0 if absent.
  template <typename Function>
  Result<Revision> Write(const std::string& key, Function change) {
    return Locked<Result<Revision>>([&](sqlite3* db) -> Result<Revision> {
      RETURN_IF_ERROR(Execute(db, "BEGIN IMMEDIATE"));
      auto result = [&]() -> Result<Revision> {
        Statement statement(db, "SELECT revision FROM kv WHERE key = ?");
        ASSIGN_OR_RETURN(const bool row, statement.Bind(key).Step());
        return change(db, row ? statement.Number(0) : 0);
      }();
      if (result.has_value()) {
        if (Status status = Execute(db, "COMMIT"); status.has_value())
          return result;
        else
          result = std::move(status).error();
      }
      static_cast<void>(Execute(db, "ROLLBACK"));  // the first error is the one to tell
      return result;
    });
  }

  static Result<Revision> StoreValue(sqlite3* db, const std::string& key, const std::string& value) {
    ASSIGN_OR_RETURN(const Revision revision, Record(db, kPut, key, value));
    RETURN_IF_ERROR(Statement(db, "INSERT OR REPLACE INTO kv VALUES (?, ?, ?)")
                        .Bind(key)
                        .Bind(value)
                        .Bind(revision)
                        .Run());
    return revision;
  }

  // Takes the next revision, notes the event, prunes now and then.
  static Result<Revision> Record(sqlite3* db, const char* type, const std::string& key,
                                 const std::string& value) {
    RETURN_IF_ERROR(Execute(db, "UPDATE store SET revision = revision + 1"));
    ASSIGN_OR_RETURN(const Revision revision, StoreRevision(db));
    RETURN_IF_ERROR(Statement(db, "INSERT INTO events VALUES (?, ?, ?, ?)")
                        .Bind(revision)
                        .Bind(type)
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

  static Status ReadList(sqlite3* db, const std::string& prefix, ListResult& result) {
    ASSIGN_OR_RETURN(result.revision, StoreRevision(db));
    // Keys sort bytewise, so that a prefix is a range.
    Statement statement(db, "SELECT key, value, revision FROM kv WHERE key >= ? ORDER BY key");
    statement.Bind(prefix);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, statement.Step());
      if (!row) return Ok();
      KeyValue kv{statement.Text(0), statement.Text(1), statement.Number(2)};
      if (!kv.key.starts_with(prefix)) return Ok();
      result.items.push_back(std::move(kv));
    }
  }

  const std::shared_ptr<Shared> shared_;
  const std::optional<TimePoint> deadline_;
};

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
  ASSIGN_OR_RETURN(shared->db, Open(options, options.create));
  if (fresh) ::chmod(options.path.c_str(), 0600);  // whoever may write here may change policy
  RETURN_IF_ERROR(Prepare(shared->db.get()));
  return std::unique_ptr<Client>(std::make_unique<SqliteClient>(std::move(shared), std::nullopt));
}

}  // namespace calico::datastore
