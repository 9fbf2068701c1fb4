// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/host.h"

#include <algorithm>
#include <charconv>
#include <set>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/felix_parameters.h"
#include "model/selector/selector.h"
#include "net/ports.h"

namespace calico::policy_eval {
namespace {

using Json = nlohmann::json;
using model::FelixConfiguration;

Json Parsed(const std::string& text) {
  return Json::parse(text, nullptr, false);
}

// Highest first.
class Parameters {
 public:
  Parameters(const Cluster& cluster, const std::string& node) {
    Add(cluster, "node." + node);
    AddSelected(cluster, node);
    Add(cluster, "default");
  }

  // null: what is built in.
  Json Value(const std::string& field) const {
    for (const FelixConfiguration* configuration : sources_) {
      const auto found = configuration->other_parameters.find(field);
      if (found == configuration->other_parameters.end()) continue;
      Json value = Parsed(found->second);
      if (!value.is_null() && !value.is_discarded() && value != Json("")) return value;
    }
    return nullptr;
  }
  bool Flag(const std::string& field) const { return Value(field) == Json(true); }
  std::string Text(const std::string& field) const {
    const Json value = Value(field);
    return value.is_string() ? value.get<std::string>() : BuiltIn(field);
  }
  static std::string BuiltIn(const std::string& field) {
    const model::FelixParameter* parameter = model::FindFelixParameter(field);
    return parameter == nullptr ? std::string() : std::string(parameter->default_value);
  }
  // One of the members that have a place in the struct.
  std::string Text(const std::string& field, std::string FelixConfiguration::*member) const {
    for (const FelixConfiguration* configuration : sources_) {
      if (!(configuration->*member).empty()) return configuration->*member;
    }
    return BuiltIn(field);
  }

 private:
  void Add(const Cluster& cluster, const std::string& name) {
    const auto* found =
        cluster.Find<FelixConfiguration>(model::Key::Resource(model::Kind::kFelixConfiguration, name));
    if (found != nullptr) sources_.push_back(found);
  }
  // Of several, the oldest; then the first by name.
  void AddSelected(const Cluster& cluster, const std::string& node) {
    const auto* object = cluster.Find<model::Node>(model::Key::Resource(model::Kind::kNode, node));
    if (object == nullptr) return;
    const FelixConfiguration* oldest = nullptr;
    cluster.ForEach<FelixConfiguration>([&](const model::Key&, const FelixConfiguration& candidate) {
      const auto text = candidate.other_parameters.find("nodeSelector");
      if (text == candidate.other_parameters.end()) return;
      const Json value = Parsed(text->second);
      if (!value.is_string() || value.get<std::string>().empty()) return;
      const auto selector = model::Selector::Parse(value.get<std::string>());
      if (!selector.has_value() || !selector->Matches(object->metadata.labels)) return;
      if (oldest == nullptr || candidate.metadata.creation_timestamp < oldest->metadata.creation_timestamp)
        oldest = &candidate;
    });
    if (oldest != nullptr) sources_.push_back(oldest);
  }

  std::vector<const FelixConfiguration*> sources_;
};

std::optional<std::uint16_t> PortNumber(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

// "tcp:22,udp:68": the form in which the built-in lists are written.
std::vector<FailsafePort> PortList(const std::string& text) {
  std::vector<FailsafePort> ports;
  for (const std::string& item : Split(text, ',')) {
    const std::size_t colon = item.find(':');
    if (colon == std::string::npos) continue;
    const auto protocol = net::ParseProtocol(item.substr(0, colon));
    const auto port = PortNumber(std::string_view(item).substr(colon + 1));
    if (protocol && port) ports.push_back({*protocol, *port, std::nullopt});
  }
  return ports;
}

std::string TextOf(const Json& object, const char* member) {
  return object.contains(member) && object[member].is_string() ? object[member].get<std::string>() : "";
}
std::optional<std::uint16_t> PortOf(const Json& value) {
  if (!value.is_number_unsigned() || value.get<std::uint64_t>() > UINT16_MAX) return std::nullopt;
  return value.get<std::uint16_t>();
}

// What cannot be read opens nothing.
std::optional<FailsafePort> FailsafeOf(const Json& item) {
  if (!item.is_object() || !item.contains("port")) return std::nullopt;
  const std::string name = TextOf(item, "protocol"), net = TextOf(item, "net");
  const auto protocol = net::ParseProtocol(name.empty() ? "TCP" : name);
  const auto port = PortOf(item["port"]);
  // Of other protocols Felix knows nothing.
  if (!port || (protocol != net::kTcp && protocol != net::kUdp)) return std::nullopt;
  FailsafePort failsafe{*protocol, *port, net::Cidr::Parse(net)};
  if (!net.empty() && !failsafe.net) return std::nullopt;
  return failsafe;
}
std::vector<FailsafePort> PortList(const Json& list) {
  std::vector<FailsafePort> ports;
  for (const Json& item : list) {
    if (const auto port = FailsafeOf(item)) ports.push_back(*port);
  }
  return ports;
}

// Reference felix 2.11.
std::vector<FailsafePort> Failsafe(const Parameters& parameters, const std::string& field, Dialect dialect,
                                   const char* of_v26) {
  const Json value = parameters.Value(field);
  if (value.is_array()) return PortList(value);
  return PortList(dialect == Dialect::kV26 ? std::string(of_v26) : Parameters::BuiltIn(field));
}

std::map<std::string, std::vector<net::Ip>> Interfaces(const Cluster& cluster, const std::string& node,
                                                       const model::Node* object) {
  if (const auto known = cluster.interfaces.find(node); known != cluster.interfaces.end())
    return known->second;
  std::map<std::string, std::vector<net::Ip>> interfaces;
  if (object == nullptr) return interfaces;
  for (const model::NodeInterface& interface : object->interfaces) {
    std::vector<net::Ip>& addresses = interfaces[interface.name];
    for (const std::string& text : interface.addresses) {
      if (const auto address = net::Cidr::Parse(text)) addresses.push_back(address->ip());
    }
  }
  return interfaces;
}

constexpr char kSomeUplink[] = "(uplink)";

// Nobody has told the host's interfaces: what its host endpoints say. By an address of the node, or if there
// is only one that names an interface.
std::string UplinkOfHostEndpoints(const Cluster& cluster, const std::string& node,
                                  const std::vector<net::Ip>& own) {
  std::set<std::string> named;
  std::string by_address;
  cluster.ForEach<model::HostEndpoint>([&](const model::Key&, const model::HostEndpoint& endpoint) {
    if (endpoint.node != node || endpoint.interface_name.empty() || endpoint.interface_name == "*") return;
    named.insert(endpoint.interface_name);
    for (const net::Ip& address : own) {
      const auto& ips = endpoint.expected_ips;
      if (std::find(ips.begin(), ips.end(), address.ToString()) != ips.end())
        by_address = endpoint.interface_name;
    }
  });
  if (!by_address.empty()) return by_address;
  return named.size() == 1 ? *named.begin() : std::string();
}

std::vector<net::Ip> AddressesOf(const model::Node* node) {
  std::vector<std::string> texts;
  if (node != nullptr && node->bgp) texts = {node->bgp->ipv4_address, node->bgp->ipv6_address};
  if (node != nullptr) {
    for (const model::NodeAddress& address : node->addresses) texts.push_back(address.address);
  }
  std::vector<net::Ip> own;
  for (const std::string& text : texts) {
    if (const auto address = net::Cidr::Parse(text)) own.push_back(address->ip());
  }
  return own;
}

void FindUplink(const Cluster& cluster, const model::Node* object, Host& host) {
  const std::vector<net::Ip> own = AddressesOf(object);
  if (host.interfaces.empty()) {
    const std::string name = UplinkOfHostEndpoints(cluster, host.node, own);
    host.uplink = name.empty() ? kSomeUplink : name;
    host.interfaces[host.uplink] = own;
    return;
  }
  for (const net::Ip& address : own) {
    for (const auto& [name, addresses] : host.interfaces) {
      if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) continue;
      host.uplink = name;
      return;
    }
  }
  host.uplink = kSomeUplink;
}

// Reference felix 2.14.
std::vector<net::Cidr> ServiceAddresses(const Cluster& cluster, const Parameters& parameters) {
  std::vector<net::Cidr> addresses;
  const auto* bgp =
      cluster.Find<model::BGPConfiguration>(model::Key::Resource(model::Kind::kBGPConfiguration, "default"));
  if (bgp == nullptr || EqualsIgnoreCase(parameters.Text("serviceLoopPrevention"), "Disabled"))
    return addresses;
  for (const auto* list :
       {&bgp->service_cluster_ips, &bgp->service_external_ips, &bgp->service_load_balancer_ips}) {
    for (const model::CidrItem& item : *list) {
      if (const auto cidr = net::Cidr::Parse(item.cidr)) addresses.push_back(*cidr);
    }
  }
  return addresses;
}

}  // namespace

bool Host::IsWorkloadInterface(const std::string& name) const {
  return std::any_of(interface_prefixes.begin(), interface_prefixes.end(),
                     [&](const std::string& prefix) { return !prefix.empty() && name.starts_with(prefix); });
}

bool Host::IsExcludedInterface(const std::string& name) const {
  return std::find(interface_exclude.begin(), interface_exclude.end(), name) != interface_exclude.end();
}

Host HostOf(const Cluster& cluster, const std::string& node) {
  const Parameters parameters(cluster, node);
  const auto* object = cluster.Find<model::Node>(model::Key::Resource(model::Kind::kNode, node));
  Host host;
  host.node = node;
  host.interfaces = Interfaces(cluster, node, object);
  host.interface_prefixes =
      Split(parameters.Text("interfacePrefix", &FelixConfiguration::interface_prefix), ',');
  host.interface_exclude = Split(parameters.Text("interfaceExclude"), ',');
  host.endpoint_to_host =
      parameters.Text("defaultEndpointToHostAction", &FelixConfiguration::default_endpoint_to_host_action);
  host.failsafe_inbound = Failsafe(parameters, "failsafeInboundHostPorts", cluster.dialect, "tcp:22,udp:68");
  host.failsafe_outbound = Failsafe(parameters, "failsafeOutboundHostPorts", cluster.dialect,
                                    "tcp:2379,tcp:2380,tcp:4001,tcp:7001,udp:53,udp:67");
  host.drop_invalid = !parameters.Flag("disableConntrackInvalidCheck");
  host.any_source = EqualsIgnoreCase(parameters.Text("workloadSourceSpoofing"), "Any");
  host.vxlan_from_workloads = parameters.Flag("allowVXLANPacketsFromWorkloads");
  host.ipip_from_workloads = parameters.Flag("allowIPIPPacketsFromWorkloads");
  constexpr std::uint16_t kVxlanPort = 4789;
  host.vxlan_port = PortOf(parameters.Value("vxlanPort")).value_or(kVxlanPort);
  host.service_addresses = ServiceAddresses(cluster, parameters);
  FindUplink(cluster, object, host);
  return host;
}

}  // namespace calico::policy_eval
