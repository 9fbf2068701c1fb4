// SPDX-License-Identifier: Apache-2.0
#include "apps/node/felix_overrides.h"

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/felix_v1.h"
#include "model/felix_parameters.h"

namespace calico::node {
namespace {

using model::FelixParameter;
using Type = model::FelixParameterType;

// Parameters of model/felix_parameters.h that calc and the agent ask for, in its order.
constexpr std::string_view kInEffect[] = {"ipv6Support",
                                          "interfacePrefix",
                                          "defaultEndpointToHostAction",
                                          "iptablesFilterDenyAction",
                                          "logPrefix",
                                          "logSeverityScreen",
                                          "ipipEnabled",
                                          "ipipMTU",
                                          "vxlanEnabled",
                                          "vxlanMTU",
                                          "vxlanMTUV6",
                                          "vxlanPort",
                                          "vxlanVNI",
                                          "allowVXLANPacketsFromWorkloads",
                                          "allowIPIPPacketsFromWorkloads",
                                          "disableConntrackInvalidCheck",
                                          "healthEnabled",
                                          "healthHost",
                                          "healthPort",
                                          "prometheusMetricsEnabled",
                                          "prometheusMetricsHost",
                                          "prometheusMetricsPort",
                                          "failsafeInboundHostPorts",
                                          "failsafeOutboundHostPorts",
                                          "natPortRange",
                                          "natOutgoingAddress",
                                          "natOutgoingExclusions",
                                          "programClusterRoutes",
                                          "ipForwarding",
                                          "externalNodesList",
                                          "iptablesNATOutgoingInterfaceFilter",
                                          "nftablesFilterDenyAction",
                                          "routeTableRanges",
                                          "routeTableRange",
                                          "wireguardEnabled",
                                          "wireguardEnabledV6",
                                          "wireguardListeningPort",
                                          "wireguardListeningPortV6",
                                          "wireguardRoutingRulePriority",
                                          "wireguardInterfaceName",
                                          "wireguardInterfaceNameV6",
                                          "wireguardMTU",
                                          "wireguardMTUV6",
                                          "wireguardHostEncryptionEnabled",
                                          "wireguardKeepAlive",
                                          "serviceLoopPrevention",
                                          "workloadSourceSpoofing",
                                          "mtuIfacePattern",
                                          "floatingIPs",
                                          "claimBlocksAtStart",
                                          "foreignFirewall",
                                          "establishedConnections"};

// Read by Felix from its environment only (reference felix 4.4), and why not here.
constexpr struct {
  std::string_view name;  // behind FELIX_; a * stands for any end
  std::string_view reason;
} kNotHere[] = {
    {"TYPHA*", "there is no Typha here, each agent watches the store itself"},
    {"DATASTORETYPE", "the store is named by DATASTORE_TYPE"},
    {"ETCDADDR", "the store is named by ETCD_ENDPOINTS"},
    {"ETCDSCHEME", "the store is named by ETCD_ENDPOINTS"},
    {"ETCDENDPOINTS", "the store is named by ETCD_ENDPOINTS"},
    {"ETCDCAFILE", "the file is named by ETCD_CA_CERT_FILE"},
    {"ETCDCERTFILE", "the file is named by ETCD_CERT_FILE"},
    {"ETCDKEYFILE", "the file is named by ETCD_KEY_FILE"},
    {"FELIXHOSTNAME", "the node's name comes from NODENAME"},
    {"DEBUG*", "it is for tests of Felix"},
    {"IGNORELOOSERPF", "nothing here depends on rp_filter"},
    {"IPTABLESLOCKFILEPATH", "there is no lock of iptables to take, rules are in nf_tables"},
    {"IPTABLESLOCKTIMEOUTSECS", "there is no lock of iptables to take, rules are in nf_tables"},
    {"IPTABLESALLOWACTION", "accepted packets go on to the host's own firewall"},
    {"STARTUPCLEANUPDELAY", "there is nothing to wait for"},
};

bool HasEffect(const FelixParameter& parameter) {
  return std::find(std::begin(kInEffect), std::end(kInEffect), parameter.field) != std::end(kInEffect);
}

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::string VariableOf(const FelixParameter& parameter) {
  return "FELIX_" + Upper(std::string(parameter.v1_name.empty() ? parameter.field : parameter.v1_name));
}

// In capitals, as all names are compared. Empty values are as if unset.
std::map<std::string, std::string> FelixVariables(const Environment& environment) {
  std::map<std::string, std::string> variables;
  for (const auto& [name, value] : environment.all()) {
    if (std::string upper = Upper(name); upper.starts_with("FELIX_") && !value.empty())
      variables.emplace(std::move(upper), value);
  }
  return variables;
}

std::vector<std::string> Words(const FelixParameter& parameter) {
  std::string_view words = parameter.accepted;
  if (parameter.type != Type::kString || words.empty()) return {};
  if (words.starts_with("(?i)")) words.remove_prefix(4);
  return Split(words, ',');
}

// What a wrong value's message says.
std::string Allowed(const FelixParameter& parameter) {
  if (const auto words = Words(parameter); !words.empty()) return "use one of " + Join(words, ", ");
  switch (parameter.type) {
    case Type::kBool:
      return "use true or false";
    case Type::kDuration:
      return parameter.v1_name.ends_with("Millis") ? "use a number of milliseconds"
                                                   : "use a number of seconds";
    case Type::kInt:
    case Type::kUint32:
      if (const std::size_t colon = parameter.accepted.find(':'); colon != std::string_view::npos)
        return fmt::format("use a number from {} to {}", parameter.accepted.substr(0, colon),
                           parameter.accepted.substr(colon + 1));
      return "use a number";
    case Type::kPort:
      return "use a port or a range such as 1024:65535";
    case Type::kProtoPortList:
      return "use a list such as tcp:22,udp:68, or none";
    case Type::kStringList:
      return "use a list such as 10.0.0.1,10.1.0.0/16";
    case Type::kRouteTableRange:
    case Type::kRouteTableRanges:
      return "use numbers such as 1-250";
    default:
      return "use a text that is not empty";
  }
}

// "None" (any case) is nothing of its kind; nullopt where there must be something.
std::optional<std::string> Nothing(const FelixParameter& parameter) {
  if (parameter.field == "interfacePrefix" || parameter.field.starts_with("wireguardInterfaceName") ||
      !Words(parameter).empty())
    return std::nullopt;
  switch (parameter.type) {
    case Type::kBool:
      return "false";
    case Type::kInt:
    case Type::kUint32:
      return "0";
    case Type::kDuration:
      return "\"0s\"";
    case Type::kString:
    case Type::kPort:
      return "\"\"";
    case Type::kProtoPortList:
    case Type::kStringList:
    case Type::kRouteTableRanges:
      return "[]";
    default:
      return std::nullopt;
  }
}

bool InRange(const FelixParameter& parameter, const std::string& json_number) {
  const std::size_t colon = parameter.accepted.find(':');
  if (parameter.type != Type::kInt || colon == std::string_view::npos) return true;
  const auto number = [](std::string_view text, long long otherwise) {
    long long value = otherwise;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  };
  const long long value = number(json_number, 0);
  return value >= number(parameter.accepted.substr(0, colon), value) &&
         value <= number(parameter.accepted.substr(colon + 1), value);
}

// The JSON text that FelixConfiguration would have.
std::optional<std::string> JsonOf(const FelixParameter& parameter, std::string text) {
  if (EqualsIgnoreCase(text, "none")) return Nothing(parameter);
  if (parameter.type == Type::kBool) {
    const std::string word = ToLower(text);
    const auto is = [&](std::initializer_list<std::string_view> words) {
      return std::find(words.begin(), words.end(), word) != words.end();
    };
    if (is({"true", "1", "yes", "y", "t"})) return "true";
    if (is({"false", "0", "no", "n", "f"})) return "false";
    return std::nullopt;
  }
  if (const auto words = Words(parameter); !words.empty()) {
    const auto known = [&](const std::string& word) { return EqualsIgnoreCase(word, text); };
    if (std::none_of(words.begin(), words.end(), known)) return std::nullopt;
  }
  auto value = model::FelixValueFromV1(parameter, text);
  if (!value.has_value() || !InRange(parameter, *value)) return std::nullopt;
  return *std::move(value);
}

std::string Unquoted(const std::string& json_text) {
  return json_text.size() >= 2 && json_text.front() == '"' ? json_text.substr(1, json_text.size() - 2)
                                                           : json_text;
}

// Those that the struct has a member for; all others are kept as JSON.
void Store(const FelixParameter& parameter, const std::string& json_text,
           model::FelixConfiguration& overrides) {
  const std::string text = Unquoted(json_text);
  const bool truth = text == "true";
  const auto port = [&] { return std::stoi(text); };
  const std::string_view field = parameter.field;
  if (field == "interfacePrefix")
    overrides.interface_prefix = text;
  else if (field == "defaultEndpointToHostAction")
    overrides.default_endpoint_to_host_action = text;
  else if (field == "logSeverityScreen")
    overrides.log_severity_screen = text;
  else if (field == "healthEnabled")
    overrides.health_enabled = truth;
  else if (field == "healthHost")
    overrides.health_host = text;
  else if (field == "healthPort")
    overrides.health_port = port();
  else if (field == "prometheusMetricsEnabled")
    overrides.prometheus_metrics_enabled = truth;
  else if (field == "prometheusMetricsHost")
    overrides.prometheus_metrics_host = text;
  else if (field == "prometheusMetricsPort")
    overrides.prometheus_metrics_port = port();
  else if (field == "ipv6Support")
    overrides.ipv6_support = truth;
  else if (field == "claimBlocksAtStart")
    overrides.claim_blocks_at_start = truth;
  else
    overrides.other_parameters[std::string(field)] = json_text;
}

bool Matches(std::string_view pattern, std::string_view name) {
  return pattern.ends_with('*') ? name.starts_with(pattern.substr(0, pattern.size() - 1)) : name == pattern;
}

std::string WhyWithoutEffect(const std::string& variable) {
  std::vector<std::string> known;
  for (const FelixParameter& parameter : model::FelixParameters()) {
    known.push_back(VariableOf(parameter));
    if (known.back() == variable) return variable + " has no effect: nothing here needs this setting";
  }
  for (const auto& [pattern, reason] : kNotHere) {
    if (Matches(pattern, std::string_view(variable).substr(6)))
      return fmt::format("{} has no effect: {}", variable, reason);
  }
  const auto meant = Closest(variable, known);
  return fmt::format("{} is no parameter of Felix{}", variable,
                     meant ? ", did you mean " + *meant + "?" : std::string());
}

}  // namespace

Result<model::FelixConfiguration> FelixOverrides(const Environment& environment) {
  const auto variables = FelixVariables(environment);
  model::FelixConfiguration overrides;
  for (const FelixParameter& parameter : model::FelixParameters()) {
    const auto set = variables.find(VariableOf(parameter));
    if (set == variables.end() || !HasEffect(parameter)) continue;
    const auto value = JsonOf(parameter, std::string(Trim(set->second)));
    if (!value) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("{}='{}': {}", set->first, set->second, Allowed(parameter)));
    }
    Store(parameter, *value, overrides);
  }
  return overrides;
}

std::vector<std::string> FelixVariablesWithoutEffect(const Environment& environment) {
  std::vector<std::string> sentences;
  for (const auto& [name, value] : FelixVariables(environment)) {
    bool harmless = false;
    for (const FelixParameter& parameter : model::FelixParameters()) {
      if (VariableOf(parameter) != name) continue;
      harmless = HasEffect(parameter) || EqualsIgnoreCase(value, parameter.default_value);
      break;
    }
    if (!harmless) sentences.push_back(WhyWithoutEffect(name));
  }
  return sentences;
}

}  // namespace calico::node
