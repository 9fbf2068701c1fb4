// SPDX-License-Identifier: Apache-2.0
// From objects to JSON.

#include <algorithm>
#include <iterator>
#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "model/codec/fields.h"
#include "model/codec/members.h"
#include "model/codec/value.h"

namespace calico::model::codec {
namespace {

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

Json ToJson(BlockAffinity& o, Kind, bool) {
  const char* state = o.state == AffinityState::kPending     ? "pending"
                      : o.state == AffinityState::kConfirmed ? "confirmed"
                                                             : "pendingDeletion";
  Json json{{"state", state}, {"deleted", o.deleted}};
  InsertUnknown(json, o.unknown);
  return json;
}
template <typename T>
Json ToJson(T& o, Kind kind, bool stored) {
  Json json = Json::object();
  if constexpr (IsResourceStruct<T>) {
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

Json EncodeObject(const Object& object, bool stored) {
  // The members are named for readers and writers alike (members.h), so the writer, too, takes them as
  // mutable.
  return std::visit([&](auto& o) { return ToJson(o, static_cast<Kind>(object.index()), stored); },
                    const_cast<Object&>(object));
}

std::string DumpStored(const Json& json) {
  const std::string text = Dump(json);
  // These characters stand only inside strings of a JSON text, so that replacing them everywhere is right.
  constexpr std::string_view kLineSeparator = "\xe2\x80\xa8", kParagraphSeparator = "\xe2\x80\xa9";
  constexpr std::string_view kFirstBytes = "&<>\xe2";
  std::string escaped;
  std::size_t done = 0;
  for (std::size_t at = text.find_first_of(kFirstBytes); at != std::string::npos;
       at = text.find_first_of(kFirstBytes, at + 1)) {
    const std::string_view rest = std::string_view(text).substr(at);
    const bool line = rest.starts_with(kLineSeparator), paragraph = rest.starts_with(kParagraphSeparator);
    if (rest.front() == kLineSeparator.front() && !line && !paragraph) continue;
    escaped.append(text, done, at - done);
    escaped += line        ? "\\u2028"
               : paragraph ? "\\u2029"
                           : fmt::format("\\u{:04x}", static_cast<int>(rest.front()));
    done = at + (line || paragraph ? kLineSeparator.size() : 1);
  }
  if (done == 0) return text;
  return escaped.append(text, done);
}

}  // namespace calico::model::codec
