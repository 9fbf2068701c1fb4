// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "datastore/client.h"
#include "net/ip.h"

namespace calico::ipam::testing {

// Handle of each address that somebody believes to hold.
using Holdings = std::map<net::Ip, std::string>;

// Violations of the invariants S2 to S6, S8 and S9 (reference ipam 21) by what is stored.
std::vector<std::string> CheckSafety(datastore::Client& client, const Holdings& held);
// Violations of Q2 and Q3 as well: nothing is under way and repairs have run.
std::vector<std::string> CheckQuiescent(datastore::Client& client, const Holdings& held);
// All allocated addresses with their handles.
Holdings Allocated(datastore::Client& client);

}  // namespace calico::ipam::testing
