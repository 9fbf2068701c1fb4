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
};

// The embedded store of one host: several processes at once, in WAL mode. A watch sees another process's
// write within a few milliseconds; see watch_hub.h.
Result<std::unique_ptr<Client>> OpenSqlite(const SqliteOptions& options);

}  // namespace calico::datastore
