// SPDX-License-Identifier: Apache-2.0
#include "dataplane/host_interfaces.h"

#include <algorithm>

namespace calico::dataplane {

std::map<std::string, std::string> AssignHostInterfaces(
    const std::map<std::string, dataplane_api::HostEndpoint>& endpoints,
    const std::set<kernel::Address>& addresses, const std::function<std::string(int ifindex)>& name_of,
    const std::function<bool(const std::string& name)>& is_workload) {
  std::map<std::string, std::string> assigned;
  for (const auto& [name, endpoint] : endpoints) {  // by name: the first one keeps an interface
    if (!endpoint.interface_name.empty()) {
      if (!is_workload(endpoint.interface_name)) assigned.try_emplace(endpoint.interface_name, name);
      continue;
    }
    for (const kernel::Address& address : addresses) {
      const auto& expected = endpoint.expected_ips;
      if (std::find(expected.begin(), expected.end(), address.address.ip()) == expected.end()) continue;
      const std::string interface = name_of(address.ifindex);
      if (!interface.empty() && !is_workload(interface)) assigned.try_emplace(interface, name);
    }
  }
  return assigned;
}

}  // namespace calico::dataplane
