// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::node {

// Gives this host's tunnel devices their addresses (reference ipam 13): one out of its own blocks for each
// kind of encapsulation that an enabled pool asks for, recorded in the Node, and takes back what is no longer
// needed. Changes nothing when all is as it should be. What was assigned in a call that fails is released.
Status EnsureTunnelAddresses(datastore::Client& client, const Clock& clock, const std::string& node);

}  // namespace calico::node
