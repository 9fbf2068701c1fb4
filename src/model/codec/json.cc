// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <type_traits>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/members.h"
#include "model/codec/value.h"

namespace calico::model {
namespace codec {
namespace {

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

// Metadata in the order of Kubernetes' ObjectMeta, as it is stored: the time null when there is none (A.3.6),
// no selfLink (A.3.3).
Json StoredMetadata(Json metadata) {
  if (!metadata.contains("creationTimestamp")) metadata["creationTimestamp"] = nullptr;
  metadata.erase("selfLink");
  Json ordered = Json::object();
  for (const char* name :
       {"name", "generateName", "namespace", "uid", "generation", "creationTimestamp", "deletionTimestamp",
        "deletionGracePeriodSeconds", "labels", "annotations", "ownerReferences", "finalizers"}) {
    if (const auto found = metadata.find(name); found != metadata.end()) ordered[name] = std::move(*found);
  }
  for (auto& [name, value] : metadata.items()) {
    if (!ordered.contains(name)) ordered[name] = std::move(value);
  }
  return ordered;
}

template <typename T>
concept IsResourceStruct = requires(T o) { o.metadata; };
template <typename T>
concept HasStatusMembers = requires(Encoder v, T o) { StatusMembers(v, o); };
// Whose status is stored even when empty (A.3.7). A pool's status came later and is optional.
template <typename T>
constexpr bool kStatusAlways =
    std::is_same_v<T, Node> || std::is_same_v<T, Tier> || std::is_same_v<T, CalicoNodeStatus> ||
    std::is_same_v<T, KubeControllersConfiguration>;

void FromJson(const Json& json, IpamBlock& o, Leftovers& left) {
  Decoder decoder{json, "", left, {}, {}};
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
void FromJson(const Json& json, BlockAffinity& o, Leftovers& left) {
  std::string state;
  Decoder decoder{json, "", left, {}, {}};
  decoder("state", state);
  decoder("deleted", o.deleted);
  decoder.Finish();
  if (state == "pending")
    o.state = AffinityState::kPending;
  else if (state == "pendingDeletion")
    o.state = AffinityState::kPendingDeletion;
}
void FromJson(const Json& json, IpamConfig& o, Leftovers& left) {
  o.auto_allocate_blocks = false;  // absent in an existing object means false
  Decoder decoder{json, "", left, {}, {}};
  Whole(decoder, o);
  decoder.Finish();
}
template <typename T>
void FromJson(const Json& json, T& o, Leftovers& left) {
  Decoder decoder{json, "", left, {}, {}};
  if constexpr (IsResourceStruct<T>) {
    decoder.seen = {"kind", "apiVersion"};
    decoder.asked = {"kind", "apiVersion"};
    if (const Json* metadata = decoder.Find("metadata")) decoder.ReadAny(*metadata, o.metadata, "/metadata");
    if (const Json* spec = decoder.Find("spec")) {
      if (!spec->is_object()) Fail("/spec", "must be a map");
      Decoder inner{*spec, "/spec", left, {}, {}};
      Spec(inner, o);
      inner.Finish();
    }
    if constexpr (HasStatusMembers<T>) {
      if (const Json* status = decoder.Find("status")) {
        if (!status->is_object()) Fail("/status", "must be a map");
        Decoder inner{*status, "/status", left, {}, {}};
        StatusMembers(inner, o);
        inner.Finish();
      }
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
    json["metadata"] = encoder.WriteAny(metadata);
    Json spec = Json::object();
    Encoder inner{spec, stored};
    Spec(inner, o);
    json["spec"] = std::move(spec);
    Json status = Json::object();
    if constexpr (HasStatusMembers<T>) {
      Encoder members{status, stored};
      StatusMembers(members, o);
    }
    if ((stored && kStatusAlways<T>) || !status.empty()) json["status"] = std::move(status);
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
  if constexpr (IsResourceStruct<T>) {
    if (stored) json["metadata"] = StoredMetadata(std::move(json["metadata"]));
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

Json InKubernetesOrder(Json json) {
  if (json.is_array()) {
    for (Json& item : json) item = InKubernetesOrder(std::move(item));
    return json;
  }
  if (!json.is_object()) return json;
  // One list serves all of the structs: no two of them disagree.
  constexpr std::string_view kOrder[] = {"ports",
                                         "from",
                                         "to",
                                         "protocol",
                                         "port",
                                         "endPort",
                                         "podSelector",
                                         "namespaceSelector",
                                         "ipBlock",
                                         "cidr",
                                         "except",
                                         "matchLabels",
                                         "matchExpressions",
                                         "key",
                                         "operator",
                                         "values"};
  std::vector<std::pair<std::size_t, std::string>> order;
  for (const auto& [name, value] : json.items())
    order.emplace_back(std::find(std::begin(kOrder), std::end(kOrder), name) - std::begin(kOrder), name);
  std::sort(order.begin(), order.end());
  Json ordered = Json::object();
  for (const auto& [rank, name] : order) {
    Json& value = json[name];
    // The labels are the user's own words, sorted like any map.
    ordered[name] = name == "matchLabels" && value.is_object()
                        ? Json(value.get<std::map<std::string, Json>>())
                        : InKubernetesOrder(std::move(value));
  }
  return ordered;
}

Object EmptyObject(Kind kind) {
  return EmptyAt(static_cast<std::size_t>(kind), std::make_index_sequence<std::variant_size_v<Object>>());
}

Status DecodeObject(const Json& json, Object& object, DecodeNotes* notes) {
  if (!json.is_object()) return Error(ErrorCode::kInvalidArgument, "not a JSON object");
  try {
    std::visit(
        [&](auto& o) {
          Leftovers left{o.unknown, {}};
          FromJson(json, o, left);
          if (notes != nullptr) notes->meant = std::move(left.meant);
        },
        object);
  } catch (const Bad& bad) {
    if (notes != nullptr) notes->bad_pointer = bad.pointer;
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

namespace {

// Since v3.30 the name that the user gave stands in an annotation; before, the stored name had the tier's
// name in front (reference datastore-model A.7.2).
constexpr char kNameAnnotation[] = "projectcalico.org/metadata";
constexpr char kTierLabel[] = "projectcalico.org/tier";

std::string TierOf(const Object& object) {
  return std::visit(
      [](const auto& o) -> std::string {
        if constexpr (requires { o.spec.tier; })
          return o.spec.tier;
        else
          return {};
      },
      object);
}

void ReadPolicyName(const Key& key, Metadata& metadata, const std::string& tier) {
  if (metadata.name.empty()) metadata.name = key.name;
  if (const auto found = metadata.annotations.find(kNameAnnotation); found != metadata.annotations.end()) {
    const auto json = codec::Json::parse(found->second, nullptr, false);
    if (json.is_object() && json.contains("name") && json["name"].is_string())
      metadata.name = json["name"].get<std::string>();
    metadata.annotations.erase(found);
  } else if ((tier.empty() || tier == kDefaultTier) && metadata.name.starts_with("default.")) {
    metadata.name.erase(0, std::string_view("default.").size());
  }
  metadata.labels.try_emplace(kTierLabel, kDefaultTier);  // A.7.3
}

}  // namespace

Result<Object> DecodeValue(const Key& key, std::string_view json) {
  Object object = codec::EmptyObject(key.kind);
  if (json.empty() && key.kind == Kind::kBlockAffinity)
    return object;  // written by very old versions: confirmed
  const codec::Json parsed = codec::Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return Error(ErrorCode::kInvalidArgument, Describe(key) + ": not JSON");
  if (Status status = codec::DecodeObject(parsed, object); !status.has_value()) {
    return std::move(status).error().WithContext(Describe(key));
  }
  if (IsTieredPolicy(key.kind)) ReadPolicyName(key, MetadataOf(object), TierOf(object));
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

std::string EncodeValue(const Key& key, const Object& object) {
  if (IsTieredPolicy(key.kind)) {
    Object copy = object;
    Metadata& metadata = MetadataOf(copy);
    metadata.annotations[kNameAnnotation] = codec::DumpStored(codec::Json{{"name", metadata.name}});
    return codec::DumpStored(codec::EncodeObject(copy, true));
  }
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
