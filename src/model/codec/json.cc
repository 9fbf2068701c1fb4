// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <string>
#include <utility>
#include <variant>

#include "base/check.h"
#include "model/codec/fields.h"
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
