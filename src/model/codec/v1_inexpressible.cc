// SPDX-License-Identifier: Apache-2.0
// What v3 objects say that documents of the v1 API have no place for.
#include <algorithm>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"
#include "model/codec/v1.h"
#include "net/ip.h"

namespace calico::model::codec {
namespace {

using Words = std::set<std::string, std::less<>>;

struct KindForm {
  Words same;  // members of spec with a place in v1
  // Members without one, and the values that say what v1 means anyway.
  std::map<std::string, std::vector<Json>> defaults;
  Words ignored;  // what a node says about itself
  bool labels = false;
  bool annotations = false;
};

const std::map<Kind, KindForm>& Forms() {
  static const std::map<Kind, KindForm> forms{
      {Kind::kBGPPeer,
       {{"node", "peerIP", "asNumber"},
        {{"nodeSelector", {"all()"}},
         {"nextHopMode", {"Auto"}},
         {"sourceAddress", {"UseNodeIP"}},
         {"reversePeering", {"Auto"}}},
        {}}},
      {Kind::kHostEndpoint, {{"node", "interfaceName", "expectedIPs", "profiles"}, {}, {}, true}},
      {Kind::kIPPool,
       {{"cidr", "ipipMode", "natOutgoing", "disabled"},
        {{"vxlanMode", {"Never"}},
         {"blockSize", {26, 122}},
         {"nodeSelector", {"all()"}},
         {"allowedUses", {Json::array({"Workload", "Tunnel"}), Json::array({"Tunnel", "Workload"})}},
         {"assignmentMode", {"Automatic"}}},
        {}}},
      {Kind::kNode,
       {{"bgp", "orchRefs"},
        {},
        {"ipv4VXLANTunnelAddr", "vxlanTunnelMACAddr", "ipv6VXLANTunnelAddr", "vxlanTunnelMACAddrV6",
         "wireguard", "addresses", "interfaces"}}},
      {Kind::kGlobalNetworkPolicy,
       {{"order", "ingress", "egress", "selector", "types", "doNotTrack", "preDNAT"},
        {{"tier", {"default"}}},
        {"applyOnForward"},  // looked at separately
        false,
        true}},
      {Kind::kProfile, {{"ingress", "egress", "labelsToApply"}, {}, {}}},
      {Kind::kWorkloadEndpoint,
       {{"orchestrator", "workload", "node", "containerID", "pod", "endpoint", "ipNetworks", "ipNATs",
         "ipv4Gateway", "ipv6Gateway", "profiles", "interfaceName", "mac"},
        {},
        {},
        true}},
  };
  return forms;
}

const Words& RuleMembers() {
  static const Words members{"action", "ipVersion", "protocol", "notProtocol",
                             "icmp",   "notICMP",   "source",   "destination"};
  return members;
}
const Words& EntityMembers() {
  static const Words members{"nets", "notNets", "selector", "notSelector", "ports", "notPorts"};
  return members;
}

Error Without(const std::string& field, const Json& value, const std::string& why) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  return Error(ErrorCode::kInvalidArgument, fmt::format("error with field {} = '{}' ({})", field, text, why));
}
Error NoPlace(const std::string& field, const Json& value) {
  return Without(field, value, "the v1 API has no such field");
}

Status CheckMembers(const Json& json, const Words& known, const std::string& at) {
  for (const auto& [name, value] : json.items()) {
    if (!known.contains(name)) return NoPlace(at + "." + name, value);
  }
  return Ok();
}

Status CheckRules(const Json& rules, const std::string& at) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const std::string rule = fmt::format("{}[{}]", at, i);
    RETURN_IF_ERROR(CheckMembers(rules[i], RuleMembers(), rule));
    for (const char* side : {"source", "destination"}) {
      if (!rules[i].contains(side)) continue;
      const Json& entity = rules[i][side];
      RETURN_IF_ERROR(CheckMembers(entity, EntityMembers(), rule + "." + side));
      for (const char* list : {"ports", "notPorts"}) {
        if (!entity.contains(list)) continue;
        for (const Json& port : entity[list]) {
          if (port.is_string() && port.get_ref<const std::string&>().find(':') == std::string::npos)
            return Without(fmt::format("{}.{}.{}", rule, side, list), port, "the v1 API has no named ports");
        }
      }
    }
  }
  return Ok();
}

// Calico's own labels and annotations come and go with the API.
Status CheckWords(const std::map<std::string, std::string>& words, const std::string& field) {
  for (const auto& [key, value] : words) {
    if (!key.starts_with("projectcalico.org/")) return NoPlace(field, key);
  }
  return Ok();
}

Status CheckSpec(const Json& spec, const KindForm& form) {
  for (const auto& [name, value] : spec.items()) {
    if (form.same.contains(name) || form.ignored.contains(name)) continue;
    const auto usual = form.defaults.find(name);
    if (usual != form.defaults.end() &&
        std::find(usual->second.begin(), usual->second.end(), value) != usual->second.end())
      continue;
    return NoPlace("spec." + name, value);
  }
  for (const char* rules : {"ingress", "egress"}) {
    if (spec.contains(rules)) RETURN_IF_ERROR(CheckRules(spec[rules], std::string("spec.") + rules));
  }
  return Ok();
}

// What depends on more than one member.
Status CheckKind(const BGPPeer& peer) {
  if (peer.node_selector == "all()" && !peer.node.empty())
    return NoPlace("spec.nodeSelector", peer.node_selector);
  if (!net::Ip::Parse(peer.peer_ip))
    return Without("spec.peerIP", peer.peer_ip, "the v1 API takes an address without a port");
  return Ok();
}
Status CheckKind(const HostEndpoint& endpoint) {
  if (endpoint.interface_name == "*")
    return Without("spec.interfaceName", "*", "the v1 API has no host endpoint for all interfaces");
  return Ok();
}
Status CheckKind(const IPPool& pool) {
  const int usual = pool.cidr.find(':') == std::string::npos ? 26 : 122;
  if (pool.block_size != 0 && pool.block_size != usual) return NoPlace("spec.blockSize", pool.block_size);
  return Ok();
}
Status CheckKind(const Node& node) {
  if (node.bgp && !node.bgp->route_reflector_cluster_id.empty())
    return NoPlace("spec.bgp.routeReflectorClusterID", node.bgp->route_reflector_cluster_id);
  return Ok();
}
Status CheckKind(const GlobalNetworkPolicy& policy) {
  if (policy.global.apply_on_forward && !policy.global.do_not_track && !policy.global.pre_dnat)
    return NoPlace("spec.applyOnForward", true);
  return Ok();
}
Status CheckKind(const WorkloadEndpoint& endpoint) {
  const std::string& ns = endpoint.metadata.ns;
  if (endpoint.orchestrator != "k8s" && !ns.empty() && ns != "default")
    return Without("metadata.namespace", ns, "in the v1 API only workloads of orchestrator k8s have one");
  return Ok();
}
template <typename T>
Status CheckKind(const T&) {
  return Ok();
}

}  // namespace

Status CheckExpressibleInV1(const Object& object) {
  const Kind kind = static_cast<Kind>(object.index());
  if (kind == Kind::kNetworkPolicy) {
    return Without("metadata.namespace", MetadataOf(object).ns, "policies of the v1 API have no namespace");
  }
  const auto form = Forms().find(kind);
  if (form == Forms().end()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("the v1 API has no kind {}", KindName(kind)));
  }
  const Metadata& metadata = MetadataOf(object);
  if (!form->second.labels) RETURN_IF_ERROR(CheckWords(metadata.labels, "metadata.labels"));
  if (!form->second.annotations) RETURN_IF_ERROR(CheckWords(metadata.annotations, "metadata.annotations"));
  // Members that this version does not know are shown by neither API.
  Object known = object;
  std::visit([](auto& o) { o.unknown.clear(); }, known);
  const Json json = EncodeObject(known, false);
  if (json.contains("spec")) RETURN_IF_ERROR(CheckSpec(json["spec"], form->second));
  return std::visit([](const auto& o) { return CheckKind(o); }, known);
}

}  // namespace calico::model::codec
