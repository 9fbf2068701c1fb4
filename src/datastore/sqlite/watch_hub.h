// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/clock.h"
#include "datastore/client.h"
#include "datastore/sqlite/statement.h"

namespace calico::datastore::sqlite {

// Serves all watches of one client with one thread and one connection of its own (`PRAGMA data_version` tells
// of commits by other connections only). Thread-safe; but a callback must not start or end a watch itself.
//
// Why it is not trivial: inotify tells of every write to the write-ahead log, but before the commit is
// visible, and nothing comes after the last one; polling alone costs a wake-up each time, 50 µs on a virtual
// machine. So: asleep until inotify tells, then look again and again for half a second; and a slow
// round in case inotify is silent (other file systems, a replaced log).
class WatchHub final : public std::enable_shared_from_this<WatchHub> {
 public:
  WatchHub(Connection db, const std::string& path);
  ~WatchHub();

  std::unique_ptr<Watch> Add(const std::string& prefix, Revision from, WatchCallbacks callbacks);

 private:
  struct Impl;
  const std::unique_ptr<Impl> impl_;
};

}  // namespace calico::datastore::sqlite
