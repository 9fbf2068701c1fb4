// SPDX-License-Identifier: Apache-2.0
// From JSON to objects.

#include <type_traits>
#include <utility>

#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/members.h"
#include "model/codec/value.h"

namespace calico::model::codec {
namespace {

template <typename T>
concept IsResourceStruct = requires(T o) { o.metadata; };
template <typename T>
concept HasStatusMembers = requires(Decoder v, T o) { StatusMembers(v, o); };

void FromJson(const Json& json, IpamBlock& o, Leftovers& left) {
  const Step root("");
  Decoder decoder(json, root, left);
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
  const Step root("");
  Decoder decoder(json, root, left);
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
  const Step root("");
  Decoder decoder(json, root, left);
  Whole(decoder, o);
  decoder.Finish();
}
template <typename T>
void FromJson(const Json& json, T& o, Leftovers& left) {
  const Step root("");
  Decoder decoder(json, root, left);
  if constexpr (IsResourceStruct<T>) {
    decoder.Find("kind");
    decoder.Find("apiVersion");
    decoder("metadata", o.metadata);
    decoder.Inside("spec", [&](Decoder& inner) { Spec(inner, o); });
    if constexpr (HasStatusMembers<T>)
      decoder.Inside("status", [&](Decoder& inner) { StatusMembers(inner, o); });
  } else {
    Whole(decoder, o);
  }
  decoder.Finish();
}

template <std::size_t... I>
Object EmptyAt(std::size_t index, std::index_sequence<I...>) {
  Object object;
  ((I == index ? static_cast<void>(object.emplace<I>()) : void()), ...);
  return object;
}

}  // namespace

Object EmptyObject(Kind kind) {
  return EmptyAt(static_cast<std::size_t>(kind),
                 std::make_index_sequence<std::variant_size_v<ObjectVariant>>());
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

}  // namespace calico::model::codec
