// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/docker_networks.h"

#include <utility>

#include "model/codec/json.h"

namespace calico::calicoctl {

Status DockerNetworkHosts::Read(datastore::Client& client) {
  ASSIGN_OR_RETURN(const datastore::ListResult list,
                   client.List(model::ListPrefix(model::Kind::kDockerNetworkHost)));
  for (const datastore::KeyValue& kv : list.items) {
    const auto key = model::ParsePath(kv.key);
    if (!key) continue;
    auto object = model::DecodeValue(*key, kv.value);
    if (!object.has_value()) continue;
    auto host = std::get<model::DockerNetworkHost>(*std::move(object));
    host.host = key->ns;
    hosts_[key->name].push_back(std::move(host));
  }
  return Ok();
}

void DockerNetworkHosts::AddHosts(model::Object& object) {
  auto* network = std::get_if<model::DockerNetwork>(&object);
  if (network == nullptr) return;
  const auto found = hosts_.find(network->metadata.name);
  if (found == hosts_.end()) return;
  network->hosts = std::move(found->second);
  hosts_.erase(found);
}

std::vector<model::Object> DockerNetworkHosts::Leftovers() const {
  std::vector<model::Object> left;
  for (const auto& [name, hosts] : hosts_) {
    model::DockerNetwork network;
    network.metadata.name = name;
    left.emplace_back(std::move(network));
  }
  return left;
}

}  // namespace calico::calicoctl
