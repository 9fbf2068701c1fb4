// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/felix_v1.h"
#include "model/codec/v1_stored_kinds.h"
#include "model/codec/value.h"

namespace calico::model::codec {

namespace {

// The address key holds the host, the network key its subnet.
std::string AddressFromV1(const std::string& address, const std::string& network) {
  const auto ip = net::Ip::Parse(address);
  if (!ip) return {};
  const auto subnet = net::Cidr::ParsePrefix(network);
  if (!subnet || subnet->family() != ip->family()) return net::Cidr::Host(*ip).ToString();
  return net::Cidr(*ip, subnet->prefix_length()).ToString();
}

void SetNodeAddresses(Node& o) {
  o.addresses.clear();
  if (!o.bgp) return;
  for (const std::string& address : {o.bgp->ipv4_address, o.bgp->ipv6_address}) {
    if (!address.empty()) o.addresses.push_back({address, "CalicoNodeIP"});
  }
}

}  // namespace

void Decode(const V1Identity&, const V1Values& values, Node& o) {
  NodeBgp bgp;
  bgp.ipv4_address = AddressFromV1(Value(values, "ip_addr_v4"), Value(values, "network_v4"));
  bgp.ipv6_address = AddressFromV1(Value(values, "ip_addr_v6"), Value(values, "network_v6"));
  if (!bgp.ipv4_address.empty() || !bgp.ipv6_address.empty()) {
    bgp.as_number = ParseAsNumber(Value(values, "as_num"));
    bgp.ipv4_ipip_tunnel_addr = Value(values, "IpInIpTunnelAddr");
    o.bgp = bgp;
  }
  SetNodeAddresses(o);
  const std::string refs = Value(values, "orchestrator_refs");
  if (refs.empty()) return;
  const Json list = Json::parse(refs, nullptr, false);
  if (!list.is_array()) return;
  for (const Json& ref : list) {
    if (ref.is_object()) o.orch_refs.push_back({Text(ref, "nodeName"), Text(ref, "orchestrator")});
  }
}

namespace {
void RefuseNewMembers(const Node& o) {
  RefuseLabels(o.metadata, "Node");
  RefuseAnnotations(o.metadata, "Node");
  Node plain;
  plain.metadata = o.metadata;
  plain.unknown = o.unknown;
  plain.bgp = o.bgp;
  plain.orch_refs = o.orch_refs;
  if (plain.bgp) plain.bgp->route_reflector_cluster_id.clear();
  plain.addresses = o.addresses;
  // Those of this type repeat the BGP section, whatever they say.
  for (const NodeAddress& address : o.addresses) {
    if (address.type != "CalicoNodeIP")
      Refuse(fmt::format("an address of type '{}' of a Node", address.type));
  }
  if (!(plain == o)) Refuse("a Node with more than BGP addresses, AS number and orchRefs");
}
}  // namespace

void Encode(const V1Identity&, const Node& o, const V1Values& now, V1Values& out) {
  RefuseNewMembers(o);
  out["metadata"] = "{}";
  out["ip_addr_v4"] = out["ip_addr_v6"] = "";
  for (const bool v6 : {false, true}) {
    const auto cidr = o.bgp ? net::Cidr::Parse(v6 ? o.bgp->ipv6_address : o.bgp->ipv4_address) : std::nullopt;
    if (!cidr) continue;
    if (!v6) out["bird_ip"] = cidr->ip().ToString();
    out[v6 ? "ip_addr_v6" : "ip_addr_v4"] = cidr->ip().ToString();
    out[v6 ? "network_v6" : "network_v4"] = cidr->Masked().ToString();
  }
  if (o.bgp && o.bgp->as_number) out["as_num"] = std::to_string(*o.bgp->as_number);
  if (o.bgp && !o.bgp->ipv4_ipip_tunnel_addr.empty()) out["IpInIpTunnelAddr"] = o.bgp->ipv4_ipip_tunnel_addr;
  Json refs = Json::array();
  for (const OrchRef& ref : o.orch_refs) {
    Json one{{"orchestrator", ref.orchestrator}};
    if (!ref.node_name.empty()) one["nodeName"] = ref.node_name;
    refs.push_back(std::move(one));
  }
  // Written when there are some, never removed.
  if (!refs.empty())
    out["orchestrator_refs"] = DumpStored(refs);
  else if (now.contains("orchestrator_refs"))
    out["orchestrator_refs"] = now.at("orchestrator_refs");
}

// --- settings

namespace {
const FelixParameter& LogSeverity() {
  return *FindFelixParameter("logSeverityScreen");
}
}  // namespace

void Decode(const V1Identity&, const V1Values& values, FelixConfiguration& o) {
  Json spec = Json::object();
  for (const auto& [name, text] : values) {
    const FelixParameter* parameter = FindFelixParameterByV1Name(name);
    if (parameter == nullptr) continue;
    // What Felix could not read it ignored; the key stays as it is.
    if (const auto value = FelixValueFromV1(*parameter, text); value.has_value())
      spec[std::string(parameter->field)] = Json::parse(*value, nullptr, false);
  }
  Object object = o;
  if (Status status = DecodeObject(Json{{"spec", spec}}, object); !status.has_value())
    Fail("", status.error().message());
  o = std::get<FelixConfiguration>(std::move(object));
}
void Encode(const V1Identity&, const FelixConfiguration& o, const V1Values&, V1Values& out) {
  RefuseLabels(o.metadata, "FelixConfiguration");
  RefuseAnnotations(o.metadata, "FelixConfiguration");
  const Json json = EncodeObject(Object(o), true);
  for (const auto& [field, value] : json["spec"].items()) {
    const FelixParameter* parameter = FindFelixParameter(field);
    if (value == "") continue;
    if (parameter == nullptr || parameter->v1_name.empty())
      Refuse(fmt::format("{} of a FelixConfiguration", field));
    out[std::string(parameter->v1_name)] = FelixValueToV1(*parameter, value.dump());
  }
}

void Decode(const V1Identity&, const V1Values& values, BGPConfiguration& o) {
  o.as_number = ParseAsNumber(Value(values, "as_num"));
  if (const std::string text = Value(values, "node_mesh"); !text.empty()) {
    const Json mesh = Json::parse(text, nullptr, false);
    if (mesh.is_object() && mesh.contains("enabled") && mesh["enabled"].is_boolean())
      o.node_to_node_mesh_enabled = mesh["enabled"].get<bool>();
  }
  if (const std::string text = Value(values, "loglevel"); !text.empty())
    o.log_severity_screen = Json::parse(*FelixValueFromV1(LogSeverity(), text)).get<std::string>();
}
void Encode(const V1Identity& identity, const BGPConfiguration& o, const V1Values&, V1Values& out) {
  RefuseLabels(o.metadata, "BGPConfiguration");
  RefuseAnnotations(o.metadata, "BGPConfiguration");
  BGPConfiguration plain;
  plain.metadata = o.metadata;
  plain.unknown = o.unknown;
  plain.log_severity_screen = o.log_severity_screen;
  if (identity.node.empty()) {
    plain.as_number = o.as_number;
    plain.node_to_node_mesh_enabled = o.node_to_node_mesh_enabled;
  }
  if (!(plain == o)) {
    Refuse(identity.node.empty() ? "a BGPConfiguration with more than asNumber, logSeverityScreen and "
                                   "nodeToNodeMeshEnabled"
                                 : "a node's BGPConfiguration with more than logSeverityScreen");
  }
  if (o.as_number) out["as_num"] = std::to_string(*o.as_number);
  if (o.node_to_node_mesh_enabled)
    out["node_mesh"] = DumpStored(Json{{"enabled", *o.node_to_node_mesh_enabled}});
  if (!o.log_severity_screen.empty())
    out["loglevel"] = FelixValueToV1(LogSeverity(), Json(o.log_severity_screen).dump());
}

void Decode(const V1Identity&, const V1Values& values, ClusterInformation& o) {
  o.cluster_guid = Value(values, "ClusterGUID");
  o.cluster_type = Value(values, "ClusterType");
  o.calico_version = Value(values, "CalicoVersion");
  if (values.contains("Ready")) o.datastore_ready = Value(values, "Ready") == "true";
}
void Encode(const V1Identity&, const ClusterInformation& o, const V1Values&, V1Values& out) {
  RefuseLabels(o.metadata, "ClusterInformation");
  RefuseAnnotations(o.metadata, "ClusterInformation");
  if (!o.variant.empty()) Refuse("variant of a ClusterInformation");
  if (o.datastore_ready) out["Ready"] = *o.datastore_ready ? "true" : "false";
  if (!o.cluster_guid.empty()) out["ClusterGUID"] = o.cluster_guid;
  if (!o.cluster_type.empty()) out["ClusterType"] = o.cluster_type;
  if (!o.calico_version.empty()) out["CalicoVersion"] = o.calico_version;
}
}  // namespace calico::model::codec
