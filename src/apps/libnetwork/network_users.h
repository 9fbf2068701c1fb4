// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "model/docker_network.h"

namespace calico::libnetwork {

// What each host has noted of each network: by the network's name, then the host's.
using NetworkRecords = std::map<std::string, std::map<std::string, model::DockerNetworkHost>>;
Result<NetworkRecords> ReadNetworkRecords(datastore::Client& client);

// Hosts other than `node` with endpoints on the network, sorted. `ids`: the network's ID on each host, where
// it is known. Lists all endpoints: for what happens rarely.
Result<std::vector<std::string>> OtherHostsUsing(datastore::Client& client, const std::string& network,
                                                 const std::map<std::string, std::string>& ids,
                                                 const std::string& node);

}  // namespace calico::libnetwork
