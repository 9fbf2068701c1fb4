// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/siblings.h"

#include <algorithm>
#include <set>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "apps/libnetwork/endpoints.h"
#include "datastore/resources.h"

namespace calico::libnetwork {
namespace {

using model::WorkloadEndpoint;

std::string FreeGateway(const std::vector<WorkloadEndpoint>& siblings) {
  std::set<std::string> taken;
  for (const WorkloadEndpoint& sibling : siblings)
    taken.insert(sibling.ipv4_gateway.empty() ? kGateway : sibling.ipv4_gateway);
  std::string gateway = kGateway;
  for (int last = 2; taken.contains(gateway); ++last) gateway = fmt::format("169.254.1.{}", last);
  return gateway;
}

// Its own profile, then those of `all`, each once.
std::vector<std::string> ProfilesAmong(const WorkloadEndpoint& endpoint,
                                       const std::vector<WorkloadEndpoint>& all) {
  std::vector<std::string> profiles;
  const auto add = [&](const WorkloadEndpoint& one) {
    if (!one.profiles.empty() &&
        std::find(profiles.begin(), profiles.end(), one.profiles.front()) == profiles.end())
      profiles.push_back(one.profiles.front());
  };
  add(endpoint);
  for (const WorkloadEndpoint& one : all) add(one);
  return profiles;
}

}  // namespace

Result<std::string> JoinSiblings(const Call& call, const WorkloadEndpoint& endpoint,
                                 const std::string& sandbox_key) {
  const std::string& node = call.options.node_name;
  ASSIGN_OR_RETURN(std::vector<WorkloadEndpoint> all,
                   ListSiblings(call.client, node, endpoint.endpoint, sandbox_key));
  std::string gateway = FreeGateway(all);
  all.push_back(endpoint);
  const std::string mark = sandbox_key.substr(sandbox_key.rfind('/') + 1);
  for (const WorkloadEndpoint& one : all) {
    RETURN_IF_ERROR(
        ChangeEndpoint(call.client, call.clock, node, one.endpoint, [&](WorkloadEndpoint& changed) {
          changed.container_id = mark;
          changed.profiles = ProfilesAmong(changed, all);
          if (changed.endpoint == endpoint.endpoint)
            changed.ipv4_gateway = gateway == kGateway ? "" : gateway;
        }));
  }
  return gateway;
}

Status LeaveSiblings(datastore::Client& client, const Clock& clock, const std::string& node,
                     const std::string& endpoint_id) {
  ASSIGN_OR_RETURN(const model::Key key, EndpointKey(node, endpoint_id));
  const auto stored = datastore::Resources(client, clock).Get(key);
  if (!stored.has_value())
    return stored.error().code() == ErrorCode::kNotFound ? Ok() : Status(stored.error());
  const std::string mark = std::get<WorkloadEndpoint>(stored->object).container_id;
  if (mark.empty()) return Ok();
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> local, ListEndpoints(client, node));
  std::vector<WorkloadEndpoint> left;
  for (const datastore::Stored& one : local) {
    const auto& endpoint = std::get<WorkloadEndpoint>(one.object);
    if (endpoint.container_id == mark && endpoint.endpoint != endpoint_id) left.push_back(endpoint);
  }
  for (const WorkloadEndpoint& one : left) {
    RETURN_IF_ERROR(ChangeEndpoint(client, clock, node, one.endpoint, [&](WorkloadEndpoint& changed) {
      changed.profiles = ProfilesAmong(changed, left);
    }));
  }
  return Ok();
}

}  // namespace calico::libnetwork
