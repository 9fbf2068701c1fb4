// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/docker_api.h"

#include <cstdio>
#include <functional>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/libnetwork/json_members.h"
#include "base/http_client.h"

namespace calico::libnetwork {
namespace {

using Json = nlohmann::json;

std::map<std::string, std::string> Texts(const Json& object, const char* name) {
  std::map<std::string, std::string> texts;
  const Json* member = Member(object, name);
  if (member == nullptr || !member->is_object()) return texts;
  for (const auto& [key, value] : member->items()) {
    if (value.is_string()) texts[key] = value.get<std::string>();
  }
  return texts;
}

DockerNetwork NetworkOf(const Json& json) {
  DockerNetwork network;
  network.id = Text(json, "Id");
  network.name = Text(json, "Name");
  network.driver = Text(json, "Driver");
  network.scope = Text(json, "Scope");
  network.internal = Flag(json, "Internal");
  network.attachable = Flag(json, "Attachable");
  network.enable_ipv6 = Flag(json, "EnableIPv6");
  network.options = Texts(json, "Options");
  network.labels = Texts(json, "Labels");
  if (const Json* ipam = Member(json, "IPAM"); ipam != nullptr) {
    network.ipam_driver = Text(*ipam, "Driver");
    network.ipam_options = Texts(*ipam, "Options");
    if (const Json* pools = Member(*ipam, "Config"); pools != nullptr && pools->is_array()) {
      for (const Json& pool : *pools)
        network.pools.push_back({Text(pool, "Subnet"), Text(pool, "IPRange"), Text(pool, "Gateway")});
    }
  }
  if (const Json* containers = Member(json, "Containers"); containers != nullptr && containers->is_object()) {
    for (const auto& [id, endpoint] : containers->items())
      network.endpoints[Text(endpoint, "EndpointID")] = id;
  }
  return network;
}

Json ToJson(const DockerNetwork& network) {
  Json pools = Json::array();
  for (const DockerIpamPool& pool : network.pools) {
    Json entry = Json::object();
    if (!pool.subnet.empty()) entry["Subnet"] = pool.subnet;
    if (!pool.ip_range.empty()) entry["IPRange"] = pool.ip_range;
    if (!pool.gateway.empty()) entry["Gateway"] = pool.gateway;
    pools.push_back(entry);
  }
  return Json{
      {"Name", network.name},
      {"CheckDuplicate", true},
      {"Driver", network.driver},
      {"Internal", network.internal},
      {"Attachable", network.attachable},
      {"EnableIPv6", network.enable_ipv6},
      {"IPAM", {{"Driver", network.ipam_driver}, {"Options", network.ipam_options}, {"Config", pools}}},
      {"Options", network.options},
      {"Labels", network.labels}};
}

std::map<std::string, DockerEndpoint> EndpointsOf(const Json& json) {
  std::map<std::string, DockerEndpoint> endpoints;
  const Json* settings = Member(json, "NetworkSettings");
  const Json* networks = settings == nullptr ? nullptr : Member(*settings, "Networks");
  if (networks == nullptr || !networks->is_object()) return endpoints;
  for (const auto& [name, endpoint] : networks->items())
    endpoints[name] = {Text(endpoint, "NetworkID"), Text(endpoint, "EndpointID")};
  return endpoints;
}

std::string WithoutSlash(const std::string& name) {
  return name.starts_with('/') ? name.substr(1) : name;
}

// An entry of /containers/json.
DockerContainer ListedContainer(const Json& json) {
  DockerContainer container;
  container.id = Text(json, "Id");
  if (const Json* names = Member(json, "Names");
      names != nullptr && names->is_array() && !names->empty() && names->front().is_string())
    container.name = WithoutSlash(names->front().get<std::string>());
  const std::string state = Text(json, "State");
  container.running = state == "running" || state == "paused" || state == "restarting";
  container.labels = Texts(json, "Labels");
  container.endpoints = EndpointsOf(json);
  return container;
}

// /containers/ID/json.
DockerContainer InspectedContainer(const Json& json) {
  DockerContainer container;
  container.id = Text(json, "Id");
  container.name = WithoutSlash(Text(json, "Name"));
  if (const Json* state = Member(json, "State"); state != nullptr)
    container.running = Flag(*state, "Running");
  if (const Json* config = Member(json, "Config"); config != nullptr)
    container.labels = Texts(*config, "Labels");
  container.endpoints = EndpointsOf(json);
  return container;
}

// What dockerd says of a request that it did not carry out: {"message": "…"}.
Error ErrorOf(const HttpResponse& response) {
  const Json json = Json::parse(response.body, nullptr, false);
  std::string text = Text(json, "message");
  if (text.empty()) text = fmt::format("Docker answered status {}", response.status);
  switch (response.status) {
    case 400:
      return Error(ErrorCode::kInvalidArgument, std::move(text));
    case 403:  // "network … has active endpoints"
    case 409:
      return Error(ErrorCode::kConflict, std::move(text));
    case 404:
      return Error(ErrorCode::kNotFound, std::move(text));
    default:
      return Error(ErrorCode::kUnavailable, std::move(text));
  }
}

struct Question {
  const std::string& endpoint;
  Duration timeout;
  const char* method = "GET";
  std::string target;
  std::string body;
};

Result<Json> Ask(const Question& question) {
  ASSIGN_OR_RETURN(const HttpResponse response, HttpCall(question.endpoint, question.method, question.target,
                                                         question.body, question.timeout));
  if (response.status < 200 || response.status > 299) return ErrorOf(response);
  if (response.body.empty()) return Json();
  Json json = Json::parse(response.body, nullptr, false);
  if (json.is_discarded())
    return Error(ErrorCode::kUnavailable, "Docker's answer to " + question.target + " is not JSON");
  return json;
}

}  // namespace

DockerApi::DockerApi(std::string endpoint, Duration timeout)
    : endpoint_(std::move(endpoint)), timeout_(timeout) {}

Result<bool> DockerApi::HasClusterStore() const {
  // Docker 23, which speaks 1.42, has no such option any more. Older ones are asked in full, which may take
  // locks that a plugin's activation holds.
  ASSIGN_OR_RETURN(const Json version, Ask({endpoint_, timeout_, "GET", "/version", ""}));
  int major = 0, minor = 0;
  if (std::sscanf(Text(version, "ApiVersion").c_str(), "%d.%d", &major, &minor) == 2 &&
      (major > 1 || minor >= 42)) {
    return false;
  }
  ASSIGN_OR_RETURN(const Json info, Ask({endpoint_, timeout_, "GET", "/info", ""}));
  return !Text(info, "ClusterStore").empty();
}

Result<std::vector<DockerNetwork>> DockerApi::ListNetworks() const {
  ASSIGN_OR_RETURN(const Json json, Ask({endpoint_, timeout_, "GET", "/networks", ""}));
  if (!json.is_array())
    return Error(ErrorCode::kUnavailable, "Docker's list of networks is not a JSON array");
  std::vector<DockerNetwork> networks;
  for (const Json& entry : json) networks.push_back(NetworkOf(entry));
  return networks;
}

Result<DockerNetwork> DockerApi::InspectNetwork(const std::string& id_or_name) const {
  ASSIGN_OR_RETURN(const Json json, Ask({endpoint_, timeout_, "GET", "/networks/" + id_or_name, ""}));
  DockerNetwork network = NetworkOf(json);
  if (network.id.empty() || network.name.empty())
    return Error(ErrorCode::kUnavailable, "Docker's answer does not describe network " + id_or_name);
  return network;
}

Result<std::string> DockerApi::CreateNetwork(const DockerNetwork& network) const {
  ASSIGN_OR_RETURN(const Json json,
                   Ask({endpoint_, timeout_, "POST", "/networks/create", ToJson(network).dump()}));
  return Text(json, "Id");
}

Status DockerApi::RemoveNetwork(const std::string& id) const {
  ASSIGN_OR_RETURN([[maybe_unused]] const Json json,
                   Ask({endpoint_, timeout_, "DELETE", "/networks/" + id, ""}));
  return Ok();
}

Result<std::vector<DockerContainer>> DockerApi::ListContainers() const {
  ASSIGN_OR_RETURN(const Json json, Ask({endpoint_, timeout_, "GET", "/containers/json?all=1", ""}));
  if (!json.is_array())
    return Error(ErrorCode::kUnavailable, "Docker's list of containers is not a JSON array");
  std::vector<DockerContainer> containers;
  for (const Json& entry : json) containers.push_back(ListedContainer(entry));
  return containers;
}

Result<DockerContainer> DockerApi::FindContainer(const std::string& id) const {
  // {"id":["…"]}: a prefix of the ID.
  ASSIGN_OR_RETURN(
      const Json json,
      Ask({endpoint_, timeout_, "GET",
           fmt::format("/containers/json?all=1&filters=%7B%22id%22%3A%5B%22{}%22%5D%7D", id), ""}));
  if (json.is_array()) {
    for (const Json& entry : json) {
      if (Text(entry, "Id") == id) return ListedContainer(entry);
    }
  }
  return Error(ErrorCode::kNotFound, "no such container: " + id);
}

Result<DockerContainer> DockerApi::InspectContainer(const std::string& id) const {
  ASSIGN_OR_RETURN(const Json json, Ask({endpoint_, timeout_, "GET", "/containers/" + id + "/json", ""}));
  return InspectedContainer(json);
}

std::optional<DockerEvent> ParseDockerEvent(const std::string& line) {
  const Json json = Json::parse(line, nullptr, false);
  const Json* actor = Member(json, "Actor");
  if (actor == nullptr) return std::nullopt;
  DockerEvent event{Text(json, "Type"), Text(json, "Action"), Text(*actor, "ID"),
                    Texts(*actor, "Attributes")};
  if (event.type.empty() || event.action.empty() || event.id.empty()) return std::nullopt;
  return event;
}

}  // namespace calico::libnetwork
