// SPDX-License-Identifier: Apache-2.0
#include "apps/node/settings.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <string_view>

#include <fmt/format.h>
#include <unistd.h>

#include "base/file.h"
#include "base/text.h"
#include "calc/felix_settings.h"
#include "model/codec/felix_v1.h"
#include "model/felix_parameters.h"

namespace calico::node {
namespace {

Status ReadPort(const Environment& environment, const std::string& name, std::optional<int>& into) {
  const auto text = environment.Get(name);
  if (!text) return Ok();
  int port = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), port);
  if (error != std::errc() || end != text->data() + text->size() || port < 0 || port > 65535) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}='{}' is not a port number", name, *text));
  }
  into = port;
  return Ok();
}

void ReadBool(const Environment& environment, const std::string& name, std::optional<bool>& into) {
  if (environment.Get(name)) into = environment.GetBool(name, false);
}

// Those that the struct has a member for are read by name.
bool HasMember(std::string_view field) {
  static constexpr std::string_view kMembers[] = {"interfacePrefix",
                                                  "defaultEndpointToHostAction",
                                                  "logSeverityScreen",
                                                  "healthHost",
                                                  "healthEnabled",
                                                  "healthPort",
                                                  "ipv6Support",
                                                  "prometheusMetricsHost",
                                                  "prometheusMetricsEnabled",
                                                  "prometheusMetricsPort",
                                                  "reportingInterval",
                                                  "claimBlocksAtStart"};
  return std::find(std::begin(kMembers), std::end(kMembers), field) != std::end(kMembers);
}

// FELIX_FAILSAFEINBOUNDHOSTPORTS=tcp:22,udp:68 and so on.
Status ReadOtherParameters(const Environment& environment, model::FelixConfiguration& overrides) {
  for (const model::FelixParameter& parameter : model::FelixParameters()) {
    if (HasMember(parameter.field)) continue;
    std::string name =
        fmt::format("FELIX_{}", parameter.v1_name.empty() ? parameter.field : parameter.v1_name);
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    const auto text = environment.Get(name);
    if (!text) continue;
    auto value = model::FelixValueFromV1(parameter, *text);
    if (!value.has_value()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}='{}': {}", name, *text, value.error().message()));
    }
    overrides.other_parameters[std::string(parameter.field)] = *std::move(value);
  }
  return Ok();
}

}  // namespace

Result<std::string> DetermineNodeName(const Environment& environment) {
  if (const auto name = environment.Get("NODENAME"); name && !Trim(*name).empty())
    return std::string(Trim(*name));
  const std::string file =
      environment.GetOr("CALICO_NODENAME_FILE", std::string(kLibDirectory) + "/nodename");
  if (const auto stored = ReadFile(file); stored.has_value() && !Trim(*stored).empty())
    return std::string(Trim(*stored));
  if (const auto name = environment.Get("HOSTNAME"); name && !Trim(*name).empty())
    return ToLower(Trim(*name));
  char host[256] = {};
  if (::gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
    return Error(ErrorCode::kInvalidArgument, "this host has no name: set NODENAME");
  }
  return ToLower(Trim(host));
}

Result<model::FelixConfiguration> FelixOverrides(const Environment& environment) {
  model::FelixConfiguration overrides;
  overrides.interface_prefix = environment.GetOr("FELIX_INTERFACEPREFIX", "");
  overrides.default_endpoint_to_host_action = environment.GetOr("FELIX_DEFAULTENDPOINTTOHOSTACTION", "");
  const std::string& action = overrides.default_endpoint_to_host_action;
  if (!action.empty() && !EqualsIgnoreCase(action, "Drop") && !EqualsIgnoreCase(action, "Return") &&
      !EqualsIgnoreCase(action, "Accept")) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("FELIX_DEFAULTENDPOINTTOHOSTACTION='{}': use Drop, Return or Accept", action));
  }
  overrides.log_severity_screen = environment.GetOr("FELIX_LOGSEVERITYSCREEN", "");
  overrides.health_host = environment.GetOr("FELIX_HEALTHHOST", "");
  overrides.prometheus_metrics_host = environment.GetOr("FELIX_PROMETHEUSMETRICSHOST", "");
  ReadBool(environment, "FELIX_HEALTHENABLED", overrides.health_enabled);
  ReadBool(environment, "FELIX_PROMETHEUSMETRICSENABLED", overrides.prometheus_metrics_enabled);
  ReadBool(environment, "FELIX_IPV6SUPPORT", overrides.ipv6_support);
  ReadBool(environment, "FELIX_CLAIMBLOCKSATSTART", overrides.claim_blocks_at_start);
  RETURN_IF_ERROR(ReadOtherParameters(environment, overrides));
  RETURN_IF_ERROR(ReadPort(environment, "FELIX_HEALTHPORT", overrides.health_port));
  RETURN_IF_ERROR(ReadPort(environment, "FELIX_PROMETHEUSMETRICSPORT", overrides.prometheus_metrics_port));
  return overrides;
}

Result<std::optional<net::Ip>> RouterIdOf(const Environment& environment, const std::string& node) {
  const std::string text = environment.GetOr("CALICO_ROUTER_ID", "");
  if (text.empty()) return std::optional<net::Ip>();
  if (text == "hash") {
    const std::string hash = Sha256Hex(node);
    std::string quad;
    for (std::size_t index = 0; index < 4; ++index) {
      int byte = std::stoi(hash.substr(index * 2, 2), nullptr, 16);
      if (index == 0 && byte > 223) byte -= 32;  // multicast and beyond are no identifiers
      quad += (index == 0 ? "" : ".") + std::to_string(byte);
    }
    return net::Ip::Parse(quad);
  }
  const auto ip = net::Ip::Parse(text);
  if (!ip || ip->family() != net::Family::kV4) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("CALICO_ROUTER_ID='{}' is no router ID: use hash or an IPv4 address", text));
  }
  return ip;
}

FelixSettings Merge(const std::vector<const model::FelixConfiguration*>& weakest_first) {
  FelixSettings settings;
  for (const model::FelixConfiguration* configuration : weakest_first) {
    if (configuration == nullptr) continue;
    ParseLogLevel(configuration->log_severity_screen, settings.log_level);
    settings.health_enabled = configuration->health_enabled.value_or(settings.health_enabled);
    if (!configuration->health_host.empty()) settings.health_host = configuration->health_host;
    settings.health_port = configuration->health_port.value_or(settings.health_port);
    settings.metrics_enabled = configuration->prometheus_metrics_enabled.value_or(settings.metrics_enabled);
    if (!configuration->prometheus_metrics_host.empty())
      settings.metrics_host = configuration->prometheus_metrics_host;
    settings.metrics_port = configuration->prometheus_metrics_port.value_or(settings.metrics_port);
    settings.ipv6 = configuration->ipv6_support.value_or(settings.ipv6);
    settings.claim_blocks_at_start =
        configuration->claim_blocks_at_start.value_or(settings.claim_blocks_at_start);
  }
  settings.wireguard_host_encryption =
      calc::FelixSettings(weakest_first).Bool("wireguardHostEncryptionEnabled");
  return settings;
}

Result<FelixSettings> ReadFelixSettings(datastore::Resources resources, const std::string& node,
                                        const model::FelixConfiguration& overrides) {
  std::vector<model::FelixConfiguration> stored;
  for (const std::string& name : {std::string("default"), "node." + node}) {
    auto one = resources.Get(model::Key::Resource(model::Kind::kFelixConfiguration, name));
    if (one.has_value()) {
      stored.push_back(std::get<model::FelixConfiguration>(one->object));
    } else if (one.error().code() != ErrorCode::kNotFound) {
      return std::move(one).error();
    }
  }
  std::vector<const model::FelixConfiguration*> all;
  for (const model::FelixConfiguration& one : stored) all.push_back(&one);
  all.push_back(&overrides);
  return Merge(all);
}

}  // namespace calico::node
