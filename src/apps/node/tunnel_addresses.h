// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <optional>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::node {

// What this host knows of its WireGuard, by family: IPv4, IPv6.
struct WireguardState {
  // The device's public key in base64, empty if there is none; nullopt: not known yet.
  std::array<std::optional<std::string>, 2> keys;
  bool needs_address = true;  // hosts that encrypt what they send themselves have their own
};

// Gives this host's tunnel devices their addresses (reference ipam 13): one out of its own blocks for each
// kind of encapsulation that an enabled pool asks for, recorded in the Node with the WireGuard keys, and
// takes back what is no longer needed. Changes nothing when all is as it should be. What was assigned in a
// call that fails is released.
Status EnsureTunnelAddresses(datastore::Client& client, const Clock& clock, const std::string& node,
                             const WireguardState& wireguard = {});

}  // namespace calico::node
