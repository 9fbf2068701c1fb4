// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/container_labels.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "apps/libnetwork/endpoints.h"
#include "base/log.h"
#include "model/validate/validate.h"

namespace calico::libnetwork {
namespace {

constexpr std::string_view kPrefix = "org.projectcalico.label.";
constexpr std::string_view kReserved = "projectcalico.org/";  // what the system says of an endpoint
constexpr Duration kStoreTimeout = std::chrono::seconds(5);

Status CheckLabel(const std::string& name, const std::string& value) {
  if (name.starts_with(kReserved)) return Error(ErrorCode::kInvalidArgument, "the name is reserved");
  model::GlobalNetworkSet bearer;  // labels have the same rules everywhere
  bearer.metadata.name = "label";
  bearer.metadata.labels[name] = value;
  return model::ValidateFields(bearer);
}

std::string Attribute(const DockerEvent& event, const char* name) {
  const auto found = event.attributes.find(name);
  return found == event.attributes.end() ? std::string() : found->second;
}

}  // namespace

std::map<std::string, std::string> EndpointLabels(const std::map<std::string, std::string>& container) {
  std::map<std::string, std::string> labels;
  for (const auto& [key, value] : container) {
    if (!key.starts_with(kPrefix)) continue;
    const std::string name = key.substr(kPrefix.size());
    const Status sound = CheckLabel(name, value);
    if (sound.has_value())
      labels[name] = value;
    else
      LogWarning("libnetwork", "container label {}={} is left out: {}", key, value, sound.error().message());
  }
  return labels;
}

ContainerLabels::ContainerLabels(datastore::Client& client, const Clock& clock, const Options& options)
    : client_(client), clock_(clock), options_(options) {}

Status ContainerLabels::OnDockerUp() {
  if (!options_.label_endpoints) return Ok();
  ASSIGN_OR_RETURN(const std::vector<DockerContainer> containers,
                   DockerApi(options_.docker_endpoint, options_.label_timeout).ListContainers());
  for (const DockerContainer& container : containers) RETURN_IF_ERROR(LabelAll(container));
  return Ok();
}

void ContainerLabels::OnDockerEvent(const DockerEvent& event) {
  if (!options_.label_endpoints) return;
  Status done;
  if (event.type == "network" && event.action == "connect" && Attribute(event, "type") == kDriverName)
    done = OnConnect(event.id, Attribute(event, "container"));
  else if (event.type == "container" && event.action == "start")
    done = OnStart(event.id);
  // A container that is gone already has no labels to give.
  if (!done.has_value() && done.error().code() != ErrorCode::kNotFound)
    LogWarning("libnetwork", "labels of container {}: {}",
               event.type == "network" ? Attribute(event, "container") : event.id, done.error().message());
}

// The container is being started, or has run for long: only the network knows the endpoint in both cases.
Status ContainerLabels::OnConnect(const std::string& network_id, const std::string& container_id) {
  const DockerApi docker(options_.docker_endpoint, options_.label_timeout);
  ASSIGN_OR_RETURN(const DockerContainer container, docker.FindContainer(container_id));
  const std::map<std::string, std::string> labels = EndpointLabels(container.labels);
  if (labels.empty()) return Ok();
  ASSIGN_OR_RETURN(const DockerNetwork network, docker.InspectNetwork(network_id));
  for (const auto& [endpoint, owner] : network.endpoints) {
    if (owner == container_id) RETURN_IF_ERROR(Label(endpoint, labels));
  }
  return Ok();
}

Status ContainerLabels::OnStart(const std::string& container_id) {
  ASSIGN_OR_RETURN(const DockerContainer container,
                   DockerApi(options_.docker_endpoint, options_.label_timeout).FindContainer(container_id));
  return LabelAll(container);
}

Status ContainerLabels::LabelAll(const DockerContainer& container) {
  const std::map<std::string, std::string> labels = EndpointLabels(container.labels);
  if (labels.empty()) return Ok();
  for (const auto& [network, endpoint] : container.endpoints) {
    if (!endpoint.endpoint_id.empty()) RETURN_IF_ERROR(Label(endpoint.endpoint_id, labels));
  }
  return Ok();
}

Status ContainerLabels::Label(const std::string& endpoint_id,
                              const std::map<std::string, std::string>& labels) {
  // There is none of another driver's network, nor of one that was disconnected meanwhile.
  const auto store = client_.WithDeadline(clock_.Now() + kStoreTimeout);
  return ChangeEndpoint(*store, clock_, options_.node_name, endpoint_id, [&](model::WorkloadEndpoint& it) {
    for (const auto& [name, value] : labels) it.metadata.labels[name] = value;
  });
}

}  // namespace calico::libnetwork
