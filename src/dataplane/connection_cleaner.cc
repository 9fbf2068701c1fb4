// SPDX-License-Identifier: Apache-2.0
#include "dataplane/connection_cleaner.h"

#include <utility>

#include "base/log.h"

namespace calico::dataplane {
namespace {

constexpr Duration kGather = std::chrono::milliseconds(100);

}  // namespace

ConnectionCleaner::ConnectionCleaner(kernel::Conntrack& conntrack) : conntrack_(conntrack) {
  thread_.Start();
}
ConnectionCleaner::~ConnectionCleaner() {
  thread_.StopAndJoin();
}

void ConnectionCleaner::Forget(std::set<net::Ip> addresses) {
  if (addresses.empty()) return;
  thread_.loop().Post([this, addresses = std::move(addresses)]() mutable {
    waiting_.merge(addresses);
    if (timer_ == nullptr) timer_ = thread_.loop().After(kGather, [this] { Walk(); });
  });
}

void ConnectionCleaner::Walk() {
  timer_.reset();
  const std::set<net::Ip> addresses = std::exchange(waiting_, {});
  const auto deleted = conntrack_.DeleteConnectionsOf(addresses);
  // What stays is asked about by policy all the same, and ends by itself.
  if (!deleted.has_value()) LogWarning("dataplane", "{}", deleted.error().message());
}

}  // namespace calico::dataplane
