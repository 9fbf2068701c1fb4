// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/removal_guard.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/libnetwork/network_users.h"
#include "base/log.h"
#include "base/text.h"
#include "model/codec/json.h"

namespace calico::libnetwork {
namespace {

using Json = nlohmann::json;
using model::Key;
using model::Kind;

HttpResponse Answer(const Json& json) {
  return {200, "application/json", json.dump(-1, ' ', false, Json::error_handler_t::replace)};
}

// The network in "DELETE /v1.45/networks/net1"; "" in all other requests.
std::string RemovedNetwork(const std::string& body) {
  const Json json = Json::parse(body, nullptr, false);
  if (!json.is_object() || json.value("RequestMethod", Json()) != "DELETE") return {};
  const Json uri = json.value("RequestUri", Json());
  if (!uri.is_string()) return {};
  std::string path = uri.get<std::string>();
  path = path.substr(0, path.find('?'));
  const std::vector<std::string> parts = Split(path, '/');
  const std::size_t count = parts.size();
  return count >= 3 && parts[count - 2] == "networks" ? parts.back() : std::string();
}

Result<std::optional<std::string>> Refusal(datastore::Client& client, const std::string& node,
                                           const std::string& asked) {
  ASSIGN_OR_RETURN(const NetworkRecords records, ReadNetworkRecords(client));
  std::optional<std::pair<std::string, model::DockerNetworkHost>> here;  // name, record
  std::map<std::string, std::map<std::string, std::string>> ids;         // name, host
  for (const auto& [name, hosts] : records) {
    for (const auto& [host, record] : hosts) {
      ids[name][host] = record.id;
      // By name, or by the first digits of the ID.
      if (host == node && !record.id.empty() && (name == asked || record.id.starts_with(asked)))
        here.emplace(name, record);
    }
  }
  if (!here) return std::optional<std::string>();
  const Key key = Key::Resource(Kind::kDockerNetwork, here->first);
  auto stored = client.Get(model::ToPath(key));
  if (!stored.has_value()) {
    if (stored.error().code() == ErrorCode::kNotFound) return std::optional<std::string>();
    return std::move(stored).error();
  }
  ASSIGN_OR_RETURN(const model::Object object, model::DecodeValue(key, stored->value));
  // An older one goes because it was removed elsewhere.
  if (std::get<model::DockerNetwork>(object).generation != here->second.generation)
    return std::optional<std::string>();
  ASSIGN_OR_RETURN(const std::vector<std::string> users,
                   OtherHostsUsing(client, here->first, ids[here->first], node));
  if (users.empty()) return std::optional<std::string>();
  return std::optional(fmt::format("network {} is still used by containers on {}: remove them first",
                                   here->first, Join(users, ", ")));
}

}  // namespace

HttpResponse GuardRemoval(datastore::Client& client, const Clock& clock, const Options& options,
                          const HttpRequest& request) {
  if (request.path == "/AuthZPlugin.AuthZReq") {
    const std::string network = RemovedNetwork(request.body);
    if (!network.empty()) {
      const auto store = client.WithDeadline(clock.Now() + options.call_deadline);
      const auto refusal = Refusal(*store, options.node_name, network);
      if (!refusal.has_value())
        LogWarning("libnetwork", "removal of network {} is not checked: {}", network,
                   refusal.error().message());
      else if (refusal->has_value())
        return Answer({{"Allow", false}, {"Msg", **refusal}});
    }
  }
  return AllowUnguarded(request);
}

HttpResponse AllowUnguarded(const HttpRequest& request) {
  if (request.path == "/Plugin.Activate") return Answer({{"Implements", Json::array({"authz"})}});
  return Answer({{"Allow", true}});
}

}  // namespace calico::libnetwork
