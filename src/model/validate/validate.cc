// SPDX-License-Identifier: Apache-2.0
#include "model/validate/validate.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"
#include "model/validate/problems.h"
#include "model/validate/rule.h"
#include "net/mac.h"

namespace calico::model {
namespace {

using validate::CheckRule;
using validate::InterfaceForm;
using validate::IsQualifiedName;
using validate::LabelValueForm;
using validate::NameForm;
using validate::Problems;

void CheckMetadata(const Object& object, Problems& problems) {
  const Metadata& metadata = MetadataOf(object);
  constexpr std::size_t kMaxName = 253, kMaxAnnotations = 262144;
  if (metadata.name.size() > kMaxName) {
    problems.Add("Metadata.Name", metadata.name,
                 fmt::format("name is too long by {} bytes", metadata.name.size() - kMaxName));
  } else if (!metadata.name.empty() && !std::regex_match(metadata.name, NameForm())) {
    problems.Add("Metadata.Name", metadata.name,
                 "name must consist of lower case alphanumeric characters, '-' or '.' (regex: "
                 "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)");
  }
  std::size_t annotations = 0;
  for (const auto& [key, value] : metadata.annotations) {
    annotations += key.size() + value.size();
    if (!IsQualifiedName(ToLower(key)))
      problems.Add("Metadata.Annotations (key)", key,
                   "name part must consist of alphanumeric characters, '-', '_' or '.'");
  }
  if (annotations > kMaxAnnotations) {
    problems.Add(
        "Metadata.Annotations (key)", "",
        fmt::format("total size of annotations is too large by {} bytes", annotations - kMaxAnnotations));
  }
  for (const auto& [key, value] : metadata.labels) {
    if (!IsQualifiedName(key))
      problems.Add("Metadata.Labels (label)", key,
                   "name part must consist of alphanumeric characters, '-', '_' or '.'");
    if (!std::regex_match(value, LabelValueForm())) {
      problems.Add(
          "Metadata.Labels (value)", value,
          "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.'");
    }
  }
}

bool Has(const std::vector<std::string>& list, const std::string& word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}

// A pool for addresses of services excludes every other purpose (C.6.1, 12).
void CheckLoadBalancerPool(const IPPool& pool, Problems& problems) {
  if (pool.node_selector != "all()")
    problems.Add("IPPool.Spec.NodeSelector", pool.node_selector,
                 "IP Pool with AllowedUse LoadBalancer must have node selector set to all()");
  if (pool.ipip_mode != "Never" || pool.vxlan_mode != "Never")
    problems.Add("IPPool.Spec.AllowedUses", "LoadBalancer",
                 "LoadBalancer IP pool cannot have IPIP or VXLAN enabled");
  if (pool.allowed_uses.size() > 1)
    problems.Add("IPPool.Spec.AllowedUses", "LoadBalancer",
                 "LoadBalancer cannot be combined with Workload or Tunnel allowed uses");
  if (pool.disable_bgp_export)  // the text says the opposite of what is checked, as upstream does
    problems.Add("IPPool.Spec.DisableBGPExport", "true",
                 "IP Pool with AllowedUse LoadBalancer must have DisableBGPExport set to true");
}

void Check(const IPPool& pool, Problems& problems) {
  problems.OneOf("IPIPMode", pool.ipip_mode, {"Always", "CrossSubnet", "Never"}, "ipIpMode");
  problems.OneOf("VXLANMode", pool.vxlan_mode, {"Always", "CrossSubnet", "Never"}, "vxlanMode");
  problems.OneOf("AssignmentMode", pool.assignment_mode, {"Automatic", "Manual"}, "assignmentMode");
  for (const auto& use : pool.allowed_uses)
    problems.OneOf("AllowedUses", use, {"Workload", "Tunnel", "LoadBalancer"}, "allowedUses");
  problems.SelectorText("NodeSelector", pool.node_selector);
  problems.SelectorText("NamespaceSelector", pool.namespace_selector);
  for (const auto& [field, text] :
       {std::pair{"NodeSelector", pool.node_selector}, {"NamespaceSelector", pool.namespace_selector}}) {
    if (text.find("global(") != std::string::npos)
      problems.Add(field, text, "global() cannot be used in an IP pool");
  }
  if (!pool.namespace_selector.empty() && Has(pool.allowed_uses, "Tunnel"))
    problems.Add("NamespaceSelector", pool.namespace_selector, "cannot be used with allowed use Tunnel");
  if (Has(pool.allowed_uses, "LoadBalancer")) CheckLoadBalancerPool(pool, problems);
}
void CheckIp(const std::string& field, const std::string& text, net::Family family, Problems& problems) {
  const auto ip = net::Ip::Parse(text);
  if (!text.empty() && (!ip || ip->family() != family))
    problems.Tag(field, text, family == net::Family::kV4 ? "ipv4" : "ipv6");
}

void Check(const Node& node, Problems& problems) {
  for (const NodeAddress& address : node.addresses) {
    if (!net::Cidr::Parse(address.address)) problems.Tag("Address", address.address, "net");
    problems.OneOf("Type", address.type, {"CalicoNodeIP", "InternalIP", "ExternalIP"}, "ipType");
  }
  if (!node.bgp) return;
  if (*node.bgp == NodeBgp{}) problems.Add("Spec.BGP", "", "Spec.BGP should not be empty");
  const auto address = [&](const char* field, const std::string& text, net::Family family) {
    const auto cidr = net::Cidr::Parse(text);
    if (!text.empty() && (!cidr || cidr->family() != family))
      problems.Tag(field, text, family == net::Family::kV4 ? "cidrv4" : "cidrv6");
  };
  address("IPv4Address", node.bgp->ipv4_address, net::Family::kV4);
  address("IPv6Address", node.bgp->ipv6_address, net::Family::kV6);
  CheckIp("IPv4IPIPTunnelAddr", node.bgp->ipv4_ipip_tunnel_addr, net::Family::kV4, problems);
  CheckIp("RouteReflectorClusterID", node.bgp->route_reflector_cluster_id, net::Family::kV4, problems);
}
void CheckEndpointPort(const EndpointPort& port, Problems& problems) {
  const auto protocol = net::ParseProtocol(port.protocol);
  if (protocol != net::kTcp && protocol != net::kUdp && protocol != net::kSctp)
    problems.Add("EndpointPort.Protocol", port.protocol, "protocol must support ports");
  if (port.port <= 0 || port.port > 65535)
    problems.Add("EndpointPort.Port", std::to_string(port.port),
                 "port range invalid, port number must be between 1 and 65535");
  if (port.host_port < 0 || port.host_port > 65535)
    problems.Add("EndpointPort.HostPort", std::to_string(port.host_port), "port range invalid");
  if (port.name.empty() && port.host_port == 0) {
    problems.Add("EndpointPort.Name", "",
                 "WorkloadEndpointPort name must not be empty if no HostPort is specified");
  }
}

void Check(const WorkloadEndpoint& endpoint, Problems& problems) {
  if (endpoint.interface_name.empty()) problems.Tag("InterfaceName", "", "required");
  problems.Match("InterfaceName", endpoint.interface_name, InterfaceForm(), "interface");
  static const std::regex kContainerId("[a-zA-Z0-9]([-a-zA-Z0-9]*[a-zA-Z0-9])?");
  for (const auto& [field, text] : {std::pair{"Orchestrator", endpoint.orchestrator},
                                    {"Workload", endpoint.workload},
                                    {"Node", endpoint.node},
                                    {"Pod", endpoint.pod},
                                    {"Endpoint", endpoint.endpoint},
                                    {"ServiceAccountName", endpoint.service_account_name}}) {
    problems.Match(field, text, NameForm(), "name");
  }
  problems.Match("ContainerID", endpoint.container_id, kContainerId, "containerID");
  CheckIp("IPv4Gateway", endpoint.ipv4_gateway, net::Family::kV4, problems);
  CheckIp("IPv6Gateway", endpoint.ipv6_gateway, net::Family::kV6, problems);
  for (const auto& text : endpoint.ip_networks) {
    const auto cidr = net::Cidr::Parse(text);
    if (!cidr)
      problems.Tag("IPNetworks", text, "net");
    else if (!cidr->is_host())
      problems.Add("IPNetworks", text, "IP network contains multiple addresses");
  }
  for (const auto& profile : endpoint.profiles) problems.Match("Profiles", profile, NameForm(), "name");
  if (!endpoint.mac.empty() && !net::Mac::Parse(endpoint.mac)) problems.Tag("MAC", endpoint.mac, "mac");
  for (const auto& port : endpoint.ports) CheckEndpointPort(port, problems);
}
void Check(const Profile& profile, Problems& problems) {
  for (const Rule& rule : profile.ingress) CheckRule(rule, problems);
  for (const Rule& rule : profile.egress) CheckRule(rule, problems);
  for (const auto& [key, value] : profile.labels_to_apply) {
    if (!IsQualifiedName(key) || !std::regex_match(value, LabelValueForm()))
      problems.Tag("LabelsToApply", key, "labels");
  }
}
void Check(const BGPConfiguration& configuration, Problems& problems) {
  problems.OneOf("LogSeverityScreen", configuration.log_severity_screen,
                 {"Trace", "Debug", "Info", "Warning", "Error", "Fatal", "None"}, "logLevel");
  if (configuration.metadata.name != "default") {
    if (configuration.node_to_node_mesh_enabled) {
      problems.Add("BGPConfiguration.Spec.NodeToNodeMeshEnabled", "",
                   "Cannot set nodeToNodeMeshEnabled on a non default BGP Configuration.");
    }
    if (configuration.as_number)
      problems.Add("BGPConfiguration.Spec.ASNumber", "",
                   "Cannot set ASNumber on a non default BGP Configuration.");
  }
  if (configuration.listen_port && (*configuration.listen_port < 1 || *configuration.listen_port > 65535)) {
    problems.Tag("ListenPort", std::to_string(*configuration.listen_port), "gt");
  }
}
void Check(const BGPPeer& peer, Problems& problems) {
  problems.Match("Node", peer.node, NameForm(), "name");
  problems.SelectorText("NodeSelector", peer.node_selector);
  problems.SelectorText("PeerSelector", peer.peer_selector);
  if (!peer.node.empty() && !peer.node_selector.empty())
    problems.Add("Node", peer.node, "Node field must be empty when NodeSelector is specified");
  if (!peer.peer_selector.empty() && !peer.peer_ip.empty())
    problems.Add("PeerIP", peer.peer_ip, "PeerIP field must be empty when PeerSelector is specified");
  if (!peer.peer_selector.empty() && peer.as_number) {
    problems.Add("ASNumber", std::to_string(*peer.as_number),
                 "ASNumber field must be empty when PeerSelector is specified");
  }
  if (!peer.peer_ip.empty()) {
    static const std::regex with_port(R"((\[([0-9a-fA-F:.]+)\]|([0-9.]+)):([0-9]{1,5}))");
    std::smatch match;
    const bool has_port = std::regex_match(peer.peer_ip, match, with_port);
    const std::string ip = !has_port ? peer.peer_ip : match[2].matched ? match[2].str() : match[3].str();
    const int port = has_port ? std::stoi(match[4]) : 179;
    if (!net::Ip::Parse(ip) || port < 1 || port > 65535) problems.Tag("PeerIP", peer.peer_ip, "IP:port");
  }
}
void Check(const ClusterInformation& information, Problems& problems) {
  if (information.metadata.name != "default")
    problems.Add("Metadata.Name", information.metadata.name, "ClusterInformation must be named default");
}
void Check(const FelixConfiguration& configuration, Problems& problems) {
  problems.OneOf("DefaultEndpointToHostAction", configuration.default_endpoint_to_host_action,
                 {"Drop", "Accept", "Return", "DROP", "ACCEPT", "RETURN"}, "dropAcceptReturn");
  problems.OneOf("LogSeverityScreen", configuration.log_severity_screen,
                 {"Trace", "Debug", "Info", "Warning", "Error", "Fatal"}, "logLevel");
}
template <typename T>
void Check(const T&, Problems&) {}  // IPAM objects are written by code only

Error PoolError(const std::string& member, const std::string& value, const std::string& reason) {
  return FieldError("IPPool.Spec." + member, value, reason);
}

// Reference datastore-model C.6.1, in its order.
Status PoolDefaults(IPPool& pool, const IPPool* old) {
  if (pool.cidr.empty()) return PoolError("CIDR", "", "IPPool CIDR must be specified");
  const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
  if (!cidr) return PoolError("CIDR", pool.cidr, "IPPool CIDR must be a valid subnet");
  const bool v4 = cidr->family() == net::Family::kV4;
  if (pool.node_selector.empty()) pool.node_selector = "all()";
  if (old != nullptr) {
    const auto before = net::Cidr::ParsePrefix(old->cidr);
    if (before && before->Masked() != cidr->Masked())
      return PoolError("CIDR", pool.cidr, "IPPool CIDR cannot be modified");
  }
  if (pool.block_size == 0) pool.block_size = v4 ? 26 : 122;
  if (pool.allowed_uses.empty()) pool.allowed_uses = {"Workload", "Tunnel"};
  if (pool.assignment_mode.empty()) pool.assignment_mode = "Automatic";
  if (old != nullptr && old->block_size != pool.block_size) {
    return PoolError("BlockSize", std::to_string(pool.block_size), "IPPool BlockSize cannot be modified");
  }
  if (v4 && (pool.block_size < 20 || pool.block_size > 32)) {
    return PoolError("BlockSize", std::to_string(pool.block_size),
                     "IPv4 block size must be between 20 and 32");
  }
  if (!v4 && (pool.block_size < 116 || pool.block_size > 128)) {
    return PoolError("BlockSize", std::to_string(pool.block_size),
                     "IPv6 block size must be between 116 and 128");
  }
  if (!pool.disabled && cidr->prefix_length() > pool.block_size) {
    return PoolError("CIDR", pool.cidr,
                     "IP pool size is too small for use with Calico IPAM. It must be equal to or greater "
                     "than the block size.");
  }
  if (pool.ipip_mode.empty()) pool.ipip_mode = "Never";
  if (pool.vxlan_mode.empty()) pool.vxlan_mode = "Never";
  if (pool.ipip_mode != "Never" && pool.vxlan_mode != "Never") {
    return PoolError("VXLANMode", pool.vxlan_mode, "Cannot enable both VXLAN and IPIP on the same IPPool");
  }
  if (!v4 && pool.ipip_mode != "Never")
    return PoolError("IPIPMode", pool.ipip_mode, "IPIP is not supported on an IPv6 IP pool");
  if (!cidr->IsMasked()) return PoolError("CIDR", pool.cidr, "IPPool CIDR is not strictly masked");
  if (v4 && cidr->Overlaps(*net::Cidr::Parse("169.254.0.0/16"))) {
    return PoolError("CIDR", pool.cidr, "IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16");
  }
  if (!v4 && cidr->Overlaps(*net::Cidr::Parse("fe80::/10"))) {
    return PoolError("CIDR", pool.cidr, "IPPool CIDR overlaps with IPv6 Link Local range fe80::/10");
  }
  pool.cidr = cidr->ToString();
  return Ok();
}

Status EndpointDefaults(WorkloadEndpoint& endpoint) {
  ASSIGN_OR_RETURN(const std::string name, WorkloadEndpointName(endpoint));
  if (endpoint.metadata.name.empty()) endpoint.metadata.name = name;
  if (endpoint.metadata.name != name) {
    return FieldError("Name", endpoint.metadata.name,
                      "the WorkloadEndpoint name does not match the primary identifiers assigned in the "
                      "Spec: expected name " +
                          name);
  }
  // Reference datastore-model A.7.6.
  endpoint.metadata.labels["projectcalico.org/namespace"] = endpoint.metadata.ns;
  endpoint.metadata.labels["projectcalico.org/orchestrator"] = endpoint.orchestrator;
  return Ok();
}

}  // namespace

Error FieldError(const std::string& field, const std::string& value, const std::string& reason) {
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("error with field {}{} ({})", field,
                           value.empty() ? "" : fmt::format(" = '{}'", value), reason));
}

Status ApplyDefaults(Object& object, const Object* old) {
  if (auto* pool = std::get_if<IPPool>(&object)) {
    return PoolDefaults(*pool, old == nullptr ? nullptr : &std::get<IPPool>(*old));
  }
  if (auto* endpoint = std::get_if<WorkloadEndpoint>(&object)) return EndpointDefaults(*endpoint);
  return Ok();
}

Status Validate(const Object& object) {
  Problems problems;
  std::visit([&](const auto& o) { Check(o, problems); }, object);
  if (std::holds_alternative<IpamBlock>(object) ||
      object.index() > static_cast<std::size_t>(Kind::kFelixConfiguration))
    return problems.Summary();
  CheckMetadata(object, problems);
  return problems.Summary();
}

}  // namespace calico::model
