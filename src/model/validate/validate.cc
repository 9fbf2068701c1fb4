// SPDX-License-Identifier: Apache-2.0
#include "model/validate/validate.h"

#include <algorithm>
#include <regex>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"
#include "model/selector/selector.h"
#include "model/v1_names.h"
#include "net/mac.h"

namespace calico::model {
namespace {

// Collects failing fields; upstream reports all of them at once (reference datastore-model A.16).
class Problems {
 public:
  void Add(const std::string& field, const std::string& value, const std::string& reason) {
    fields_.push_back(
        fmt::format("{}{} ({})", field, value.empty() ? "" : fmt::format(" = '{}'", value), reason));
  }
  void Tag(const std::string& field, const std::string& value, const std::string& tag) {
    Add(field, value, fmt::format("Reason: failed to validate Field: {} because of Tag: {} ", field, tag));
  }
  void Match(const std::string& field, const std::string& value, const std::regex& form,
             const std::string& tag) {
    if (!value.empty() && !std::regex_match(value, form)) Tag(field, value, tag);
  }
  void OneOf(const std::string& field, const std::string& value,
             std::initializer_list<std::string_view> allowed, const std::string& tag) {
    if (!value.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      Tag(field, value, tag);
  }
  void SelectorText(const std::string& field, const std::string& value) {
    if (const auto parsed = Selector::Parse(value); !parsed.has_value())
      Add(field, value, parsed.error().message());
  }
  Status Result() const {
    if (fields_.empty()) return Ok();
    if (fields_.size() == 1) return Error(ErrorCode::kInvalidArgument, "error with field " + fields_[0]);
    std::string text = "error with the following fields:";
    for (const std::string& field : fields_) text += "\n-  " + field;
    return Error(ErrorCode::kInvalidArgument, text);
  }

 private:
  std::vector<std::string> fields_;
};

const std::regex& NameForm() {
  static const std::regex form(R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)");
  return form;
}
const std::regex& InterfaceForm() {
  static const std::regex form(R"(\*|[a-zA-Z0-9_.-]{1,15})");
  return form;
}
const std::regex& LabelValueForm() {
  static const std::regex form(R"(([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?)");
  return form;
}
bool IsQualifiedName(const std::string& text) {
  static const std::regex form(
      R"(([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)");
  return std::regex_match(text, form);
}

void CheckMetadata(const Object& object, Problems& problems) {
  const Metadata& metadata = MetadataOf(object);
  constexpr std::size_t kMaxName = 253;
  if (!metadata.name.empty() && !std::regex_match(metadata.name, NameForm())) {
    problems.Add("Metadata.Name", metadata.name,
                 "name must consist of lower case alphanumeric characters, '-' or '.' (regex: "
                 "^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$)");
  } else if (metadata.name.size() > kMaxName) {
    problems.Add("Metadata.Name", metadata.name,
                 fmt::format("name is too long by {} bytes", metadata.name.size() - kMaxName));
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

void CheckNet(const std::string& field, const std::string& text, Problems& problems) {
  const auto cidr = net::Cidr::Parse(text);
  if (!cidr || !cidr->IsMasked()) problems.Tag(field, text, "net");
}

void CheckEntity(const EntityRule& entity, bool ports_allowed, Problems& problems) {
  for (const auto& net : entity.nets) CheckNet("Nets", net, problems);
  for (const auto& net : entity.not_nets) CheckNet("NotNets", net, problems);
  problems.SelectorText("Selector", entity.selector);
  problems.SelectorText("NotSelector", entity.not_selector);
  problems.SelectorText("NamespaceSelector", entity.namespace_selector);
  if ((!entity.ports.empty() || !entity.not_ports.empty()) && !ports_allowed) {
    problems.Add("Ports", "", "protocol does not support ports");
  }
  for (const auto* list : {&entity.ports, &entity.not_ports}) {
    for (const Port& port : *list) {
      const auto* range = std::get_if<net::PortRange>(&port);
      if (range != nullptr && range->first == 0) {
        problems.Add("Port", "", "port range invalid, port number must be between 1 and 65535");
      }
    }
  }
}

void CheckRule(const Rule& rule, Problems& problems) {
  if (rule.action.empty()) problems.Tag("Action", "", "required");
  problems.OneOf("Action", rule.action, {"Allow", "Deny", "Log", "Pass"}, "action");
  if (rule.ip_version && *rule.ip_version != 4 && *rule.ip_version != 6)
    problems.Tag("IPVersion", std::to_string(*rule.ip_version), "ipVersion");
  for (const auto& [field, text] :
       {std::pair{"Protocol", rule.protocol}, {"NotProtocol", rule.not_protocol}}) {
    if (!text.empty() && !net::ParseProtocol(text)) problems.Add(field, text, "protocol name invalid");
  }
  const auto protocol = rule.protocol.empty() ? std::nullopt : net::ParseProtocol(rule.protocol);
  const bool ports = protocol && (*protocol == net::kTcp || *protocol == net::kUdp ||
                                  *protocol == net::kSctp || *protocol == net::kUdpLite);
  CheckEntity(rule.source, ports, problems);
  CheckEntity(rule.destination, ports, problems);
}

void Check(const IPPool& pool, Problems& problems) {
  problems.OneOf("IPIPMode", pool.ipip_mode, {"Always", "CrossSubnet", "Never"}, "ipIpMode");
  problems.OneOf("VXLANMode", pool.vxlan_mode, {"Always", "CrossSubnet", "Never"}, "vxlanMode");
  problems.OneOf("AssignmentMode", pool.assignment_mode, {"Automatic", "Manual"}, "assignmentMode");
  for (const auto& use : pool.allowed_uses)
    problems.OneOf("AllowedUses", use, {"Workload", "Tunnel", "LoadBalancer"}, "allowedUses");
  problems.SelectorText("NodeSelector", pool.node_selector);
  problems.SelectorText("NamespaceSelector", pool.namespace_selector);
}
void Check(const Node& node, Problems& problems) {
  if (!node.bgp) return;
  if (*node.bgp == NodeBgp{}) problems.Add("Spec.BGP", "", "Spec.BGP should not be empty");
  const auto address = [&](const char* field, const std::string& text, net::Family family) {
    const auto cidr = net::Cidr::Parse(text);
    if (!text.empty() && (!cidr || cidr->family() != family))
      problems.Tag(field, text, family == net::Family::kV4 ? "cidrv4" : "cidrv6");
  };
  address("IPv4Address", node.bgp->ipv4_address, net::Family::kV4);
  address("IPv6Address", node.bgp->ipv6_address, net::Family::kV6);
}
void Check(const WorkloadEndpoint& endpoint, Problems& problems) {
  if (endpoint.interface_name.empty()) problems.Tag("InterfaceName", "", "required");
  problems.Match("InterfaceName", endpoint.interface_name, InterfaceForm(), "interface");
  problems.Match("Node", endpoint.node, NameForm(), "name");
  for (const auto& text : endpoint.ip_networks) {
    const auto cidr = net::Cidr::Parse(text);
    if (!cidr)
      problems.Tag("IPNetworks", text, "net");
    else if (!cidr->is_host())
      problems.Add("IPNetworks", text, "IP network contains multiple addresses");
  }
  for (const auto& profile : endpoint.profiles) problems.Match("Profiles", profile, NameForm(), "name");
  if (!endpoint.mac.empty() && !net::Mac::Parse(endpoint.mac)) problems.Tag("MAC", endpoint.mac, "mac");
  for (const auto& port : endpoint.ports) {
    if (port.port <= 0 || port.port > 65535)
      problems.Add("Port", std::to_string(port.port),
                   "port range invalid, port number must be between 1 and 65535");
    if (port.name.empty() && port.host_port == 0) {
      problems.Add("Name", "", "WorkloadEndpointPort name must not be empty if no HostPort is specified");
    }
  }
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
    return problems.Result();
  CheckMetadata(object, problems);
  return problems.Result();
}

}  // namespace calico::model
