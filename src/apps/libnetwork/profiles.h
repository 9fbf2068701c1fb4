// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/libnetwork/call.h"
#include "apps/libnetwork/driver.h"
#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

// One profile per Docker network, named by the network's name, which Docker never sends to a driver.
namespace calico::libnetwork {

// The name of a network: from the store; else from Docker within the call's time, and then stored. "" when
// neither knows it now. Never waits for Docker longer than options.name_lookup_timeout: while dockerd starts
// its containers its API hangs until this very call has been answered (reference docker-and-cni A9.6).
Result<std::string> LookUpNetworkName(const Call& call, const std::string& network_id);
Result<std::string> StoredNetworkName(datastore::Client& client,
                                      const std::string& network_id);  // "" = unknown
Status StoreNetworkName(datastore::Client& client, const std::string& network_id, const std::string& name);

// Makes the profile of a network, unless it is there, and returns its name.
Result<std::string> EnsureProfile(datastore::Client& client, const Clock& clock,
                                  const std::string& network_name);

// Gives endpoints of this node whose profile is a network's ID the profile of its name, where that is known
// by now.
Status RenameProfiles(datastore::Client& client, const Clock& clock, const std::string& node);

// Profiles that stand in for a network's unknown name: they are called by its ID.
Result<std::vector<std::string>> ListStandIns(datastore::Client& client);
// Unless an endpoint of any node has it.
Status RemoveUnusedProfile(datastore::Client& client, const Clock& clock, const std::string& profile);

}  // namespace calico::libnetwork
