// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/network_names.h"

#include <utility>

#include "apps/libnetwork/profiles.h"
#include "base/log.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::libnetwork {
namespace {

constexpr Duration kListTimeout = std::chrono::seconds(2);
constexpr Duration kStoreTimeout = std::chrono::seconds(5);

}  // namespace

NetworkNames::NetworkNames(datastore::Client& client, const Clock& clock, const Options& options)
    : client_(client), clock_(clock), options_(options) {}

Status NetworkNames::OnDockerUp() {
  ASSIGN_OR_RETURN(const std::vector<DockerNetwork> networks,
                   DockerApi(options_.docker_endpoint, kListTimeout).ListNetworks());
  for (const DockerNetwork& network : networks) {
    if (network.driver == kDriverName) RETURN_IF_ERROR(Learn(network.id, network.name));
  }
  Rename();
  return Ok();
}

void NetworkNames::OnDockerEvent(const DockerEvent& event) {
  const auto driver = event.attributes.find("type");
  const auto name = event.attributes.find("name");
  if (event.type != "network" || driver == event.attributes.end() || driver->second != kDriverName) return;
  Status done;
  if (event.action == "create" && name != event.attributes.end()) {
    done = Learn(event.id, name->second);
    if (done.has_value()) Rename();
  } else if (event.action == "destroy") {
    done = Forget(event.id);
  }
  // A name missed here is asked for by CreateEndpoint, or learned with the next list.
  if (!done.has_value()) LogWarning("libnetwork", "network {}: {}", event.id, done.error().message());
}

Status NetworkNames::Learn(const std::string& id, const std::string& name) {
  if (id.empty() || name.empty()) return Ok();
  const auto store = client_.WithDeadline(clock_.Now() + kStoreTimeout);
  ASSIGN_OR_RETURN(const std::string known, StoredNetworkName(*store, id));
  if (known == name) return Ok();
  RETURN_IF_ERROR(StoreNetworkName(*store, id, name));
  LogInfo("libnetwork", "network {} is called {}", id.substr(0, 12), name);
  return Ok();
}

Status NetworkNames::Forget(const std::string& id) {
  const auto store = client_.WithDeadline(clock_.Now() + kStoreTimeout);
  const model::Key key = model::Key::Resource(model::Kind::kDockerNetworkName, id);
  auto deleted = store->Delete(model::ToPath(key), 0);
  if (deleted.has_value() || deleted.error().code() == ErrorCode::kNotFound) return Ok();
  return std::move(deleted).error();
}

void NetworkNames::Rename() {
  if (!options_.create_profiles) return;
  const auto store = client_.WithDeadline(clock_.Now() + kStoreTimeout);
  const Status renamed = RenameProfiles(*store, clock_, options_.node_name);
  if (!renamed.has_value()) LogWarning("libnetwork", "profiles not renamed: {}", renamed.error().message());
}

}  // namespace calico::libnetwork
