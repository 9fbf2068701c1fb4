// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <charconv>
#include <set>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/value.h"

namespace calico::model {
namespace codec {
namespace {

template <typename T>
bool IsEmpty(const T& value) {
  return value == T{};
}

enum Flag { kOmitEmpty, kAlways };

// A protocol is stored as a number when it is one (reference datastore-model A.3.9).
struct ProtocolText {
  std::string& text;
};

// --- the two visitors

struct Encoder {
  Json& out;
  bool stored;

  template <typename T>
  void operator()(const char* name, T& member, Flag flag = kOmitEmpty) {
    if (flag == kAlways || !IsEmpty(member)) out[name] = Write(member);
  }
  template <typename T>
  void operator()(const char* name, std::optional<T>& member, Flag flag = kOmitEmpty) {
    if (member)
      out[name] = WriteAny(*member);
    else if (flag == kAlways)
      out[name] = nullptr;
  }
  template <typename T>
  void operator()(const char* name, std::vector<T>& member, Flag flag = kOmitEmpty) {
    if (member.empty() && flag == kOmitEmpty) return;
    Json list = Json::array();
    for (T& item : member) list.push_back(WriteAny(item));
    out[name] = std::move(list);
  }
  void operator()(const char* name, ProtocolText member) {
    if (member.text.empty()) return;
    int number = 0;
    const char* end = member.text.data() + member.text.size();
    const auto [stop, error] = std::from_chars(member.text.data(), end, number);
    if (stop == end && error == std::errc())
      out[name] = number;
    else
      out[name] = member.text;
  }
  // A struct-typed member: always stored, dropped by the printer when empty (A.3.6).
  template <typename T>
  void Struct(const char* name, T& member) {
    Json inner = WriteAny(member);
    if (stored || !inner.empty()) out[name] = std::move(inner);
  }
  template <typename T>
  Json WriteAny(T& value) {
    if constexpr (requires(Encoder e) { Fields(e, value); }) {
      Json json = Json::object();
      Encoder inner{json, stored};
      Fields(inner, value);
      return json;
    } else if constexpr (requires { value.has_value(); }) {
      return value ? WriteAny(*value) : Json(nullptr);
    } else {
      return Write(value);
    }
  }
};

struct Decoder {
  const Json& in;
  std::string path;
  UnknownMembers& unknown;
  std::set<std::string> seen;

  // Upstream's decoder also takes a name in other letter case (reference calicoctl A.5).
  const Json* Find(const char* name) {
    for (const auto& [key, value] : in.items()) {
      if (key == name || (!in.contains(name) && EqualsIgnoreCase(key, name))) {
        seen.insert(key);
        return value.is_null() ? nullptr : &value;
      }
    }
    return nullptr;
  }
  template <typename T>
  void operator()(const char* name, T& member, Flag = kOmitEmpty) {
    if (const Json* json = Find(name)) ReadAny(*json, member, path + "/" + name);
  }
  void operator()(const char* name, ProtocolText member) {
    if (const Json* json = Find(name)) Read(*json, member.text, path + "/" + name);
    // Any letter case is read, the canonical one is kept (reference datastore-model C.2).
    for (const char* canonical : {"TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"}) {
      if (EqualsIgnoreCase(member.text, canonical)) member.text = canonical;
    }
  }
  template <typename T>
  void Struct(const char* name, T& member) {
    (*this)(name, member);
  }
  template <typename T>
  void ReadAny(const Json& json, T& member, const std::string& at) {
    if constexpr (requires(Decoder d) { Fields(d, member); }) {
      if (!json.is_object()) Fail(at, "must be a map");
      Decoder inner{json, at, unknown, {}};
      Fields(inner, member);
      inner.Finish();
    } else if constexpr (requires {
                           member.emplace();
                           member.has_value();
                         }) {
      if (json.is_null())
        member.reset();
      else
        ReadAny(json, member.emplace(), at);
    } else if constexpr (requires { member.emplace_back(); } && !std::is_same_v<T, std::string>) {
      if (!json.is_array()) Fail(at, "must be a list");
      for (std::size_t i = 0; i < json.size(); ++i)
        ReadAny(json[i], member.emplace_back(), fmt::format("{}/{}", at, i));
    } else {
      Read(json, member, at);
    }
  }
  void Finish() {
    for (const auto& [key, value] : in.items()) {
      if (!seen.contains(key)) unknown[path + "/" + EscapePointer(key)] = Dump(ResolvePlain(value));
    }
  }
};

// --- members, in upstream's order

template <typename V>
void Fields(V& v, IcmpMatch& o) {
  v("type", o.type);
  v("code", o.code);
}
template <typename V>
void Fields(V& v, EntityRule& o) {
  v("nets", o.nets);
  v("selector", o.selector);
  v("namespaceSelector", o.namespace_selector);
  v("ports", o.ports);
  v("notNets", o.not_nets);
  v("notSelector", o.not_selector);
  v("notPorts", o.not_ports);
}
template <typename V>
void Fields(V& v, Rule& o) {
  v("action", o.action, kAlways);
  v("ipVersion", o.ip_version);
  v("protocol", ProtocolText{o.protocol});
  v("icmp", o.icmp);
  v("notProtocol", ProtocolText{o.not_protocol});
  v("notICMP", o.not_icmp);
  v.Struct("source", o.source);
  v.Struct("destination", o.destination);
}
template <typename V>
void Fields(V& v, NodeBgp& o) {
  v("asNumber", o.as_number);
  v("ipv4Address", o.ipv4_address);
  v("ipv6Address", o.ipv6_address);
  v("ipv4IPIPTunnelAddr", o.ipv4_ipip_tunnel_addr);
  v("routeReflectorClusterID", o.route_reflector_cluster_id);
}
template <typename V>
void Fields(V& v, NodeAddress& o) {
  v("address", o.address, kAlways);
  v("type", o.type);
}
template <typename V>
void Fields(V& v, OrchRef& o) {
  v("nodeName", o.node_name);
  v("orchestrator", o.orchestrator, kAlways);
}
template <typename V>
void Fields(V& v, EndpointPort& o) {
  v("name", o.name, kAlways);
  v("protocol", o.protocol, kAlways);
  v("port", o.port, kAlways);
  v("hostPort", o.host_port, kAlways);
  v("hostIP", o.host_ip, kAlways);
}

template <typename V>
void Spec(V& v, IPPool& o) {
  v("cidr", o.cidr, kAlways);
  v("vxlanMode", o.vxlan_mode);
  v("ipipMode", o.ipip_mode);
  v("natOutgoing", o.nat_outgoing);
  v("disabled", o.disabled);
  v("disableBGPExport", o.disable_bgp_export);
  v("blockSize", o.block_size);
  v("nodeSelector", o.node_selector);
  v("namespaceSelector", o.namespace_selector);
  v("allowedUses", o.allowed_uses);
  v("assignmentMode", o.assignment_mode);
}
template <typename V>
void Spec(V& v, Node& o) {
  v("bgp", o.bgp);
  v("orchRefs", o.orch_refs);
  v("addresses", o.addresses);
}
template <typename V>
void Spec(V& v, WorkloadEndpoint& o) {
  v("orchestrator", o.orchestrator);
  v("workload", o.workload);
  v("node", o.node);
  v("containerID", o.container_id);
  v("pod", o.pod);
  v("endpoint", o.endpoint);
  v("serviceAccountName", o.service_account_name);
  v("ipNetworks", o.ip_networks);
  v("ipv4Gateway", o.ipv4_gateway);
  v("ipv6Gateway", o.ipv6_gateway);
  v("profiles", o.profiles);
  v("interfaceName", o.interface_name);
  v("mac", o.mac);
  v("ports", o.ports);
}
template <typename V>
void Spec(V& v, Profile& o) {
  v("ingress", o.ingress);
  v("egress", o.egress);
  v("labelsToApply", o.labels_to_apply);
}
template <typename V>
void Spec(V& v, BGPConfiguration& o) {
  v("logSeverityScreen", o.log_severity_screen);
  v("nodeToNodeMeshEnabled", o.node_to_node_mesh_enabled);
  v("asNumber", o.as_number);
  v("listenPort", o.listen_port);
}
template <typename V>
void Spec(V& v, BGPPeer& o) {
  v("node", o.node);
  v("nodeSelector", o.node_selector);
  v("peerIP", o.peer_ip);
  v("asNumber", o.as_number);
  v("peerSelector", o.peer_selector);
}
template <typename V>
void Spec(V& v, ClusterInformation& o) {
  v("clusterGUID", o.cluster_guid);
  v("clusterType", o.cluster_type);
  v("calicoVersion", o.calico_version);
  v("datastoreReady", o.datastore_ready);
}
template <typename V>
void Spec(V& v, FelixConfiguration& o) {
  v("logSeverityScreen", o.log_severity_screen);
  v("interfacePrefix", o.interface_prefix);
  v("defaultEndpointToHostAction", o.default_endpoint_to_host_action);
  v("healthEnabled", o.health_enabled);
  v("healthHost", o.health_host);
  v("healthPort", o.health_port);
  v("prometheusMetricsEnabled", o.prometheus_metrics_enabled);
  v("prometheusMetricsHost", o.prometheus_metrics_host);
  v("prometheusMetricsPort", o.prometheus_metrics_port);
  v("ipv6Support", o.ipv6_support);
  v("reportingInterval", o.reporting_interval);
  v("claimBlocksAtStart", o.claim_blocks_at_start);
}

template <typename V>
void Fields(V& v, Metadata& o) {
  v("name", o.name);
  v("generateName", o.generate_name);
  v("namespace", o.ns);
  v("uid", o.uid);
  v("resourceVersion", o.resource_version);
  v("creationTimestamp", o.creation_timestamp);
  v("labels", o.labels);
  v("annotations", o.annotations);
}

template <typename V>
void Fields(V& v, AllocationAttribute& o) {
  v("handle_id", o.handle_id);
  v("secondary", o.secondary);
}
template <typename V>
void Whole(V& v, IpamBlock& o) {
  v("cidr", o.cidr, kAlways);
  v("affinity", o.affinity, kAlways);
  v("affinity_claim_time", o.affinity_claim_time);
  v("allocations", o.allocations, kAlways);
  v("unallocated", o.unallocated, kAlways);
  v("attributes", o.attributes, kAlways);
  v("sequenceNumber", o.sequence_number, kAlways);
  v("sequenceNumberForAllocation", o.sequence_number_for_allocation, kAlways);
  v("deleted", o.deleted, kAlways);
}
template <typename V>
void Whole(V& v, IpamHandle& o) {
  v("block", o.blocks, kAlways);
  v("deleted", o.deleted, kAlways);
}
template <typename V>
void Whole(V& v, IpamConfig& o) {
  v("strict_affinity", o.strict_affinity);
  v("auto_allocate_blocks", o.auto_allocate_blocks);
  v("maxBlocksPerHost", o.max_blocks_per_host);
}
template <typename V>
void Whole(V& v, DockerNetwork& o) {
  v("name", o.name, kAlways);
}

// --- whole objects

// Puts unknown members back; one whose parent is gone (a removed list item) goes with it.
void InsertUnknown(Json& json, const UnknownMembers& unknown) {
  for (const auto& [path, text] : unknown) {
    const std::size_t slash = path.rfind('/');
    const Json::json_pointer parent(path.substr(0, slash));
    if (parent.empty() || (json.contains(parent) && json[parent].is_object())) {
      json[parent][UnescapePointer(path.substr(slash + 1))] = Json::parse(text);
    }
  }
}

template <typename T>
concept IsResourceStruct = requires(T o) { o.metadata; };

void FromJson(const Json& json, IpamBlock& o) {
  Decoder decoder{json, "", o.unknown, {}};
  Whole(decoder, o);
  // Allocations and attributes keep "alternateOwnerAttrs" as text.
  for (auto it = o.unknown.begin(); it != o.unknown.end();) {
    const std::vector<std::string> parts = Split(it->first, '/');
    if (parts.size() == 4 && parts[1] == "attributes" && parts[3] == "alternateOwnerAttrs") {
      o.attributes[static_cast<std::size_t>(std::stoul(parts[2]))].alternate_owner_attrs_json = it->second;
      it = o.unknown.erase(it);
    } else {
      ++it;
    }
  }
  decoder.Finish();
  // Legacy (datastore-model A.10.3). Not kept: once the affinity is released, the member would bring it back.
  if (const auto host = o.unknown.find("/hostAffinity"); host != o.unknown.end()) {
    const Json name = Json::parse(host->second);
    if (name.is_string() && !o.affinity) o.affinity = "host:" + name.get<std::string>();
    o.unknown.erase(host);
  }
  // Some migrated data carries garbage behind the handle (A.10.3).
  for (AllocationAttribute& attribute : o.attributes) {
    if (attribute.handle_id)
      attribute.handle_id = attribute.handle_id->substr(0, attribute.handle_id->find('\r'));
  }
}
void FromJson(const Json& json, BlockAffinity& o) {
  std::string state;
  Decoder decoder{json, "", o.unknown, {}};
  decoder("state", state);
  decoder("deleted", o.deleted);
  decoder.Finish();
  if (state == "pending")
    o.state = AffinityState::kPending;
  else if (state == "pendingDeletion")
    o.state = AffinityState::kPendingDeletion;
}
void FromJson(const Json& json, IpamConfig& o) {
  o.auto_allocate_blocks = false;  // absent in an existing object means false
  Decoder decoder{json, "", o.unknown, {}};
  Whole(decoder, o);
  decoder.Finish();
}
template <typename T>
void FromJson(const Json& json, T& o) {
  Decoder decoder{json, "", o.unknown, {}};
  if constexpr (IsResourceStruct<T>) {
    decoder.seen = {"kind", "apiVersion", "metadata", "spec"};
    if (const Json* metadata = decoder.Find("metadata")) decoder.ReadAny(*metadata, o.metadata, "/metadata");
    if (const Json* spec = decoder.Find("spec")) {
      if (!spec->is_object()) Fail("/spec", "must be a map");
      Decoder inner{*spec, "/spec", o.unknown, {}};
      Spec(inner, o);
      inner.Finish();
    }
  } else {
    Whole(decoder, o);
  }
  decoder.Finish();
}

Json ToJson(BlockAffinity& o, bool) {
  const char* state = o.state == AffinityState::kPending     ? "pending"
                      : o.state == AffinityState::kConfirmed ? "confirmed"
                                                             : "pendingDeletion";
  Json json{{"state", state}, {"deleted", o.deleted}};
  InsertUnknown(json, o.unknown);
  return json;
}
template <typename T>
Json ToJson(T& o, bool stored) {
  Json json = Json::object();
  if constexpr (IsResourceStruct<T>) {
    const Kind kind = static_cast<Kind>(Object(o).index());
    json["kind"] = KindName(kind);
    json["apiVersion"] = "projectcalico.org/v3";
    Encoder encoder{json, stored};
    Metadata metadata = o.metadata;
    if (stored) metadata.resource_version.clear();
    Json meta = encoder.WriteAny(metadata);
    if (metadata.creation_timestamp.empty()) {
      // null stands where the time would (A.3.6); labels and annotations follow.
      Json ordered = Json::object();
      for (const auto& [key, value] : meta.items()) {
        if ((key == "labels" || key == "annotations") && !ordered.contains("creationTimestamp"))
          ordered["creationTimestamp"] = nullptr;
        ordered[key] = value;
      }
      ordered["creationTimestamp"] = nullptr;
      meta = std::move(ordered);
    }
    json["metadata"] = std::move(meta);
    Json spec = Json::object();
    Encoder inner{spec, stored};
    Spec(inner, o);
    json["spec"] = std::move(spec);
    if constexpr (std::is_same_v<T, Node>) json["status"] = Json::object();
    if constexpr (std::is_same_v<T, FelixConfiguration>) json["spec"]["bpfLogLevel"] = "";
  } else {
    Encoder encoder{json, stored};
    Whole(encoder, o);
    if constexpr (std::is_same_v<T, IpamBlock>) {
      for (std::size_t i = 0; i < o.attributes.size(); ++i) {
        const std::string& text = o.attributes[i].alternate_owner_attrs_json;
        if (!text.empty()) json["attributes"][i]["alternateOwnerAttrs"] = Json::parse(text);
      }
    }
  }
  InsertUnknown(json, o.unknown);
  if constexpr (std::is_same_v<T, Node>) {
    if (!stored && json["status"].empty()) json.erase("status");
  }
  return json;
}

template <std::size_t... I>
Object EmptyAt(std::size_t index, std::index_sequence<I...>) {
  Object object;
  ((I == index ? static_cast<void>(object.emplace<I>()) : void()), ...);
  return object;
}

}  // namespace

Object EmptyObject(Kind kind) {
  return EmptyAt(static_cast<std::size_t>(kind), std::make_index_sequence<std::variant_size_v<Object>>());
}

Status DecodeObject(const Json& json, Object& object) {
  if (!json.is_object()) return Error(ErrorCode::kInvalidArgument, "not a JSON object");
  try {
    std::visit([&](auto& o) { FromJson(json, o); }, object);
  } catch (const Bad& bad) {
    return Error(ErrorCode::kInvalidArgument, bad.text);
  } catch (const nlohmann::json::exception& error) {
    return Error(ErrorCode::kInvalidArgument, error.what());
  }
  return Ok();
}

Json EncodeObject(const Object& object, bool stored) {
  Object copy = object;
  return std::visit([&](auto& o) { return ToJson(o, stored); }, copy);
}

std::string DumpStored(const Json& json) {
  std::string text = Dump(json);
  // These characters stand only inside strings of a JSON text, so that replacing them everywhere is right.
  for (const auto& [from, to] : {std::pair{"&", "\\u0026"},
                                 {"<", "\\u003c"},
                                 {">", "\\u003e"},
                                 {"\xe2\x80\xa8", "\\u2028"},
                                 {"\xe2\x80\xa9", "\\u2029"}})
    text = ReplaceAll(std::move(text), from, to);
  return text;
}

}  // namespace codec

Result<Object> DecodeValue(const Key& key, std::string_view json) {
  Object object = codec::EmptyObject(key.kind);
  if (json.empty() && key.kind == Kind::kBlockAffinity)
    return object;  // written by very old versions: confirmed
  const codec::Json parsed = codec::Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return Error(ErrorCode::kInvalidArgument, Describe(key) + ": not JSON");
  if (Status status = codec::DecodeObject(parsed, object); !status.has_value()) {
    return std::move(status).error().WithContext(Describe(key));
  }
  // Read defaults (reference datastore-model A.7.6).
  if (auto* pool = std::get_if<IPPool>(&object)) {
    const auto cidr = net::Cidr::Parse(pool->cidr);
    if (pool->block_size == 0) pool->block_size = cidr && cidr->family() == net::Family::kV6 ? 122 : 26;
    if (pool->allowed_uses.empty()) pool->allowed_uses = {"Workload", "Tunnel"};
    if (pool->node_selector.empty()) pool->node_selector = "all()";
    if (pool->ipip_mode.empty()) pool->ipip_mode = "Never";
    if (pool->vxlan_mode.empty()) pool->vxlan_mode = "Never";
    if (pool->assignment_mode.empty()) pool->assignment_mode = "Automatic";
  }
  return object;
}

std::string EncodeValue(const Key&, const Object& object) {
  return codec::DumpStored(codec::EncodeObject(object, true));
}

Metadata& MetadataOf(Object& object) {
  return std::visit(
      [](auto& o) -> Metadata& {
        if constexpr (requires { o.metadata; }) {
          return o.metadata;
        } else {
          CHECK(false, "metadata of an IPAM object");
          std::abort();
        }
      },
      object);
}
const Metadata& MetadataOf(const Object& object) {
  return MetadataOf(const_cast<Object&>(object));
}

Key KeyOf(const Object& resource) {
  const Metadata& metadata = MetadataOf(resource);
  const Kind kind = static_cast<Kind>(resource.index());
  return Key{kind, IsNamespaced(kind) ? metadata.ns : std::string(), metadata.name};
}

}  // namespace calico::model
