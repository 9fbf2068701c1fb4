// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "apps/libnetwork/call.h"
#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"
#include "datastore/resources.h"
#include "ipam/block.h"
#include "model/workload_endpoint.h"

// Names of what belongs to one Docker endpoint, and the endpoints of one node.
namespace calico::libnetwork {

inline constexpr char kOrchestrator[] = "libnetwork";
inline constexpr char kNamespace[] = "default";
inline constexpr char kMac[] = "ee:ee:ee:ee:ee:ee";
inline constexpr char kHandlePrefix[] = "libnetwork";
// On an endpoint: the network namespace it was joined to. Two endpoints of one container have the same.
inline constexpr char kSandboxAnnotation[] = "libnetwork.projectcalico.org/sandbox";
// On an endpoint: its network's ID on its host.
inline constexpr char kNetworkAnnotation[] = "libnetwork.projectcalico.org/network";

// Device names take 15 characters: prefix and 11 of the ID, as Calico 2.6.
std::string HostInterface(const std::string& endpoint_id);       // "cali369515cb37e"
std::string ContainerInterface(const std::string& endpoint_id);  // "temp369515cb37e"
Result<model::Key> EndpointKey(const std::string& node, const std::string& endpoint_id);

// The boot of the host during which it was made.
inline constexpr char kBootAnnotation[] = "libnetwork.projectcalico.org/boot";

// An address belongs to nobody between RequestAddress and CreateEndpoint: Docker sends the endpoint's ID only
// then. It has no handle, so that one write of its block is all.
ipam::Owner UnboundOwner(const std::string& node, const Clock& clock, bool requested_by_user);
// An address that the network itself keeps (--aux-address): it never gets an endpoint.
ipam::Owner OwnerForNetwork(const std::string& node, const std::string& network_id, const Clock& clock);
ipam::Owner OwnerOfEndpoint(const std::string& node, const std::string& network_id,
                            const std::string& endpoint_id, const Clock& clock);
std::string HandleOfEndpoint(const std::string& endpoint_id);
// The endpoint of such a handle, or "" for another kind of handle.
std::string EndpointOfHandle(const std::string& handle);
// "" when there is no such attribute.
std::string AttributeText(const model::AllocationAttribute& attribute, const std::string& name);
// Docker asked for it, on this node or, where a network spans hosts, on another.
bool IsOfDocker(const model::AllocationAttribute& attribute);
bool IsRequestedByUser(const model::AllocationAttribute& attribute);
bool IsKeptByNetwork(const model::AllocationAttribute& attribute);
// "2026-03-02 10:05:00.123456789 +0000 UTC": how upstream writes the attribute `timestamp`; orders as text.
std::string AttributeTime(WallTime time);
std::optional<WallTime> ParseAttributeTime(const std::string& text);

// Whether the store is one of Calico 2.6: addresses have neither handle nor attributes there, and endpoints
// no annotations (reference datastore-model B.8).
bool IsCalico26(const datastore::Client& client);
// There the sandbox of an endpoint and the network stand in a key of our own. Notes them; true if no other
// endpoint of the node is in the same sandbox.
struct SandboxNote {
  std::string node, endpoint_id, sandbox_key, network_id;
};
Result<bool> NoteSandbox(datastore::Client& client, const SandboxNote& note);
Result<std::vector<SandboxNote>> ListSandboxes(datastore::Client& client);  // of all nodes
Status ForgetSandbox(datastore::Client& client, const std::string& node, const std::string& endpoint_id);

// The other endpoints of a sandbox, in the order of their IDs.
Result<std::vector<model::WorkloadEndpoint>> ListSiblings(datastore::Client& client, const std::string& node,
                                                          const std::string& endpoint_id,
                                                          const std::string& sandbox_key);

// Changes an endpoint whatever others do to it at the same time: reads and writes until nobody came between.
// Ok if there is no such endpoint (any more); nothing is written if nothing changes.
Status ChangeEndpoint(datastore::Client& client, const Clock& clock, const std::string& node,
                      const std::string& endpoint_id,
                      const std::function<void(model::WorkloadEndpoint&)>& change);

Result<bool> EndpointExists(const Call& call, const std::string& endpoint_id);

// The libnetwork endpoints of one node, by a key prefix: the cost does not grow with the cluster.
Result<std::vector<datastore::Stored>> ListEndpoints(datastore::Client& client, const std::string& node);

}  // namespace calico::libnetwork
