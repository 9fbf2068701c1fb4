// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "dataplane_api/updates.h"
#include "kernel/nftables.h"
#include "net/ip.h"

// From dataplane_api values to nf_tables chains: pure, so that each is tested by its text.
namespace calico::dataplane {

enum class Direction : std::uint8_t { kIngress, kEgress };  // seen from the workload

std::string ProfileChainName(const std::string& profile,
                             Direction direction);  // "cali-pri-net1", "cali-pro-net1"
// The rules of a profile in one family. Allow: marks the packet and returns. A rule that cannot match in this
// family is left out.
kernel::nft::Chain RenderProfile(const dataplane_api::ProfileRules& rules, Direction direction,
                                 net::Family family);

// The chain that endpoints with the same profiles share: connection state, profiles in order, drop.
std::string EndpointChainName(const std::vector<std::string>& profiles, Direction direction);
kernel::nft::Chain RenderEndpointChain(const std::vector<std::string>& profiles, Direction direction);

// Chains that exist whatever the endpoints are.
std::map<std::string, kernel::nft::Chain> RenderHostChains(const dataplane_api::HostSettings& host,
                                                           net::Family family);
// The pool sets of RenderHostChains.
std::map<std::string, kernel::nft::Set> RenderPoolSets(const dataplane_api::HostSettings& host,
                                                       net::Family family);

}  // namespace calico::dataplane
