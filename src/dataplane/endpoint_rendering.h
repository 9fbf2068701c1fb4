// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dataplane/rule_rendering.h"
#include "dataplane_api/updates.h"
#include "kernel/nftables.h"

// The chains between dispatch and policies (reference felix 2.5, 3.13): pure. Each leaves the packet with
// kAcceptMark, with kDropMark, or with neither ("no verdict of ours"), and returns.
namespace calico::dataplane {

// At which point of a packet's way an endpoint is asked.
enum class Stage : std::uint8_t {
  kWorkload,
  kHost,       // what the host's own programs receive and send
  kForwarded,  // through a host endpoint
  kUntracked,
  kBeforeDnat,
};

// What the policies of one endpoint in one direction and stage are; endpoints with equal ones share chains.
struct EndpointPolicies {
  Stage stage = Stage::kWorkload;
  Direction direction = Direction::kIngress;
  dataplane_api::Tiers tiers;
  std::vector<std::string> profiles;
  // kForwarded: no policy of the endpoint is about forwarded packets at all. They are left alone.
  bool left_alone = false;
};

// Of the endpoint's chain and those of its tiers, in their order. Equal content has equal names, as far as
// it is not the host's settings.
struct EndpointChainNames {
  std::string endpoint;
  std::vector<std::string> tiers;
};
EndpointChainNames NamesOf(const EndpointPolicies& policies, Way way);

struct EndpointContext {
  Way way = Way::kOriginal;
  const dataplane_api::HostSettings* host = nullptr;
};
// All of them.
std::map<std::string, kernel::nft::Chain> RenderEndpoint(const EndpointPolicies& policies,
                                                         const EndpointContext& context);

// What comes before policy is asked: packets that belong to a connection, and those that belong to none
// (reference felix 2.13).
void AddConnectionRules(const dataplane_api::HostSettings& host, kernel::nft::Chain& chain);

// "cali-failsafe-in" and the like: the ports that stay open on host endpoints. With `both_sides`, as where
// connections are not tracked, answers are recognised by their source port as well.
std::string FailsafeChainName(Direction direction, Way way, bool both_sides);
kernel::nft::Chain RenderFailsafe(const dataplane_api::HostSettings& host, Direction direction, Way way,
                                  bool both_sides, net::Family family);

}  // namespace calico::dataplane
