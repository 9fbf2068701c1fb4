// SPDX-License-Identifier: Apache-2.0
#include "apps/libnetwork/protocol.h"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/libnetwork/json_members.h"

namespace calico::libnetwork {
namespace {

using Json = nlohmann::ordered_json;  // answers keep the order of the documented ones

Result<Json> ParseObject(const std::string& body) {
  Json parsed = Json::parse(body, nullptr, false);
  if (parsed.is_discarded() || !parsed.is_object()) {
    return Error(ErrorCode::kInvalidArgument, "the request body is not a JSON object");
  }
  return parsed;
}

std::string Printed(const Json& value) {
  return value.is_string() ? value.get<std::string>() : value.dump();
}

std::vector<IpamData> IpamDataOf(const Json& request, const char* name) {
  std::vector<IpamData> list;
  const Json* member = Member(request, name);
  if (member == nullptr || !member->is_array()) return list;
  for (const Json& entry : *member) {
    list.push_back({Text(entry, "AddressSpace"), Text(entry, "Gateway"), Text(entry, "Pool"), {}});
    const Json* auxiliary = Member(entry, "AuxAddresses");
    if (auxiliary == nullptr || !auxiliary->is_object()) continue;
    for (const auto& [host, address] : auxiliary->items()) {
      if (address.is_string()) list.back().auxiliary.push_back(address.get<std::string>());
    }
  }
  return list;
}

// Docker's IDs are 64 hex digits. They become parts of keys and device names, so nothing else passes.
Status CheckId(const std::string& id, const char* name) {
  const bool good =
      !id.empty() && std::all_of(id.begin(), id.end(), [](unsigned char c) { return std::isalnum(c) != 0; });
  if (good) return Ok();
  return Error(ErrorCode::kInvalidArgument, fmt::format("{} '{}' is not an ID", name, id));
}

}  // namespace

Result<PoolRequest> ParsePoolRequest(const std::string& body) {
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  const Json* options = Member(json, "Options");
  return PoolRequest{Text(json, "Pool"), Text(json, "SubPool"),
                     options != nullptr && options->is_object() && !options->empty(), Flag(json, "V6")};
}

Result<AddressRequest> ParseAddressRequest(const std::string& body) {
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  AddressRequest request{Text(json, "PoolID"), Text(json, "Address"), {}};
  const Json* options = Member(json, "Options");
  if (options != nullptr && options->is_object()) {
    for (const auto& [name, value] : options->items()) request.options[name] = Printed(value);
  }
  return request;
}

Result<NetworkRequest> ParseNetworkRequest(const std::string& body) {
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  NetworkRequest request;
  request.network_id = Text(json, "NetworkID");
  request.v4 = IpamDataOf(json, "IPv4Data");
  request.v6 = IpamDataOf(json, "IPv6Data");
  const Json* options = Member(json, "Options");
  if (options == nullptr || !options->is_object()) return request;
  for (const auto& [name, value] : options->items()) {
    if (name == "com.docker.network.enable_ipv6" || value.is_null()) continue;
    if (value.is_boolean() && !value.get<bool>()) continue;
    if (!value.is_object()) {
      request.unsupported_flags.push_back(fmt::format("{} ({})", name, Printed(value)));
      continue;
    }
    std::map<std::string, std::string> flags;  // `-o a=b`, in order of their names
    for (const auto& [flag, flag_value] : value.items()) flags[flag] = Printed(flag_value);
    std::string text;
    for (const auto& [flag, flag_value] : flags) {
      text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", flag, flag_value);
    }
    if (flags.empty()) continue;
    if (request.unsupported_flags.empty()) request.several_flags = flags.size() > 1;
    request.unsupported_flags.push_back(text);
  }
  return request;
}

Result<EndpointRequest> ParseEndpointRequest(const std::string& body) {
  ASSIGN_OR_RETURN(const Json json, ParseObject(body));
  EndpointRequest request;
  request.network_id = Text(json, "NetworkID");
  request.endpoint_id = Text(json, "EndpointID");
  RETURN_IF_ERROR(CheckId(request.network_id, "NetworkID"));
  RETURN_IF_ERROR(CheckId(request.endpoint_id, "EndpointID"));
  request.sandbox_key = Text(json, "SandboxKey");
  const Json* interface = Member(json, "Interface");
  if (interface != nullptr) {
    request.address = Text(*interface, "Address");
    request.address_v6 = Text(*interface, "AddressIPv6");
    request.mac = Text(*interface, "MacAddress");
  }
  return request;
}

std::string ErrorJson(const std::string& text) {
  // Error texts may quote bytes that are no UTF-8: replace them, never throw.
  return Json{{"Err", text}}.dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::string ImplementsJson(const std::string& interface) {
  return Json{{"Implements", Json::array({interface})}}.dump();
}

std::string PoolJson(const std::string& pool_id, const std::string& pool, const std::string& gateway) {
  return Json{{"PoolID", pool_id}, {"Pool", pool}, {"Data", {{"com.docker.network.gateway", gateway}}}}
      .dump();
}

std::string AddressJson(const std::string& cidr) {
  return Json{{"Address", cidr}, {"Data", Json::object()}}.dump();
}

std::string EndpointJson(const std::string& mac) {
  return Json{{"Interface", {{"MacAddress", mac}}}}.dump();
}

std::string JoinJson(const JoinAnswer& answer) {
  Json routes = Json::array();
  for (const StaticRoute& route : answer.routes) {
    routes.push_back(Json{{"Destination", route.destination}, {"RouteType", 1}, {"NextHop", ""}});
  }
  return Json{{"InterfaceName", {{"SrcName", answer.source_name}, {"DstPrefix", answer.destination_prefix}}},
              {"Gateway", answer.gateway},
              {"GatewayIPv6", answer.gateway_v6},
              {"StaticRoutes", routes},
              {"DisableGatewayService", answer.disable_gateway_service}}
      .dump();
}

}  // namespace calico::libnetwork
