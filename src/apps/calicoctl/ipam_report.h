// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ipam/consistency.h"

namespace calico::calicoctl {

// The file that `ipam check -o` writes and `ipam release --from-report` reads (reference calicoctl C.1.4).
struct IpamReport {
  struct Entry {
    ipam::Allocation allocation;      // as read back: address, handle and sequence number
    std::vector<std::string> owners;  // empty: leaked
  };
  struct Handle {
    std::string id;
    datastore::Revision revision = 0;
    auto operator<=>(const Handle&) const = default;
  };
  std::string version;
  std::string cluster_guid;
  bool datastore_locked = false;
  std::string cluster_information_revision;
  std::string cluster_type;
  std::vector<Entry> entries;  // in address order
  std::vector<Handle> leaked_handles;
};

std::string WriteIpamReport(const IpamReport& report);
Result<IpamReport> ReadIpamReport(const std::string& path);

}  // namespace calico::calicoctl
