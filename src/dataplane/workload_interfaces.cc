// SPDX-License-Identifier: Apache-2.0
#include "dataplane/workload_interfaces.h"

#include <algorithm>

namespace calico::dataplane {

bool WorkloadInterfaces::IsWorkload(const std::string& name) const {
  return std::any_of(prefixes_.begin(), prefixes_.end(),
                     [&](const std::string& prefix) { return name.starts_with(prefix); });
}

void WorkloadInterfaces::Replace(const std::vector<kernel::Link>& links, TimePoint now) {
  const std::map<int, Entry> old = std::exchange(by_index_, {});
  index_by_name_.clear();
  for (const kernel::Link& link : links) {
    const auto known = old.find(link.ifindex);
    by_index_[link.ifindex] = {link, known == old.end() ? now : known->second.first_seen};
    index_by_name_[link.name] = link.ifindex;
  }
}

void WorkloadInterfaces::Set(const kernel::Link& link, TimePoint now) {
  const auto known = by_index_.find(link.ifindex);
  if (known != by_index_.end() && known->second.link.name != link.name)
    index_by_name_.erase(known->second.link.name);
  const TimePoint since = known == by_index_.end() ? now : known->second.first_seen;
  by_index_[link.ifindex] = {link, since};
  index_by_name_[link.name] = link.ifindex;
}

void WorkloadInterfaces::Remove(int ifindex) {
  const auto known = by_index_.find(ifindex);
  if (known == by_index_.end()) return;
  index_by_name_.erase(known->second.link.name);
  by_index_.erase(known);
}

const WorkloadInterfaces::Entry* WorkloadInterfaces::Find(const std::string& name) const {
  const auto index = index_by_name_.find(name);
  return index == index_by_name_.end() ? nullptr : Find(index->second);
}
const WorkloadInterfaces::Entry* WorkloadInterfaces::Find(int ifindex) const {
  const auto found = by_index_.find(ifindex);
  return found == by_index_.end() ? nullptr : &found->second;
}

}  // namespace calico::dataplane
