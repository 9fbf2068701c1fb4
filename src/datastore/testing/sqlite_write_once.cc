// SPDX-License-Identifier: Apache-2.0
// sqlite_write_once PATH KEY: opens the store, writes once, prints CLOCK_MONOTONIC in nanoseconds as of the
// commit's return, closes everything and ends. The other process of watch_test.cc.
#include <cstdio>

#include "datastore/sqlite/sqlite_client.h"

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  calico::datastore::SqliteOptions options;
  options.path = argv[1];
  const auto client = calico::datastore::OpenSqlite(options);
  if (!client.has_value() || !(*client)->Put(argv[2], "x").has_value()) return 1;
  std::printf("%lld\n", static_cast<long long>(std::chrono::steady_clock::now().time_since_epoch().count()));
  return 0;
}
