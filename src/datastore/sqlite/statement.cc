// SPDX-License-Identifier: Apache-2.0
#include "datastore/sqlite/statement.h"

#include <fmt/format.h>
#include <sqlite3.h>

namespace calico::datastore::sqlite {

void CloseConnection::operator()(sqlite3* db) const {
  sqlite3_close_v2(db);
}

Error LastError(sqlite3* db, std::string_view doing) {
  const int code = sqlite3_errcode(db);
  const char* path = sqlite3_db_filename(db, "main");
  const bool busy = code == SQLITE_BUSY || code == SQLITE_LOCKED;
  return Error(busy ? ErrorCode::kUnavailable : ErrorCode::kSystem,
               fmt::format("sqlite {}: {}: {}", path != nullptr ? path : "", doing, sqlite3_errmsg(db)));
}

Statement::Statement(sqlite3* db, std::string_view sql) : db_(db) {
  sqlite3_prepare_v2(db, sql.data(), static_cast<int>(sql.size()), &statement_, nullptr);
}
Statement::~Statement() {
  sqlite3_finalize(statement_);
}

Statement& Statement::Bind(std::string_view text) {
  if (statement_ != nullptr) {
    sqlite3_bind_text64(statement_, next_parameter_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  }
  ++next_parameter_;
  return *this;
}
Statement& Statement::Bind(std::int64_t number) {
  if (statement_ != nullptr) sqlite3_bind_int64(statement_, next_parameter_, number);
  ++next_parameter_;
  return *this;
}

Result<bool> Statement::Step() {
  if (statement_ == nullptr) return LastError(db_, "prepare");  // e.g. a corrupt or foreign file
  const int code = sqlite3_step(statement_);
  if (code == SQLITE_ROW) return true;
  if (code == SQLITE_DONE) return false;
  return LastError(db_, sqlite3_sql(statement_));
}

Status Statement::Run() {
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, Step());
    if (!row) return Ok();
  }
}

Result<std::int64_t> Statement::QueryNumber() {
  auto row = Step();
  const std::int64_t number = row.has_value() && *row ? Number(0) : 0;
  if (statement_ != nullptr) sqlite3_reset(statement_);
  if (!row.has_value()) return std::move(row).error();
  return number;
}

std::string Statement::Text(int column) const {
  const auto* text = static_cast<const char*>(sqlite3_column_blob(statement_, column));
  const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement_, column));
  return text == nullptr ? std::string() : std::string(text, size);
}
std::int64_t Statement::Number(int column) const {
  return sqlite3_column_int64(statement_, column);
}

Status Execute(sqlite3* db, std::string_view sql) {
  return Statement(db, sql).Run();
}

}  // namespace calico::datastore::sqlite
