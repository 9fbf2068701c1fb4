// SPDX-License-Identifier: Apache-2.0
#include "model/codec/v1.h"

#include <algorithm>
#include <array>
#include <memory>
#include <utility>

#include "base/text.h"
#include "model/codec/v1_members.h"
#include "model/v1_convert.h"
#include "model/v1_names.h"
#include "model/validate/v1.h"

namespace calico::model::codec {
namespace {

// In the order of v1::Resource.
constexpr std::array<const char*, std::variant_size_v<v1::Resource>> kKinds{
    "bgpPeer", "hostEndpoint", "ipPool", "node", "policy", "profile", "workloadEndpoint"};

template <std::size_t... I>
v1::Resource EmptyAt(std::size_t index, std::index_sequence<I...>) {
  v1::Resource resource;
  ((I == index ? static_cast<void>(resource.emplace<I>()) : void()), ...);
  return resource;
}
v1::Resource EmptyV1(const std::string& kind) {
  const auto at = std::find(kKinds.begin(), kKinds.end(), kind);
  return EmptyAt(static_cast<std::size_t>(at - kKinds.begin()), std::make_index_sequence<kKinds.size()>());
}

// Throws Bad.
template <typename T>
void Read(const Json& json, T& o, Leftovers& left) {
  const Step root("");
  Decoder document(json, root, left);
  document.Find("kind");
  document.Find("apiVersion");
  document.Inside("metadata", [&](Decoder& decoder) { V1Metadata(decoder, o); });
  document.Inside("spec", [&](Decoder& decoder) { V1Spec(decoder, o); });
  document.Finish();
}

// The member behind what no v3 object can express.
std::string InexpressiblePointer(const v1::Resource& resource) {
  if (std::holds_alternative<v1::Profile>(resource)) return "/metadata/tags";
  return std::holds_alternative<v1::WorkloadEndpoint>(resource) ? "/metadata/workload" : "/metadata";
}

}  // namespace

bool IsV1Kind(const std::string& kind) {
  return ParseV1KindName(kind).has_value();
}

Result<v1::Resource> ReadV1(const Json& json, const std::string& kind, DecodeNotes& notes) {
  v1::Resource resource = EmptyV1(kind);
  UnknownMembers unknown;
  Leftovers left{unknown, {}};
  try {
    std::visit([&](auto& o) { Read(json, o, left); }, resource);
  } catch (const Bad& bad) {
    notes.bad_pointer = bad.pointer;
    return Error(ErrorCode::kInvalidArgument, bad.text);
  }
  if (!unknown.empty()) {
    notes.meant = std::move(left.meant);
    notes.bad_pointer = unknown.begin()->first;
    return UnknownField(notes.bad_pointer, notes);
  }
  return resource;
}

Json WriteV1(const v1::Resource& resource) {
  v1::Resource copy = resource;  // the visitors of members take what they could change
  Json json{{"kind", kKinds[resource.index()]}, {"apiVersion", "v1"}};
  std::visit(
      [&](auto& o) {
        Json metadata = Json::object(), spec = Json::object();
        Encoder first{metadata, true}, second{spec, true};
        V1Metadata(first, o);
        V1Spec(second, o);
        json["metadata"] = std::move(metadata);
        json["spec"] = std::move(spec);
      },
      copy);
  return json;
}

Result<Document> DecodeV1(const Json& json, const std::string& kind, const DocumentOptions& options,
                          DecodeNotes& notes) {
  ASSIGN_OR_RETURN(v1::Resource resource, ReadV1(json, kind, notes));
  if (auto* endpoint = std::get_if<v1::WorkloadEndpoint>(&resource)) {
    if (endpoint->name.empty() && options.name_v1_endpoints) endpoint->name = RandomUuid();
  }
  if (options.partial_v1) {
    auto object = V1ToV3(resource, options.v1_names);
    return Document{object.has_value() ? *std::move(object) : EmptyObject(*ParseV1KindName(kind)), kind,
                    ApiVersion::kV1, std::make_shared<const v1::Resource>(std::move(resource))};
  }
  RETURN_IF_ERROR(ValidateV1(resource, &notes.bad_pointer));
  auto object = V1ToV3(resource, options.v1_names);
  if (!object.has_value()) {
    notes.inexpressible = true;
    notes.bad_pointer = InexpressiblePointer(resource);
    return std::move(object).error();
  }
  return Document{*std::move(object), kind, ApiVersion::kV1};
}

}  // namespace calico::model::codec
