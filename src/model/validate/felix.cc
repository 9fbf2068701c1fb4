// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.2, C.5, part E: parameters of Felix.
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/felix_values.h"
#include "model/validate/names.h"

namespace calico::model::validate {

using FelixJson = nlohmann::ordered_json;

namespace {

std::string TextOf(const FelixJson& value) {
  return value.is_string() ? value.get<std::string>()
                           : value.dump(-1, ' ', false, FelixJson::error_handler_t::replace);
}
FelixJson Parsed(const std::string& json_text) {
  return FelixJson::parse(json_text, nullptr, /*allow_exceptions=*/false);
}

}  // namespace

std::map<std::string, std::string> FelixValues(const FelixConfiguration& configuration) {
  std::map<std::string, std::string> values;
  const auto add = [&](const char* field, const FelixJson& value) {
    values[field] = value.dump(-1, ' ', false, FelixJson::error_handler_t::replace);
  };
  const auto text = [&](const char* field, const std::string& value) {
    if (!value.empty()) add(field, value);
  };
  const auto optional = [&](const char* field, const auto& value) {
    if (value) add(field, *value);
  };
  text("logSeverityScreen", configuration.log_severity_screen);
  text("interfacePrefix", configuration.interface_prefix);
  text("defaultEndpointToHostAction", configuration.default_endpoint_to_host_action);
  optional("healthEnabled", configuration.health_enabled);
  text("healthHost", configuration.health_host);
  optional("healthPort", configuration.health_port);
  optional("prometheusMetricsEnabled", configuration.prometheus_metrics_enabled);
  text("prometheusMetricsHost", configuration.prometheus_metrics_host);
  optional("prometheusMetricsPort", configuration.prometheus_metrics_port);
  optional("ipv6Support", configuration.ipv6_support);
  text("reportingInterval", configuration.reporting_interval);
  for (const auto& [field, json] : configuration.other_parameters) {
    if (json != "null") values[field] = json;
  }
  return values;
}

std::string FelixText(const std::string& json_text) {
  return TextOf(Parsed(json_text));
}

std::string FelixFieldName(std::string_view field) {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kInitials{{{"ipv4", "IPv4"},
                                                                                    {"ipv6", "IPv6"},
                                                                                    {"ipip", "IPIP"},
                                                                                    {"bpf", "BPF"},
                                                                                    {"vxlan", "VXLAN"},
                                                                                    {"xdp", "XDP"},
                                                                                    {"nat", "NAT"},
                                                                                    {"aws", "AWS"},
                                                                                    {"mtu", "MTU"}}};
  for (const auto& [lower, initials] : kInitials) {
    if (field.starts_with(lower)) return std::string(initials) + std::string(field.substr(lower.size()));
  }
  if (field == "ipForwarding") return "IPForwarding";
  std::string name(field);
  if (!name.empty() && name[0] >= 'a' && name[0] <= 'z') name[0] = static_cast<char>(name[0] - 'a' + 'A');
  return name;
}

namespace {

// The named check of C.2 that a text parameter has.
void CheckText(std::string_view field, std::string_view name, std::string_view value, Problems& problems) {
  const auto ends = [&](std::string_view tail) { return field.ends_with(tail); };
  if (field.starts_with("logSeverity"))
    return problems.OneOf(name, value, {"Trace", "Debug", "Info", "Warning", "Error", "Fatal"}, "logLevel");
  if (field == "bpfLogLevel") return problems.OneOf(name, value, {"Debug", "Info", "Off"}, "bpfLogLevel");
  if (field == "bpfExternalServiceMode")
    return problems.OneOf(name, value, {"Tunnel", "DSR"}, "bpfServiceMode");
  if (field == "bpfConnectTimeLoadBalancing")
    return problems.OneOf(name, value, {"Disabled", "Enabled", "TCP"}, "bpfConnectTimeLoadBalancing");
  if (field == "bpfHostNetworkedNATWithoutCTLB")
    return problems.OneOf(name, value, {"Disabled", "Enabled"}, "bpfHostNetworkedNATWithoutCTLB");
  if (field == "defaultEndpointToHostAction")
    return problems.OneOf(name, value, {"Drop", "Accept", "Return"}, "dropAcceptReturn");
  if (ends("FilterAllowAction") || ends("MangleAllowAction"))
    return problems.OneOf(name, value, {"Accept", "Return"}, "acceptReturn");
  if (ends("FilterDenyAction")) return problems.OneOf(name, value, {"Drop", "Reject"}, "dropReject");
  if (field == "iptablesBackend")
    return problems.OneOf(name, value, {"Auto", "NFT", "Legacy"}, "iptablesBackend");
  if (field == "iptablesNATOutgoingInterfaceFilter")
    return problems.Match(name, value, IsInterfaceFilter, "ifaceFilter");
  if (field == "prometheusMetricsHost")
    return problems.Match(name, value, IsPrometheusHost, "prometheusHost");
  if (field.starts_with("wireguardInterfaceName"))
    return problems.Match(name, value, IsInterface, "interface");
  if (ends("IfacePattern") || field == "logDebugFilenameRegex")
    return problems.Match(name, value, IsRegularExpression, "regexp");
  if (field == "featureDetectOverride" || field == "featureGates")
    return problems.Match(name, value, IsKeyValueList, "keyValueList");
  if (field == "natOutgoingAddress" || field == "deviceRouteSourceAddress")
    return CheckIp(name, value, net::Family::kV4, problems);
  if (field == "deviceRouteSourceAddressIPv6") return CheckIp(name, value, net::Family::kV6, problems);
  if (field == "nodeSelector") return problems.SelectorText(name, value);
  if (field == "openstackRegion" && !value.empty()) {
    constexpr std::size_t kLongestRegion = 46;  // it becomes part of a name in the store
    if (value.size() > kLongestRegion) problems.Add(name, value, "is too long");
    if (!IsNameLabel(value)) problems.Add(name, value, "must be a valid DNS label");
  }
}

void CheckTextList(std::string_view field, std::string_view name, const FelixJson& list, Problems& problems) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string text = TextOf(list[i]);
    const auto cidr = net::Cidr::Parse(text);
    if (field == "bpfDSROptoutCIDRs" || field == "bpfExcludeCIDRsFromNAT") {
      if (!cidr) problems.Tag(Element(name, i), text, "cidrs");
    } else if (field == "externalNodesList") {
      if (!cidr)
        problems.Add(name, text, "has invalid CIDR(s)");
      else if (cidr->family() == net::Family::kV6)
        problems.Add(name, text, "has invalid IPv6 CIDR");
    } else if (field == "bpfForceTrackPacketsFromIfaces") {
      if (!IsInterfaceFilter(text)) problems.Tag(Element(name, i), text, "ifaceFilter");
    }
  }
}

// 80 or "8000:8080"; the codec has refused what is neither and no name.
std::optional<std::pair<int, int>> NumericPort(const FelixJson& json) {
  if (json.is_number_integer()) return std::pair{json.get<int>(), json.get<int>()};
  const std::string text = TextOf(json);
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) return std::nullopt;
  int low = 0, high = 0;
  std::from_chars(text.data(), text.data() + colon, low);
  std::from_chars(text.data() + colon + 1, text.data() + text.size(), high);
  return std::pair{low, high};
}

void CheckPort(std::string_view name, const FelixJson& json, Problems& problems) {
  const auto port = NumericPort(json);
  if (!port)
    problems.Add(name, TextOf(json), "must be a port number or a range of them, not a name");
  else if (port->first < 1 || port->second > 65535)
    problems.Add(name, TextOf(json), "port range invalid, port number must be between 1 and 65535");
}

void CheckPortList(std::string_view name, const FelixJson& list, Problems& problems) {
  constexpr std::size_t kMostRanges = 7;  // one multiport match of iptables
  if (list.size() > kMostRanges) problems.Add(name, "", "node port ranges list is too long (max 7)");
  for (const FelixJson& port : list) CheckPort(name, port, problems);
}

void CheckFailsafePorts(std::string_view name, const FelixJson& list, Problems& problems) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string field = Element(name, i);
    const std::string protocol = list[i].value("protocol", "");
    if (protocol != "TCP" && protocol != "UDP" && protocol != "SCTP")
      problems.Add(field + ".Protocol", protocol, "protocol must be 'TCP' or 'UDP' or 'SCTP'.");
    const int port = list[i].value("port", 0);
    if (port < 1 || port > 65535)
      problems.Add(field + ".Port", std::to_string(port),
                   "port range invalid, port number must be between 1 and 65535");
    problems.Match(field + ".Net", list[i].value("net", ""), IsNet, "net");
  }
}

using Table = std::uint64_t;

void CheckRouteTableRange(const FelixJson& range, Problems& problems) {
  constexpr Table kLastTable = 250;
  const Table low = range.value("min", Table{0}), high = range.value("max", Table{0});
  if (low < 1 || low > high || high > kLastTable) {
    problems.Add("RouteTableRange", fmt::format("{}-{}", low, high),
                 "must be a range of route table indices within 1..250");
  }
}

void CheckRouteTableRanges(const FelixJson& ranges, Problems& problems) {
  constexpr Table kLastTable = 4294967295, kMostTables = 65535;
  Table total = 0;
  for (const FelixJson& range : ranges) {
    const Table low = range.value("min", Table{0}), high = range.value("max", Table{0});
    if (low < 1 || low > high || high > kLastTable) {
      problems.Add("RouteTableRanges", fmt::format("{}-{}", low, high),
                   "must be a range of route table indices within 1..4294967295");
    } else {
      total += high - low + 1;
    }
  }
  if (total > kMostTables) problems.Add("RouteTableRanges", std::to_string(total), "targets too many tables");
}

void CheckHealthTimeouts(std::string_view name, const FelixJson& list, Problems& problems) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    const std::string field = Element(name, i), who = list[i].value("name", "");
    constexpr char kAllowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ -";
    if (who.empty() || who.find_first_not_of(kAllowed) != std::string::npos)
      problems.Add(field + ".Name", who, "name must match ^[a-zA-Z0-9_ -]+$");
    const std::string timeout = list[i].value("timeout", "");
    if (ParseGoDuration(timeout).value_or(0) < 0)
      problems.Add(field + ".Timeout", timeout, "timeout must not be negative");
  }
}

// "0:65535"; either end may be absent.
void CheckBounds(std::string_view name, std::int64_t value, std::string_view accepted, Problems& problems) {
  const std::size_t colon = accepted.find(':');
  if (colon == std::string_view::npos) return;
  const auto bound = [](std::string_view digits, std::int64_t absent) {
    std::from_chars(digits.data(), digits.data() + digits.size(), absent);
    return absent;
  };
  problems.Range(name, value, bound(accepted.substr(0, colon), INT64_MIN),
                 bound(accepted.substr(colon + 1), INT64_MAX));
}

void CheckParameter(const FelixParameter& parameter, const FelixJson& value, Problems& problems) {
  using Type = FelixParameterType;
  const std::string name = FelixFieldName(parameter.field);
  switch (parameter.type) {
    case Type::kInt:
    case Type::kUint32:
      if (value.is_number_integer())
        CheckBounds(name, value.get<std::int64_t>(), parameter.accepted, problems);
      return;
    case Type::kString:
      return CheckText(parameter.field, name, TextOf(value), problems);
    case Type::kStringList:
      return CheckTextList(parameter.field, name, value, problems);
    case Type::kDscp:
      return problems.Match(name, TextOf(value), IsDscp, "dscp");
    case Type::kPort:
      return CheckPort(name, value, problems);
    case Type::kPortList:
      return CheckPortList(name, value, problems);
    case Type::kProtoPortList:
      return CheckFailsafePorts(name, value, problems);
    case Type::kRouteTableRange:
      return CheckRouteTableRange(value, problems);
    case Type::kRouteTableRanges:
      return CheckRouteTableRanges(value, problems);
    case Type::kHealthTimeouts:
      return CheckHealthTimeouts(name, value, problems);
    case Type::kBool:
    case Type::kDuration:
    case Type::kStringMap:
      return;  // the codec has checked the form, there is no other rule
  }
}

}  // namespace

void Check(const FelixConfiguration& configuration, Problems& problems) {
  const auto values = FelixValues(configuration);
  for (const FelixParameter& parameter : FelixParameters()) {
    const auto found = values.find(std::string(parameter.field));
    if (found != values.end()) CheckParameter(parameter, Parsed(found->second), problems);
  }
  if (values.contains("routeTableRange") && values.contains("routeTableRanges"))
    problems.Add("RouteTableRange", "", "cannot be set when `RouteTableRanges` is also set");
}

}  // namespace calico::model::validate
