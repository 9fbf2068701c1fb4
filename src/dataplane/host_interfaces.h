// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "dataplane_api/updates.h"
#include "kernel/rtnetlink.h"

namespace calico::dataplane {

// Which interfaces host endpoints stand for (reference felix 2.11): the named one, those with an expected
// address, and "*" for all others. Of several that claim one the smallest name wins. Workloads' interfaces
// are nobody's. `name_of` gives an interface's name, empty if there is none.
std::map<std::string, std::string> AssignHostInterfaces(
    const std::map<std::string, dataplane_api::HostEndpoint>& endpoints,
    const std::set<kernel::Address>& addresses, const std::function<std::string(int ifindex)>& name_of,
    const std::function<bool(const std::string& name)>& is_workload);

}  // namespace calico::dataplane
