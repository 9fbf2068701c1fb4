// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "model/codec/fields.h"
#include "model/codec/value.h"
#include "net/cidr.h"

namespace calico::model {
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

// Of a policy or profile; nullptr for everything else.
std::string* UnreadableOf(Object& object) {
  return std::visit(
      [](auto& o) -> std::string* {
        if constexpr (requires { o.spec.unreadable; })
          return &o.spec.unreadable;
        else if constexpr (requires { o.unreadable; })
          return &o.unreadable;
        else
          return nullptr;
      },
      object);
}

// Before every policy of its tier.
constexpr double kFirst = -std::numeric_limits<double>::infinity();
void SetOrder(Object& object, double order) {
  std::visit(
      [order](auto& o) {
        if constexpr (requires { o.spec.order; }) o.spec.order = order;
      },
      object);
}

bool IsBelow(const std::string& pointer, std::string_view parent) {
  return pointer.starts_with(parent) && (pointer.size() == parent.size() || pointer[parent.size()] == '/');
}

// Removes the member that could not be read. A list of types that is read in part would name too few. False:
// there is no such member, as for one that is written in another letter case.
bool LeaveOut(codec::Json& json, std::string pointer) {
  constexpr std::string_view kTypes = "/spec/types";
  if (IsBelow(pointer, kTypes)) pointer = kTypes;
  const std::size_t slash = pointer.rfind('/');
  if (slash == std::string::npos) return false;
  const codec::Json::json_pointer at(pointer);
  if (!json.contains(at)) return false;
  codec::Json& parent = json[at.parent_pointer()];
  if (parent.is_array())
    parent.erase(std::stoul(at.back()));
  else
    parent.erase(at.back());
  return true;
}

// What is left of it when members that cannot be read are left out; nullopt if there are too many of them to
// be worth it.
std::optional<Object> DecodeInPart(const Key& key, codec::Json json) {
  constexpr int kMostLeftOut = 20;
  bool no_order = false;
  for (int i = 0; i <= kMostLeftOut; ++i) {
    Object object = codec::EmptyObject(key.kind);
    codec::DecodeNotes notes;
    if (codec::DecodeObject(json, object, &notes).has_value()) {
      if (no_order) SetOrder(object, kFirst);
      return object;
    }
    if (!LeaveOut(json, notes.bad_pointer)) return std::nullopt;
    no_order = no_order || IsBelow(notes.bad_pointer, "/spec/order") || notes.bad_pointer == "/spec";
  }
  return std::nullopt;
}

}  // namespace

Result<Object> DecodeValue(const Key& key, std::string_view json) {
  Object object = codec::EmptyObject(key.kind);
  if (json.empty() && key.kind == Kind::kBlockAffinity)
    return object;  // written by very old versions: confirmed
  const codec::Json parsed = codec::Json::parse(json, nullptr, false);
  if (parsed.is_discarded()) return Error(ErrorCode::kInvalidArgument, Describe(key) + ": not JSON");
  if (parsed.is_string()) return Error(ErrorCode::kInvalidArgument, parsed.get<std::string>());
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

Result<Object> DecodeToEnforce(const Key& key, std::string_view json) {
  Result<Object> whole = DecodeValue(key, json);
  if (whole.has_value()) return whole;
  if (!IsEnforced(key.kind)) return whole;
  codec::Json parsed = codec::Json::parse(json, nullptr, false);
  std::optional<Object> part;
  if (parsed.is_object()) part = DecodeInPart(key, std::move(parsed));
  if (!part) {
    part = codec::EmptyObject(key.kind);
    SetOrder(*part, kFirst);
  }
  Metadata& metadata = MetadataOf(*part);
  if (metadata.name.empty()) metadata.name = key.name;
  if (metadata.ns.empty()) metadata.ns = key.ns;
  if (IsTieredPolicy(key.kind)) ReadPolicyName(key, metadata, TierOf(*part));
  *UnreadableOf(*part) = whole.error().message();
  return *std::move(part);
}

bool IsEnforced(Kind kind) {
  return kind == Kind::kProfile || (IsTieredPolicy(kind) && kind != Kind::kStagedKubernetesNetworkPolicy);
}

std::string ValueForUnreadable(const std::string& why) {
  return codec::Dump(codec::Json(why));
}

const std::string& WhyUnreadable(const Object& object) {
  static const std::string kNothing;
  const std::string* reason = UnreadableOf(const_cast<Object&>(object));
  return reason == nullptr ? kNothing : *reason;
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
