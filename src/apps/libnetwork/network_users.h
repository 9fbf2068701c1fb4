// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// Hosts other than `node` with endpoints on the network, sorted. `ids`: the network's ID on each host, where
// it is known. Lists all endpoints: for what happens rarely.
Result<std::vector<std::string>> OtherHostsUsing(datastore::Client& client, const std::string& network,
                                                 const std::map<std::string, std::string>& ids,
                                                 const std::string& node);

}  // namespace calico::libnetwork
