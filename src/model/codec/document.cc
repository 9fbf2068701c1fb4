// SPDX-License-Identifier: Apache-2.0
#include "model/codec/document.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/kubernetes_policy.h"
#include "model/codec/scalar.h"
#include "model/codec/v1.h"
#include "model/codec/value.h"
#include "model/codec/yaml_reader.h"
#include "model/v1_names.h"

namespace calico::model {
namespace codec {
namespace {

Error At(const std::string& source, const Place& place, const std::string& text) {
  if (place.line == 0) return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, text));
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: line {}, column {}: {}", source, place.line, place.column, text));
}

// A document's text, and how many lines of the file stand before it.
struct Part {
  std::string text;
  int lines_before = 0;
};

// Splits at each line that starts with "---"; the rest of such a line is dropped (reference calicoctl A.5).
std::vector<Part> SplitDocuments(std::string_view text) {
  std::vector<Part> parts;
  std::size_t start = 0;
  int lines = 0;
  while (true) {
    const std::size_t end = text.find("\n---", start);
    const std::string_view part = text.substr(start, end == std::string_view::npos ? end : end + 1 - start);
    parts.push_back({std::string(part), lines});
    if (end == std::string_view::npos) return parts;
    lines += static_cast<int>(std::count(part.begin(), part.end(), '\n'));
    // The separator's own line feed stays: it is both the separator's end and what the next separator needs.
    start = std::min(text.find('\n', end + 1), text.size());
  }
}

std::string Word(const Json& json, const char* name) {
  if (!json.contains(name) || !json[name].is_string()) return {};
  std::string text = json[name].get<std::string>();
  return text.starts_with(kPlainScalar) ? text.substr(1) : text;
}

// Members of Kubernetes' ObjectMeta that Calico keeps without reading them.
bool IsKnownMetadata(const std::string& pointer) {
  static const std::set<std::string> kMetadata{
      "/metadata/generation",        "/metadata/selfLink",
      "/metadata/deletionTimestamp", "/metadata/deletionGracePeriodSeconds",
      "/metadata/ownerReferences",   "/metadata/finalizers",
      "/metadata/managedFields"};
  return kMetadata.contains(pointer);
}

// One YAML document on its way to resources.
class Collector {
 public:
  Collector(const Part& part, const std::string& source, const DocumentOptions& options,
            std::vector<Document>& out)
      : part_(part), source_(source), options_(options), out_(out) {}

  // `at`: the pointer of `json` in the document.
  Status Collect(const Json& json, const std::string& at) {
    if (json.is_null()) return Ok();
    if (json.is_array()) return CollectItems(json, at);
    if (!json.is_object()) return Bad(at, "a document must be a resource: a map with apiVersion and kind");
    const std::string version = Word(json, "apiVersion"), kind = Word(json, "kind");
    const bool known_version = version == "v1" || version == "projectcalico.org/v3";
    if (known_version && kind.size() > 4 && kind.ends_with("List") && json.contains("items")) {
      if (IsKind(version, kind.substr(0, kind.size() - 4))) return CollectItems(json["items"], at + "/items");
    }
    if (options_.kubernetes && version == "v1" && kind == "List")
      return json.contains("items") ? CollectItems(json["items"], at + "/items") : Ok();
    if (options_.kubernetes && version == kKubernetesPolicyVersion) return CollectKubernetes(json, kind, at);
    if (!IsKind(version, kind)) return UnknownKind(at, version, kind);
    DecodeNotes notes;
    auto document =
        version == "v1" ? DecodeV1(json, kind, options_, notes) : DecodeV3(json, *ParseKindName(kind), notes);
    if (!document.has_value()) {
      if (notes.inexpressible) Failed(DocumentStep::kConvert);
      return Bad(at + notes.bad_pointer, document.error().message());
    }
    out_.push_back(std::move(*document));
    return Ok();
  }

 private:
  static bool IsKind(const std::string& version, const std::string& kind) {
    if (version == "v1") return IsV1Kind(kind);
    const auto parsed = ParseKindName(kind);
    return version == "projectcalico.org/v3" && parsed && IsManaged(*parsed);
  }

  Status CollectItems(const Json& items, const std::string& at) {
    if (items.is_null()) return Ok();
    if (!items.is_array()) {
      Failed(DocumentStep::kUnpackList);
      return Bad(at, "items must be a list");
    }
    for (std::size_t i = 0; i < items.size(); ++i)
      RETURN_IF_ERROR(Collect(items[i], fmt::format("{}/{}", at, i)));
    return Ok();
  }

  static Result<Document> DecodeV3(const Json& json, Kind kind, DecodeNotes& notes) {
    Document document{EmptyObject(kind), std::string(KindName(kind)), ApiVersion::kV3};
    RETURN_IF_ERROR(DecodeObject(json, document.object, &notes));
    const UnknownMembers& unknown =
        std::visit([](const auto& o) -> const UnknownMembers& { return o.unknown; }, document.object);
    for (const auto& [pointer, value] : unknown) {
      if (IsKnownMetadata(pointer)) continue;
      notes.bad_pointer = pointer;
      return UnknownField(pointer, notes);
    }
    return document;
  }

  Status CollectKubernetes(const Json& json, const std::string& kind, const std::string& at) {
    if (kind != "NetworkPolicy") {
      Failed(DocumentStep::kConvert);
      return Bad(at, fmt::format("conversion for the k8s resource type '{}' is not supported", kind));
    }
    DecodeNotes notes;
    auto policy = DecodeKubernetesPolicy(json, notes);
    if (!policy.has_value()) return Bad(at + notes.bad_pointer, policy.error().message());
    out_.push_back({*std::move(policy), kind, ApiVersion::kV1});
    return Ok();
  }

  void Failed(DocumentStep step) const {
    if (options_.failed != nullptr) *options_.failed = step;
  }

  Status UnknownKind(const std::string& at, const std::string& version, const std::string& kind) {
    std::string text = fmt::format("unknown resource type ({}) and/or version ({})", kind, version);
    std::vector<std::string> known;
    if (version == "v1") {
      known = V1Kinds();
    } else {
      for (int i = 0; i <= static_cast<int>(kLastResourceKind); ++i) {
        if (IsManaged(static_cast<Kind>(i))) known.emplace_back(KindName(static_cast<Kind>(i)));
      }
    }
    if (version != "v1" && version != "projectcalico.org/v3") {
      text += IsV1Kind(kind) ? ": apiVersion must be v1" : ": apiVersion must be projectcalico.org/v3 or v1";
    } else if (const auto closest = Closest(kind, known)) {
      text += fmt::format(": did you mean {}?", *closest);
    }
    return Bad(at, text);
  }

  // At the place of the member, or of the nearest one around it. Reads the text once more, for the places.
  Error Bad(std::string pointer, const std::string& text) const {
    Places places;
    Json ignored;
    ReadYaml(part_.text, ignored, &places);
    while (true) {
      if (const auto found = places.find(pointer); found != places.end()) {
        return At(source_, {found->second.line + part_.lines_before, found->second.column}, text);
      }
      const std::size_t slash = pointer.rfind('/');
      if (slash == std::string::npos) return At(source_, {}, text);
      pointer.erase(slash);
    }
  }

  const Part& part_;
  const std::string& source_;
  const DocumentOptions& options_;
  std::vector<Document>& out_;
};

}  // namespace

Error UnknownField(const std::string& pointer, const DecodeNotes& notes) {
  std::string text = "field in document is not recognized or is in the wrong location: " +
                     UnescapePointer(pointer.substr(pointer.rfind('/') + 1));
  if (const auto meant = notes.meant.find(pointer); meant != notes.meant.end())
    text += fmt::format(" (did you mean {}?)", meant->second);
  return Error(ErrorCode::kInvalidArgument, text);
}

Json ResolvePlain(const Json& json) {
  if (json.is_string()) {
    const std::string& text = json.get_ref<const std::string&>();
    if (!text.starts_with(kPlainScalar)) return json;
    const std::string plain = text.substr(1);
    if (const auto value = ParseYamlBool(plain)) return *value;
    if (const auto value = ParseYamlInt(plain)) return *value;
    if (const auto value = ParseYamlFloat(plain)) return *value;
    return plain;
  }
  if (!json.is_structured()) return json;
  Json result = json.is_array() ? Json::array() : Json::object();
  if (json.is_array()) {
    for (const Json& item : json) result.push_back(ResolvePlain(item));
  } else {
    for (const auto& [key, value] : json.items()) result[key] = ResolvePlain(value);
  }
  return result;
}

}  // namespace codec

Result<std::vector<Document>> ParseDocuments(std::string_view text, const std::string& source,
                                             const DocumentOptions& options) {
  std::vector<Document> documents;
  try {
    for (const codec::Part& part : codec::SplitDocuments(text)) {
      if (part.text.size() > kLargestDocument) {
        return codec::At(source, {part.lines_before + 1, 1},
                         fmt::format("a document is larger than {} MiB", kLargestDocument >> 20));
      }
      codec::Json json;
      if (const auto problem = codec::ReadYaml(part.text, json)) {
        const codec::Place& place = problem->place;
        return codec::At(source, {place.line == 0 ? 0 : place.line + part.lines_before, place.column},
                         problem->text);
      }
      RETURN_IF_ERROR(codec::Collector(part, source, options, documents).Collect(json, ""));
    }
  } catch (const nlohmann::json::exception& error) {  // a member of another type than the conversion expects
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, error.what()));
  }
  return documents;
}

}  // namespace calico::model
