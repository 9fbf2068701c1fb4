// SPDX-License-Identifier: Apache-2.0
#include "model/codec/v1_stored.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/felix_v1.h"
#include "model/codec/fields.h"
#include "model/codec/v1_stored_kinds.h"
#include "model/codec/value.h"

namespace calico::model {
namespace codec {
namespace {

bool IsV6(const std::string& text) {
  return text.find(':') != std::string::npos;
}
Json TextsOf(const std::vector<std::string>& texts, bool v6) {
  Json list = Json::array();
  for (const std::string& text : texts) {
    if (IsV6(text) == v6) list.push_back(text);
  }
  return list;
}

Json NatsOf(const std::vector<IpNat>& nats, bool v6) {
  Json list = Json::array();
  for (const IpNat& nat : nats) {
    if (IsV6(nat.internal_ip) == v6)
      list.push_back(Json{{"int_ip", nat.internal_ip}, {"ext_ip", nat.external_ip}});
  }
  return list;
}

}  // namespace

// --- endpoints

constexpr char kActive[] = "active", kState[] = "/spec/state";

void Decode(const V1Identity& identity, const V1Values& values, WorkloadEndpoint& o) {
  const Json json = ParseObject(values, "");
  o.node = identity.node;
  o.orchestrator = identity.orchestrator;
  o.endpoint = identity.name;
  const std::string instance = Text(json, "active_instance_id");
  if (o.orchestrator == "k8s") {
    const std::size_t dot = identity.workload.find('.');
    o.pod = dot == std::string::npos ? identity.workload : identity.workload.substr(dot + 1);
    o.container_id = instance;
  } else if (o.orchestrator == "cni") {
    o.container_id = identity.workload;
  } else {
    o.workload = identity.workload;
    o.container_id = instance;
  }
  if (const std::string state = Text(json, "state"); !state.empty() && state != kActive)
    o.unknown[kState] = Dump(state);
  o.interface_name = Text(json, "name");
  o.mac = Text(json, "mac");
  AddTexts(json, "profile_ids", o.profiles);
  AddTexts(json, "ipv4_nets", o.ip_networks);
  AddTexts(json, "ipv6_nets", o.ip_networks);
  for (const char* name : {"ipv4_nat", "ipv6_nat"}) {
    const Json* list = Member(json, name);
    if (list == nullptr) continue;
    if (!list->is_array()) Fail(std::string("/") + name, "must be a list");
    for (const Json& nat : *list) o.ip_nats.push_back({Text(nat, "int_ip"), Text(nat, "ext_ip")});
  }
  o.metadata.labels = Map(json, "labels");
  o.ipv4_gateway = Text(json, "ipv4_gateway");
  o.ipv6_gateway = Text(json, "ipv6_gateway");
}

void Encode(const V1Identity&, const WorkloadEndpoint& o, const V1Values&, V1Values& out) {
  RefuseAnnotations(o.metadata, "WorkloadEndpoint");
  if (!o.ports.empty()) Refuse("ports of a WorkloadEndpoint");
  if (!o.allow_spoofed_source_prefixes.empty()) Refuse("allowSpoofedSourcePrefixes");
  if (o.qos_controls) Refuse("qosControls");
  if (!o.service_account_name.empty()) Refuse("serviceAccountName");
  std::vector<std::string> nets;
  for (const std::string& net : o.ip_networks) {
    const auto cidr = net::Cidr::Parse(net);
    nets.push_back(cidr ? cidr->Masked().ToString() : net);
  }
  const auto state = o.unknown.find(kState);
  Json json{{"state", state == o.unknown.end() ? Json(kActive) : Json::parse(state->second, nullptr, false)},
            {"name", o.interface_name},
            {"active_instance_id", o.orchestrator == "cni" ? "" : o.container_id}};
  json["mac"] = o.mac.empty() ? Json(nullptr) : Json(ToLower(o.mac));
  json["profile_ids"] = o.profiles.empty() ? Json(nullptr) : Json(o.profiles);
  json["ipv4_nets"] = TextsOf(nets, false);
  json["ipv6_nets"] = TextsOf(nets, true);
  SetUnlessEmpty(json, "ipv4_nat", NatsOf(o.ip_nats, false));
  SetUnlessEmpty(json, "ipv6_nat", NatsOf(o.ip_nats, true));
  // v3 repeats these two as labels; 2.6 did not.
  std::map<std::string, std::string> labels = o.metadata.labels;
  for (const auto& [name, value] :
       {std::pair<std::string, std::string>{"projectcalico.org/namespace", o.metadata.ns},
        {"projectcalico.org/orchestrator", o.orchestrator}}) {
    if (const auto found = labels.find(name); found != labels.end() && found->second == value)
      labels.erase(found);
  }
  SetUnlessEmpty(json, "labels", Json(labels));
  SetUnlessEmpty(json, "ipv4_gateway", o.ipv4_gateway);
  SetUnlessEmpty(json, "ipv6_gateway", o.ipv6_gateway);
  out[""] = DumpStored(json);
}

void Decode(const V1Identity& identity, const V1Values& values, HostEndpoint& o) {
  const Json json = ParseObject(values, "");
  o.node = identity.node;
  o.interface_name = Text(json, "name");
  AddTexts(json, "expected_ipv4_addrs", o.expected_ips);
  AddTexts(json, "expected_ipv6_addrs", o.expected_ips);
  o.metadata.labels = Map(json, "labels");
  AddTexts(json, "profile_ids", o.profiles);
}
void Encode(const V1Identity&, const HostEndpoint& o, const V1Values&, V1Values& out) {
  RefuseAnnotations(o.metadata, "HostEndpoint");
  if (!o.ports.empty()) Refuse("ports of a HostEndpoint");
  if (o.interface_name == "*") Refuse("the interface '*' of a HostEndpoint");
  Json json = Json::object();
  SetUnlessEmpty(json, "name", o.interface_name);
  SetUnlessEmpty(json, "expected_ipv4_addrs", TextsOf(o.expected_ips, false));
  SetUnlessEmpty(json, "expected_ipv6_addrs", TextsOf(o.expected_ips, true));
  SetUnlessEmpty(json, "labels", Json(o.metadata.labels));
  SetUnlessEmpty(json, "profile_ids", Json(o.profiles));
  out[""] = DumpStored(json);
}

// --- pools and peers

void Decode(const V1Identity& identity, const V1Values& values, IPPool& o) {
  const Json json = ParseObject(values, "");
  o.cidr = identity.name;
  const std::string mode = Text(json, "ipip_mode");
  o.ipip_mode = Text(json, "ipip").empty() ? "Never" : mode == "cross-subnet" ? "CrossSubnet" : "Always";
  o.vxlan_mode = "Never";
  o.nat_outgoing = Flag(json, "masquerade");
  o.disabled = Flag(json, "disabled");
  o.block_size = IsV6(o.cidr) ? 122 : 26;
  o.node_selector = "all()";
  o.allowed_uses = {"Workload", "Tunnel"};
  o.assignment_mode = "Automatic";
}
void Encode(const V1Identity&, const IPPool& o, const V1Values&, V1Values& out) {
  RefuseLabels(o.metadata, "IPPool");
  RefuseAnnotations(o.metadata, "IPPool");
  if (!o.vxlan_mode.empty() && o.vxlan_mode != "Never") Refuse("vxlanMode of an IPPool");
  const int size = IsV6(o.cidr) ? 122 : 26;
  if (o.block_size != 0 && o.block_size != size)
    Refuse(fmt::format("blockSize {} of an IPPool", o.block_size));
  if (!o.node_selector.empty() && o.node_selector != "all()") Refuse("nodeSelector of an IPPool");
  if (!o.namespace_selector.empty()) Refuse("namespaceSelector of an IPPool");
  if (o.disable_bgp_export) Refuse("disableBGPExport of an IPPool");
  if (!o.assignment_mode.empty() && o.assignment_mode != "Automatic") Refuse("assignmentMode of an IPPool");
  if (!o.allowed_uses.empty() && o.allowed_uses != std::vector<std::string>{"Workload", "Tunnel"})
    Refuse("allowedUses of an IPPool");
  const bool ipip = !o.ipip_mode.empty() && o.ipip_mode != "Never";
  const Json json{{"cidr", o.cidr},
                  {"ipip", ipip ? "tunl0" : ""},
                  {"ipip_mode", !ipip                          ? ""
                                : o.ipip_mode == "CrossSubnet" ? "cross-subnet"
                                                               : "always"},
                  {"masquerade", o.nat_outgoing},
                  {"ipam", !o.disabled},
                  {"disabled", o.disabled}};
  out[""] = DumpStored(json);
}

void Decode(const V1Identity& identity, const V1Values& values, BGPPeer& o) {
  const Json json = ParseObject(values, "");
  o.node = identity.node;
  o.peer_ip = identity.name;
  if (const Json* number = Member(json, "as_num")) Read(*number, o.as_number.emplace(), "/as_num");
}
void Encode(const V1Identity&, const BGPPeer& o, const V1Values&, V1Values& out) {
  RefuseLabels(o.metadata, "BGPPeer");
  RefuseAnnotations(o.metadata, "BGPPeer");
  BGPPeer plain;
  plain.metadata = o.metadata;
  plain.unknown = o.unknown;
  plain.node = o.node;
  plain.peer_ip = o.peer_ip;
  plain.as_number = o.as_number;
  if (!(plain == o) || !o.as_number) Refuse("a BGPPeer with more than node, peerIP and asNumber");
  out[""] = DumpStored(Json{{"ip", o.peer_ip}, {"as_num", std::to_string(*o.as_number)}});
}

namespace {

template <typename T>
concept IsV1Kind = requires(const V1Identity& identity, const V1Values& values, V1Values& out, T& o) {
  Decode(identity, values, o);
  Encode(identity, o, values, out);
};

// One value: unchanged if it says the same, else with its unknown members.
std::string Merge(const std::string& now, const std::string& was, const std::string& wanted) {
  if (was == wanted) return now;
  const Json a = Json::parse(now, nullptr, false), b = Json::parse(was, nullptr, false),
             c = Json::parse(wanted, nullptr, false);
  if (!a.is_object() || !b.is_object() || !c.is_object()) return wanted;
  return DumpStored(MergeMembers(a, b, c));
}

}  // namespace
}  // namespace codec

Error NeedsEtcdV3(const std::string& what) {
  return Error(
      ErrorCode::kUnsupported,
      fmt::format("etcdv2 stores Calico 2.6 resources only: {} needs etcdv3; see calicoctl datastore "
                  "migrate",
                  what));
}

bool IsSwitchedOff(const WorkloadEndpoint& endpoint) {
  return endpoint.unknown.contains(codec::kState);
}

Result<Object> ObjectFromV1(const Key& key, const V1Identity& identity, const V1Values& values) {
  Object object = codec::EmptyObject(key.kind);
  const auto bad = [&](const std::string& text) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", Describe(key), text));
  };
  try {
    const bool known = std::visit(
        [&](auto& o) {
          if constexpr (codec::IsV1Kind<std::remove_reference_t<decltype(o)>>) {
            o.metadata.name = key.name;
            o.metadata.ns = key.ns;
            codec::Decode(identity, values, o);
            return true;
          }
          return false;
        },
        object);
    if (!known) return NeedsEtcdV3(std::string(KindName(key.kind)));
  } catch (const codec::Bad& error) {
    return bad(error.text);
  } catch (const nlohmann::json::exception& error) {
    return bad(error.what());
  }
  return object;
}

Result<V1Values> ObjectToV1(const Key& key, const V1Identity& identity, const Object& object,
                            const V1Values& now) {
  V1Values wanted, was;
  // What cannot be read is overwritten.
  const auto before =
      now.empty() ? Result<Object>(Error(ErrorCode::kNotFound, "")) : ObjectFromV1(key, identity, now);
  const V1Values base = before.has_value() ? now : V1Values{};
  try {
    const auto encode = [&](const Object& from, V1Values& out) {
      return std::visit(
          [&](const auto& o) {
            if constexpr (codec::IsV1Kind<std::remove_cvref_t<decltype(o)>>) {
              codec::Encode(identity, o, base, out);
              return true;
            }
            return false;
          },
          from);
    };
    if (!encode(object, wanted)) return NeedsEtcdV3(std::string(KindName(key.kind)));
    if (before.has_value()) static_cast<void>(encode(*before, was));
  } catch (const codec::Refused& refused) {
    return refused.error;
  } catch (const codec::Bad& error) {
    return Error(ErrorCode::kInvalidArgument, error.text);
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::kInvalidArgument, error.what());
  }
  V1Values merged;
  for (const auto& [role, value] : wanted) {
    const auto stored = base.find(role);
    const auto understood = was.find(role);
    const bool known = stored != base.end() && understood != was.end();
    if (stored == base.end() && understood != was.end() && understood->second == value)
      continue;  // says the same without the key
    merged[role] = known ? codec::Merge(stored->second, understood->second, value) : value;
  }
  // Values that we do not understand are not ours to remove.
  for (const auto& [role, value] : base) {
    if (!wanted.contains(role) && !was.contains(role)) merged[role] = value;
  }
  return merged;
}

}  // namespace calico::model
