// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_users.h"

#include <set>

#include "apps/libnetwork/endpoints.h"
#include "model/codec/json.h"
#include "model/profile.h"

namespace calico::libnetwork {
namespace {

bool Uses(const model::WorkloadEndpoint& endpoint, const std::string& network, const std::string& profile,
          const std::string& id) {
  const auto noted = endpoint.metadata.annotations.find(kNetworkAnnotation);
  if (noted != endpoint.metadata.annotations.end() && !id.empty() && noted->second == id) return true;
  // Where the ID is not known (yet), and in stores of Calico 2.6, which keep no annotations.
  for (const std::string& each : endpoint.profiles) {
    if (each == network || each == profile || (!id.empty() && each == id)) return true;
  }
  return false;
}

}  // namespace

Result<NetworkRecords> ReadNetworkRecords(datastore::Client& client) {
  NetworkRecords records;
  ASSIGN_OR_RETURN(const datastore::ListResult list,
                   client.List(model::ListPrefix(model::Kind::kDockerNetworkHost)));
  for (const datastore::KeyValue& kv : list.items) {
    const auto key = model::ParsePath(kv.key);
    if (!key) continue;
    const auto object = model::DecodeValue(*key, kv.value);
    if (object.has_value()) records[key->name][key->ns] = std::get<model::DockerNetworkHost>(*object);
  }
  return records;
}

Result<std::vector<std::string>> OtherHostsUsing(datastore::Client& client, const std::string& network,
                                                 const std::map<std::string, std::string>& ids,
                                                 const std::string& node) {
  const std::string profile = model::ProfileNameOfDockerNetwork(network);
  const auto id_on = [&](const std::string& host) {
    const auto found = ids.find(host);
    return found == ids.end() ? std::string() : found->second;
  };
  std::set<std::string> hosts;
  const std::string prefix = model::ListPrefix(model::Kind::kWorkloadEndpoint, kNamespace);
  ASSIGN_OR_RETURN([[maybe_unused]] const datastore::Revision revision,
                   client.ForEach(prefix, [&](const datastore::KeyValue& kv) -> Status {
                     const auto key = model::ParsePath(kv.key);
                     if (!key || key->kind != model::Kind::kWorkloadEndpoint) return Ok();
                     const auto object = model::DecodeValue(*key, kv.value);
                     if (!object.has_value()) return Ok();
                     const auto& endpoint = std::get<model::WorkloadEndpoint>(*object);
                     if (endpoint.orchestrator == kOrchestrator && endpoint.node != node &&
                         Uses(endpoint, network, profile, id_on(endpoint.node))) {
                       hosts.insert(endpoint.node);
                     }
                     return Ok();
                   }));
  if (IsCalico26(client)) {
    ASSIGN_OR_RETURN(const std::vector<SandboxNote> notes, ListSandboxes(client));
    for (const SandboxNote& note : notes) {
      if (note.node != node && !note.network_id.empty() && note.network_id == id_on(note.node))
        hosts.insert(note.node);
    }
  }
  return std::vector<std::string>(hosts.begin(), hosts.end());
}

}  // namespace calico::libnetwork
