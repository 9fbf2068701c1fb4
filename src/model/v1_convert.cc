// SPDX-License-Identifier: Apache-2.0
#include "model/v1_convert.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"
#include "model/codec/v1.h"
#include "model/v1_rules.h"
#include "net/cidr.h"

namespace calico::model {
namespace {

constexpr char kNamespaceLabelV1[] = "calico/k8s_ns";
constexpr char kNamespaceLabelV3[] = "projectcalico.org/namespace";
constexpr std::string_view kOurDomain = "projectcalico.org/";

bool IsV6(const std::string& text) {
  return text.find(':') != std::string::npos;
}
bool Kept(V1Names names) {
  return names == V1Names::kVerbatim;
}

Error Bad(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

Result<std::vector<Rule>> V3Rules(const std::vector<v1::Rule>& from, V1Names names) {
  std::vector<Rule> rules;
  for (const v1::Rule& rule : from) {
    ASSIGN_OR_RETURN(Rule converted, V1RuleToV3(rule, names));
    rules.push_back(std::move(converted));
  }
  return rules;
}
std::vector<v1::Rule> V1Rules(const std::vector<Rule>& from) {
  std::vector<v1::Rule> rules;
  for (const Rule& rule : from) rules.push_back(V3RuleToV1(rule));
  return rules;
}

std::vector<std::string> ProfileNames(const std::vector<std::string>& from, V1Names names) {
  std::vector<std::string> profiles;
  for (const std::string& name : from) profiles.push_back(Kept(names) ? name : V3ProfileName(name));
  return profiles;
}

// --- from v1

Result<Object> ToV3(const v1::BgpPeer& v1, V1Names names) {
  BGPPeer peer;
  peer.node = Kept(names) ? v1.node : NormaliseName(v1.node);
  peer.peer_ip = v1.peer_ip;
  peer.as_number = v1.as_number;
  const std::string ip = IpName(v1.peer_ip);
  peer.metadata.name = peer.node.empty() ? ip : peer.node + "." + ip;
  return peer;
}

Result<Object> ToV3(const v1::HostEndpoint& v1, V1Names names) {
  HostEndpoint endpoint;
  endpoint.node = Kept(names) ? v1.node : NormaliseName(v1.node);
  const std::string name = endpoint.node + "." + v1.name;
  endpoint.metadata.name = Kept(names) ? name : GeneralName(name);
  endpoint.metadata.labels = v1.labels;
  endpoint.interface_name = v1.interface_name;
  endpoint.expected_ips = v1.expected_ips;
  std::stable_partition(endpoint.expected_ips.begin(), endpoint.expected_ips.end(),
                        [](const std::string& ip) { return !IsV6(ip); });
  endpoint.profiles = ProfileNames(v1.profiles, names);
  return endpoint;
}

Result<Object> ToV3(const v1::IpPool& v1, V1Names) {
  IPPool pool;
  pool.metadata.name = V3PoolName(v1.cidr);
  pool.cidr = v1.cidr;
  const bool ipip = v1.ipip && v1.ipip->enabled;
  pool.ipip_mode = !ipip ? "Never" : v1.ipip->mode == "cross-subnet" ? "CrossSubnet" : "Always";
  pool.vxlan_mode = "Never";
  pool.nat_outgoing = v1.nat_outgoing;
  pool.disabled = v1.disabled;
  pool.block_size = IsV6(v1.cidr) ? 122 : 26;
  pool.node_selector = "all()";
  pool.allowed_uses = {"Workload", "Tunnel"};
  return pool;
}

std::string WithPrefix(const std::string& address) {
  const auto cidr = net::Cidr::Parse(address);
  return cidr ? cidr->ToString() : address;
}

Result<Object> ToV3(const v1::Node& v1, V1Names names) {
  Node node;
  node.metadata.name = Kept(names) ? v1.name : NormaliseName(v1.name);
  if (v1.bgp) {
    node.bgp.emplace();
    node.bgp->as_number = v1.bgp->as_number;
    node.bgp->ipv4_address = WithPrefix(v1.bgp->ipv4_address);
    node.bgp->ipv6_address = WithPrefix(v1.bgp->ipv6_address);
  }
  node.orch_refs = v1.orch_refs;
  return node;
}

// Reference datastore-model B.4.3: what a policy without types applies to.
std::vector<std::string> TypesOf(const v1::Policy& v1) {
  std::vector<std::string> types;
  for (const std::string& type : v1.types)
    types.emplace_back(ToLower(type) == "ingress" ? "Ingress" : "Egress");
  if (!types.empty()) return types;
  if (v1.egress.empty() || !v1.ingress.empty()) types.emplace_back("Ingress");
  if (!v1.egress.empty()) types.emplace_back("Egress");
  return types;
}

Result<Object> ToV3(const v1::Policy& v1, V1Names names) {
  GlobalNetworkPolicy policy;
  policy.metadata.name = Kept(names) ? v1.name : V3PolicyName(v1.name);
  policy.metadata.annotations = v1.annotations;
  policy.spec.order = v1.order;
  ASSIGN_OR_RETURN(policy.spec.ingress, V3Rules(v1.ingress, names));
  ASSIGN_OR_RETURN(policy.spec.egress, V3Rules(v1.egress, names));
  policy.spec.selector = Kept(names) ? v1.selector : V3LabelNames(v1.selector);
  for (const std::string& type : v1.types) {
    if (!EqualsIgnoreCase(type, "ingress") && !EqualsIgnoreCase(type, "egress"))
      return Bad(fmt::format("invalid policy type: '{}'", type));
  }
  policy.spec.types = TypesOf(v1);
  policy.global.do_not_track = v1.do_not_track;
  policy.global.pre_dnat = v1.pre_dnat;
  policy.global.apply_on_forward = v1.do_not_track || v1.pre_dnat;
  return policy;
}

Result<Object> ToV3(const v1::Profile& v1, V1Names names) {
  Profile profile;
  profile.metadata.name = Kept(names) ? v1.name : V3ProfileName(v1.name);
  profile.labels_to_apply = v1.labels;
  for (const std::string& tag : v1.tags) {
    const auto label = v1.labels.find(tag);
    if (label != v1.labels.end() && !(Kept(names) && label->second.empty())) {
      return Bad(
          fmt::format("Tag: '{}' and Label '{} == {}' have the same value for Profile: {}. Change the Label "
                      "key before proceeding",
                      tag, tag, label->second, v1.name));
    }
    profile.labels_to_apply[tag] = "";
  }
  ASSIGN_OR_RETURN(profile.ingress, V3Rules(v1.ingress, names));
  ASSIGN_OR_RETURN(profile.egress, V3Rules(v1.egress, names));
  return profile;
}

// Where v3 keeps what v1 calls the workload (D.2).
Status PlaceWorkload(const v1::WorkloadEndpoint& v1, V1Names names, WorkloadEndpoint& endpoint) {
  endpoint.metadata.ns = "default";
  if (v1.orchestrator == "k8s") {
    const std::size_t dot = v1.workload.find('.');
    if (dot == std::string::npos || dot == 0) {
      return Bad(fmt::format(
          "error with field Workload = '{}' (must be <namespace>.<pod> for orchestrator k8s)", v1.workload));
    }
    endpoint.metadata.ns = v1.workload.substr(0, dot);
    endpoint.pod = v1.workload.substr(dot + 1);
    endpoint.container_id = v1.active_instance_id;
  } else if (v1.orchestrator == "cni") {
    endpoint.container_id = v1.workload;
  } else {
    endpoint.workload = Kept(names)                       ? v1.workload
                        : v1.orchestrator == "libnetwork" ? "libnetwork"
                                                          : GeneralName(v1.workload);
    if (Kept(names)) endpoint.container_id = v1.active_instance_id;
  }
  return Ok();
}

Result<Object> ToV3(const v1::WorkloadEndpoint& v1, V1Names names) {
  WorkloadEndpoint endpoint;
  endpoint.orchestrator = Kept(names) ? v1.orchestrator : GeneralName(v1.orchestrator);
  endpoint.node = Kept(names) ? v1.node : NormaliseName(v1.node);
  endpoint.endpoint = Kept(names) ? v1.name : GeneralName(v1.name);
  RETURN_IF_ERROR(PlaceWorkload(v1, names, endpoint));
  endpoint.metadata.labels = v1.labels;
  if (const auto label = v1.labels.find(kNamespaceLabelV1); label != v1.labels.end() && !Kept(names)) {
    endpoint.metadata.labels.erase(kNamespaceLabelV1);
    endpoint.metadata.labels[kNamespaceLabelV3] = label->second;
  }
  for (const std::string& net : v1.ip_networks) endpoint.ip_networks.push_back(MaskedNet(net));
  endpoint.ip_nats = v1.ip_nats;
  endpoint.ipv4_gateway = v1.ipv4_gateway;
  endpoint.ipv6_gateway = v1.ipv6_gateway;
  endpoint.profiles = ProfileNames(v1.profiles, names);
  endpoint.interface_name = v1.interface_name;
  endpoint.mac = v1.mac;
  ASSIGN_OR_RETURN(endpoint.metadata.name, WorkloadEndpointName(endpoint));
  return endpoint;
}

// --- to v1. What a kind has no form for in v1 was refused before.

std::map<std::string, std::string> WithoutOurs(std::map<std::string, std::string> words) {
  std::erase_if(words, [](const auto& word) { return word.first.starts_with(kOurDomain); });
  return words;
}

v1::Resource ToV1(const BGPPeer& peer) {
  return v1::BgpPeer{peer.node.empty() ? "global" : "node", peer.node, peer.peer_ip, peer.as_number};
}
v1::Resource ToV1(const HostEndpoint& endpoint) {
  std::string name = endpoint.metadata.name;
  if (const std::string prefix = endpoint.node + "."; name.starts_with(prefix) && name != prefix)
    name.erase(0, prefix.size());
  return v1::HostEndpoint{name,
                          endpoint.node,
                          WithoutOurs(endpoint.metadata.labels),
                          endpoint.interface_name,
                          endpoint.expected_ips,
                          endpoint.profiles};
}
v1::Resource ToV1(const IPPool& pool) {
  v1::IpPool v1{pool.cidr, std::nullopt, pool.nat_outgoing, pool.disabled};
  if (pool.ipip_mode == "CrossSubnet") v1.ipip = v1::Ipip{true, "cross-subnet"};
  if (pool.ipip_mode == "Always") v1.ipip = v1::Ipip{true, "always"};
  return v1;
}
v1::Resource ToV1(const Node& node) {
  v1::Node v1{node.metadata.name, std::nullopt, node.orch_refs};
  // A node without an address has no BGP in v1.
  if (node.bgp && (!node.bgp->ipv4_address.empty() || !node.bgp->ipv6_address.empty()))
    v1.bgp = v1::NodeBgp{node.bgp->as_number, node.bgp->ipv4_address, node.bgp->ipv6_address};
  return v1;
}
v1::Resource ToV1(const GlobalNetworkPolicy& policy) {
  v1::Policy v1;
  v1.name = policy.metadata.name;
  v1.annotations = WithoutOurs(policy.metadata.annotations);
  v1.order = policy.spec.order;
  v1.ingress = V1Rules(policy.spec.ingress);
  v1.egress = V1Rules(policy.spec.egress);
  v1.selector = V1LabelNames(policy.spec.selector);
  v1.do_not_track = policy.global.do_not_track;
  v1.pre_dnat = policy.global.pre_dnat;
  for (const std::string& type : policy.spec.types) v1.types.push_back(ToLower(type));
  return v1;
}
v1::Resource ToV1(const Profile& profile) {
  v1::Profile v1;
  v1.name = profile.metadata.name;
  for (const auto& [key, value] : profile.labels_to_apply) {
    if (value.empty())
      v1.tags.push_back(key);
    else
      v1.labels[key] = value;
  }
  v1.ingress = V1Rules(profile.ingress);
  v1.egress = V1Rules(profile.egress);
  return v1;
}

// v3 puts labels of its own on every endpoint (A.7.6); in 2.6 only Kubernetes' endpoints name their
// namespace.
std::map<std::string, std::string> EndpointLabels(const WorkloadEndpoint& endpoint) {
  std::map<std::string, std::string> labels = WithoutOurs(endpoint.metadata.labels);
  const auto ns = endpoint.metadata.labels.find(kNamespaceLabelV3);
  if (ns != endpoint.metadata.labels.end() && endpoint.orchestrator == "k8s")
    labels.try_emplace(kNamespaceLabelV1, ns->second);
  return labels;
}

v1::Resource ToV1(const WorkloadEndpoint& endpoint) {
  v1::WorkloadEndpoint v1;
  v1.name = endpoint.endpoint;
  v1.orchestrator = endpoint.orchestrator;
  v1.node = endpoint.node;
  v1.active_instance_id = endpoint.container_id;
  if (endpoint.orchestrator == "k8s") {
    v1.workload = endpoint.metadata.ns + "." + endpoint.pod;
  } else if (endpoint.orchestrator == "cni") {
    v1.workload = endpoint.container_id;
    v1.active_instance_id.clear();
  } else {
    v1.workload = endpoint.workload;
  }
  v1.labels = EndpointLabels(endpoint);
  v1.ip_networks = endpoint.ip_networks;
  v1.ip_nats = endpoint.ip_nats;
  v1.ipv4_gateway = endpoint.ipv4_gateway;
  v1.ipv6_gateway = endpoint.ipv6_gateway;
  v1.profiles = endpoint.profiles;
  v1.interface_name = endpoint.interface_name;
  v1.mac = endpoint.mac;
  return v1;
}

}  // namespace

Result<Object> V1ToV3(const v1::Resource& resource, V1Names names) {
  return std::visit([names](const auto& v1) { return ToV3(v1, names); }, resource);
}

Result<v1::Resource> V3ToV1(const Object& object) {
  RETURN_IF_ERROR(codec::CheckExpressibleInV1(object));
  return std::visit(
      [](const auto& o) -> Result<v1::Resource> {
        if constexpr (requires { ToV1(o); })
          return ToV1(o);
        else
          return Error(ErrorCode::kUnsupported, "the v1 API has no such kind");
      },
      object);
}

std::string DescribeV1(const Object& object) {
  if (const auto* peer = std::get_if<BGPPeer>(&object)) {
    return peer->node.empty() ? fmt::format("BGPPeer(global, ip={})", peer->peer_ip)
                              : fmt::format("BGPPeer(node={}, ip={})", peer->node, peer->peer_ip);
  }
  const auto v1 = V3ToV1(object);
  if (!v1.has_value()) return DescribeV1(KeyOf(object));
  if (const auto* host = std::get_if<v1::HostEndpoint>(&*v1))
    return fmt::format("HostEndpoint(node={}, name={})", host->node, host->name);
  if (const auto* endpoint = std::get_if<v1::WorkloadEndpoint>(&*v1)) {
    return fmt::format("WorkloadEndpoint(node={}, orchestrator={}, workload={}, name={})", endpoint->node,
                       endpoint->orchestrator, endpoint->workload, endpoint->name);
  }
  return DescribeV1(KeyOf(object));
}

}  // namespace calico::model
