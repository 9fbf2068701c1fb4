// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::datastore {

struct SqliteOptions {
  std::string path;
  bool create = false;                              // make directory and file if absent; else kNotFound
  Duration call_timeout = std::chrono::seconds(5);  // waiting for another process's write
  // How often a watch looks for another process's commit (PRAGMA data_version, about 3 µs). Bounds its
  // latency.
  Duration poll_period = std::chrono::milliseconds(20);
};

// The embedded store of one host: several processes at once, in WAL mode. A watch sees another process's
// write within poll_period. inotify on the write-ahead log would be cheaper but loses the last commit before
// a silence.
Result<std::unique_ptr<Client>> OpenSqlite(const SqliteOptions& options);

}  // namespace calico::datastore
