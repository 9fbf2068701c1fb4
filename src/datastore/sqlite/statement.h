// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace calico::datastore::sqlite {

struct CloseConnection {
  void operator()(sqlite3* db) const;
};
using Connection = std::unique_ptr<sqlite3, CloseConnection>;

// kUnavailable when another process holds the lock for too long, kSystem with the path and SQLite's words
// otherwise.
Error LastError(sqlite3* db, std::string_view doing);

// One prepared statement. Parameters are bound in order.
class Statement final {
 public:
  Statement(sqlite3* db, std::string_view sql);
  ~Statement();
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  Statement& Bind(std::string_view text);
  Statement& Bind(std::int64_t number);

  // True while there is a row.
  Result<bool> Step();
  Status Run();  // to the end, ignoring rows
  // The first column of its only row; may be called again and again.
  Result<std::int64_t> QueryNumber();

  std::string Text(int column) const;
  std::int64_t Number(int column) const;

 private:
  sqlite3* const db_;
  sqlite3_stmt* statement_ = nullptr;
  int next_parameter_ = 1;
};

Status Execute(sqlite3* db, std::string_view sql);

}  // namespace calico::datastore::sqlite
