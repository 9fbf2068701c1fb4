// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/clock.h"
#include "kernel/rtnetlink.h"

namespace calico::dataplane {

// The host's interfaces whose names have a workload prefix, as the kernel's events tell.
class WorkloadInterfaces final {
 public:
  struct Entry {
    kernel::Link link;
    TimePoint first_seen;
  };

  void SetPrefixes(std::vector<std::string> prefixes) { prefixes_ = std::move(prefixes); }
  bool IsWorkload(const std::string& name) const;

  // All links of the host; replaces what was known.
  void Replace(const std::vector<kernel::Link>& links, TimePoint now);
  void Set(const kernel::Link& link, TimePoint now);
  void Remove(int ifindex);

  const Entry* Find(const std::string& name) const;
  const Entry* Find(int ifindex) const;
  template <typename Visit>  // visit(kernel::Link): all links, not only workloads'
  void ForEach(const Visit& visit) const {
    for (const auto& [ifindex, entry] : by_index_) visit(entry.link);
  }

 private:
  std::vector<std::string> prefixes_{"cali"};
  std::map<int, Entry> by_index_;  // of all interfaces: prefixes may change
  std::map<std::string, int> index_by_name_;
};

}  // namespace calico::dataplane
