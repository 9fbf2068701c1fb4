// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/call.h"
#include "base/result.h"
#include "model/workload_endpoint.h"

// Several Calico networks on one container: its endpoints are siblings. dockerd joins them one after another
// and sets one default route, through the network whose name comes first; when that one leaves, through the
// next. So whatever address of the container somebody asks, the answer leaves through one interface, and so
// does all that the container asks for itself. Siblings therefore
//  * have a gateway each: two device routes to one address cannot be in a container (reference docker-and-cni
//    A9.2);
//  * are marked in the store, by which the agent lets each send from the addresses of all;
//  * have the profiles of all, their own first: the container is in all of its networks with each address.
namespace calico::libnetwork {

inline constexpr char kGateway[] = "169.254.1.1";  // of an endpoint that came alone

// For an endpoint that joins a sandbox in which others are. Its gateway.
Result<std::string> JoinSiblings(const Call& call, const model::WorkloadEndpoint& endpoint,
                                 const std::string& sandbox_key);
// Before an endpoint is deleted: its siblings are in its network no more.
Status LeaveSiblings(datastore::Client& client, const Clock& clock, const std::string& node,
                     const std::string& endpoint_id);

}  // namespace calico::libnetwork
