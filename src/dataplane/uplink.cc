// SPDX-License-Identifier: Apache-2.0
#include "dataplane/uplink.h"

#include <algorithm>

#include "base/log.h"

namespace calico::dataplane {

void Uplink::SetHost(const dataplane_api::HostSettings& host) {
  own_.clear();
  for (const auto& cidr : {host.ipv4, host.ipv6}) {
    if (cidr) own_.insert(cidr->ip());
  }
  if (host.mtu_interfaces == pattern_text_) return;
  pattern_text_ = host.mtu_interfaces;
  pattern_.reset();
  if (pattern_text_.empty()) return;
  try {
    pattern_ = std::regex(pattern_text_, std::regex::extended);
  } catch (const std::regex_error& error) {
    LogError("dataplane",
             "mtuIfacePattern '{}' is no regular expression ({}): only the interfaces with this "
             "host's addresses count",
             pattern_text_, error.what());
  }
}

void Uplink::Measure(const WorkloadInterfaces& interfaces, const std::set<kernel::Address>& addresses) {
  std::set<int> with_own_address;
  for (const kernel::Address& address : addresses) {
    if (own_.contains(address.address.ip())) with_own_address.insert(address.ifindex);
  }
  int smallest = 0;
  interfaces.ForEach([&](const kernel::Link& link) {
    if (!link.admin_up || link.loopback || interfaces.IsWorkload(link.name)) return;
    const bool counts =
        with_own_address.contains(link.ifindex) || (pattern_ && std::regex_search(link.name, *pattern_));
    if (counts && link.mtu_bytes > 0)
      smallest = smallest == 0 ? link.mtu_bytes : std::min(smallest, link.mtu_bytes);
  });
  mtu_bytes_ = smallest;
}

}  // namespace calico::dataplane
