// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/profiles.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <fmt/format.h>

#include "apps/libnetwork/docker_api.h"
#include "apps/libnetwork/endpoints.h"
#include "base/log.h"
#include "datastore/resources.h"
#include "model/codec/json.h"
#include "model/profile.h"

namespace calico::libnetwork {
namespace {

using model::Key;
using model::Kind;

Key NetworkKey(const std::string& network_id) {
  return Key::Resource(Kind::kDockerNetworkName, network_id);
}

Result<std::string> AskDocker(const Call& call, const std::string& network_id) {
  // A quarter of what is left stays for the writes that follow.
  const Duration left = (call.deadline - call.clock.Now()) / 4 * 3;
  const Duration timeout = std::min(call.options.name_lookup_timeout, left);
  if (timeout <= Duration::zero()) return Error(ErrorCode::kUnavailable, "no time left to ask Docker");
  ASSIGN_OR_RETURN(const DockerNetwork network,
                   DockerApi(call.options.docker_endpoint, timeout).InspectNetwork(network_id));
  return network.name;
}

// IDs are 64 hex digits; no network name that somebody typed looks so.
bool LooksLikeId(const std::string& profile) {
  return profile.size() == 64 && std::all_of(profile.begin(), profile.end(), [](char c) {
           return std::isxdigit(static_cast<unsigned char>(c)) != 0;
         });
}

Status RenameOne(datastore::Client& client, const Clock& clock, const datastore::Stored& stored) {
  auto endpoint = std::get<model::WorkloadEndpoint>(stored.object);
  std::vector<std::string> replaced;
  for (std::string& profile : endpoint.profiles) {
    if (!LooksLikeId(profile)) continue;
    ASSIGN_OR_RETURN(const std::string name, StoredNetworkName(client, profile));
    if (name.empty()) continue;
    replaced.push_back(profile);
    ASSIGN_OR_RETURN(profile, EnsureProfile(client, clock, name));
  }
  if (replaced.empty()) return Ok();
  auto updated = datastore::Resources(client, clock).Update(endpoint);
  if (updated.has_value()) {
    LogInfo("libnetwork", "endpoint {} now has the profile {}", endpoint.endpoint, endpoint.profiles.front());
    for (const std::string& id : replaced) RETURN_IF_ERROR(RemoveUnusedProfile(client, clock, id));
    return Ok();
  }
  // Changed or deleted meanwhile: the next look finds what it is now.
  const ErrorCode code = updated.error().code();
  if (code == ErrorCode::kConflict || code == ErrorCode::kNotFound) return Ok();
  return std::move(updated).error();
}

// Reference docker-and-cni A6, datastore-model B.8: the network's name as it is, for the profile and for the
// tag that its containers carry. A tag is a label without a value.
model::Profile ProfileOfCalico26(const std::string& network_name) {
  model::Profile profile;
  profile.metadata.name = network_name;
  profile.labels_to_apply[network_name] = "";
  profile.ingress.emplace_back().action = "Allow";
  profile.ingress.back().source.selector = network_name + " == ''";
  profile.egress.emplace_back().action = "Allow";
  return profile;
}

}  // namespace

Result<std::string> StoredNetworkName(datastore::Client& client, const std::string& network_id) {
  const Key key = NetworkKey(network_id);
  auto kv = client.Get(model::ToPath(key));
  if (!kv.has_value()) {
    if (kv.error().code() == ErrorCode::kNotFound) return std::string();
    return std::move(kv).error();
  }
  ASSIGN_OR_RETURN(const model::Object object, model::DecodeValue(key, kv->value));
  return std::get<model::DockerNetworkName>(object).name;
}

Status StoreNetworkName(datastore::Client& client, const std::string& network_id, const std::string& name) {
  const Key key = NetworkKey(network_id);
  model::DockerNetworkName network;
  network.name = name;
  // A network never changes its name, so the first writer is as good as any.
  auto created = client.Create(model::ToPath(key), model::EncodeValue(key, network));
  if (created.has_value() || created.error().code() == ErrorCode::kAlreadyExists) return Ok();
  return std::move(created).error();
}

Result<std::string> LookUpNetworkName(const Call& call, const std::string& network_id) {
  ASSIGN_OR_RETURN(const std::string stored, StoredNetworkName(call.client, network_id));
  if (!stored.empty()) return stored;
  auto asked = AskDocker(call, network_id);
  if (!asked.has_value()) {
    LogWarning("libnetwork", "network {} gets its ID as profile for now: {}", network_id,
               asked.error().message());
    return std::string();
  }
  RETURN_IF_ERROR(StoreNetworkName(call.client, network_id, *asked));
  return *asked;
}

Result<std::string> EnsureProfile(datastore::Client& client, const Clock& clock,
                                  const std::string& network_name) {
  const bool v1 = client.dialect() == datastore::Dialect::kCalico26;
  model::Profile profile = v1 ? ProfileOfCalico26(network_name) : model::ProfileOfDockerNetwork(network_name);
  std::string name = profile.metadata.name;
  // Nearly always it is there, and a read costs the store less than a refused write.
  const auto known = datastore::Resources(client, clock).Get(Key::Resource(Kind::kProfile, name));
  if (known.has_value()) return name;
  auto created = datastore::Resources(client, clock).Create(std::move(profile));
  if (created.has_value() || created.error().code() == ErrorCode::kAlreadyExists) return name;
  return std::move(created).error().WithContext("creating profile " + name);
}

Status RenameProfiles(datastore::Client& client, const Clock& clock, const std::string& node) {
  ASSIGN_OR_RETURN(const std::vector<datastore::Stored> endpoints, ListEndpoints(client, node));
  for (const datastore::Stored& stored : endpoints) {
    const auto& endpoint = std::get<model::WorkloadEndpoint>(stored.object);
    if (std::none_of(endpoint.profiles.begin(), endpoint.profiles.end(), LooksLikeId)) continue;
    RETURN_IF_ERROR(RenameOne(client, clock, stored));
  }
  return Ok();
}

Result<std::vector<std::string>> ListStandIns(datastore::Client& client) {
  ASSIGN_OR_RETURN(const datastore::ListResult list, client.List(model::ListPrefix(Kind::kProfile)));
  std::vector<std::string> names;
  for (const datastore::KeyValue& kv : list.items) {
    const auto key = model::ParsePath(kv.key);
    if (key.has_value() && LooksLikeId(key->name)) names.push_back(key->name);
  }
  return names;
}

Status RemoveUnusedProfile(datastore::Client& client, const Clock& clock, const std::string& profile) {
  ASSIGN_OR_RETURN(const datastore::ObjectList all,
                   datastore::Resources(client, clock).List(Kind::kWorkloadEndpoint));
  for (const datastore::Stored& stored : all.items) {
    const auto& profiles = std::get<model::WorkloadEndpoint>(stored.object).profiles;
    if (std::find(profiles.begin(), profiles.end(), profile) != profiles.end()) return Ok();
  }
  const auto removed = datastore::Resources(client, clock).Delete(Key::Resource(Kind::kProfile, profile));
  if (removed.has_value() || removed.error().code() == ErrorCode::kNotFound) return Ok();
  return removed.error();
}

}  // namespace calico::libnetwork
