// SPDX-License-Identifier: Apache-2.0
#include "model/codec/document.h"

#include <algorithm>
#include <map>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/suggest.h"
#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/scalar.h"
#include "model/codec/v1.h"
#include "model/codec/value.h"
#include "model/v1_names.h"

namespace calico::model {
namespace codec {
namespace {

Error At(const std::string& source, const YAML::Mark& mark, const std::string& text) {
  if (mark.is_null()) return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, text));
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: line {}, column {}: {}", source, mark.line + 1, mark.column + 1, text));
}

// Where the members of a document stand in the file, by RFC 6901 pointer.
using Places = std::map<std::string, YAML::Mark>;

// Turns one YAML document into JSON. Plain scalars keep their text behind kPlainScalar: what they mean
// depends on the member they are for.
class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  const Places& places() const { return places_; }

  Result<Json> ToJson(const YAML::Node& node, const std::string& pointer = "", int depth = 0) {
    // Anchors can make a small text endless: a node inside itself, or lists of lists of the same list.
    constexpr int kDeepest = 100;
    constexpr std::size_t kMostNodes = 1'000'000;
    if (depth > kDeepest || ++nodes_ > kMostNodes)
      return At(source_, node.Mark(), "document contains excessive aliasing");
    switch (node.Type()) {
      case YAML::NodeType::Undefined:
      case YAML::NodeType::Null:
        return Json(nullptr);
      case YAML::NodeType::Scalar:
        return FromScalar(node);
      case YAML::NodeType::Sequence: {
        Json list = Json::array();
        for (const YAML::Node& item : node) {
          const std::string at = fmt::format("{}/{}", pointer, list.size());
          places_.emplace(at, item.Mark());
          ASSIGN_OR_RETURN(Json json, ToJson(item, at, depth + 1));
          list.push_back(std::move(json));
        }
        return list;
      }
      case YAML::NodeType::Map:
        break;
    }
    Json map = Json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) return At(source_, entry.first.Mark(), "a key must be a word");
      const std::string& word = entry.first.Scalar();
      const std::string key = entry.first.Tag() == "?" ? PlainAsText(word) : word;
      if (map.contains(key))
        return At(source_, entry.first.Mark(), fmt::format("key \"{}\" already set in map", key));
      const std::string at = pointer + "/" + EscapePointer(key);
      places_.emplace(at, entry.first.Mark());
      ASSIGN_OR_RETURN(map[key], ToJson(entry.second, at, depth + 1));
    }
    return map;
  }

 private:
  static Json FromScalar(const YAML::Node& node) {
    const bool plain = node.Tag() == "?";
    if (plain && IsYamlNull(node.Scalar())) return nullptr;
    return plain ? std::string(1, kPlainScalar) + node.Scalar() : node.Scalar();
  }

  const std::string& source_;
  std::size_t nodes_ = 0;
  Places places_;
};

// Reads over a document and keeps nothing.
class NoEvents final : public YAML::EventHandler {
  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t, const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t, YAML::EmitterStyle::value) override {
  }
  void OnMapEnd() override {}
};

// yaml-cpp 0.7 reads "," as endlessly many empty documents (YAML::LoadAll never returns), and YAML::Load
// ignores what follows the first one.
bool HoldsMoreThanOneDocument(const std::string& text) {
  std::istringstream stream(text);
  YAML::Parser parser(stream);
  NoEvents ignored;
  return parser.HandleNextDocument(ignored) && parser.HandleNextDocument(ignored);
}

// Splits at each line that starts with "---"; the rest of such a line is dropped (reference calicoctl A.5).
// Each part keeps its place in the file through empty lines before it, so that errors name the file's line.
std::vector<std::string> SplitDocuments(std::string_view text) {
  std::vector<std::string> parts;
  std::size_t start = 0, lines = 0;
  while (true) {
    const std::size_t end = text.find("\n---", start);
    const std::string_view part = text.substr(start, end == std::string_view::npos ? end : end + 1 - start);
    parts.push_back(std::string(lines, '\n') + std::string(part));
    if (end == std::string_view::npos) return parts;
    lines += static_cast<std::size_t>(std::count(part.begin(), part.end(), '\n'));
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
  Collector(const std::string& source, const Places& places, const DocumentOptions& options,
            std::vector<Document>& out)
      : source_(source), places_(places), options_(options), out_(out) {}

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
    if (!IsKind(version, kind)) return UnknownKind(at, version, kind);
    DecodeNotes notes;
    auto document = version == "v1" ? DecodeV1(json, kind, options_.v1_names, notes)
                                    : DecodeV3(json, *ParseKindName(kind), notes);
    if (!document.has_value()) return Bad(at + notes.bad_pointer, document.error().message());
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
    if (!items.is_array()) return items.is_null() ? Ok() : Status(Bad(at, "items must be a list"));
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

  // The place of the member, or of the nearest one around it.
  Error Bad(std::string pointer, const std::string& text) const {
    while (true) {
      if (const auto place = places_.find(pointer); place != places_.end())
        return At(source_, place->second, text);
      const std::size_t slash = pointer.rfind('/');
      if (slash == std::string::npos) return At(source_, YAML::Mark::null_mark(), text);
      pointer.erase(slash);
    }
  }

  const std::string& source_;
  const Places& places_;
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
    for (const std::string& part : codec::SplitDocuments(text)) {
      if (part.size() > kLargestDocument) {
        return codec::At(source, YAML::Mark::null_mark(),
                         fmt::format("a document is larger than {} MiB", kLargestDocument >> 20));
      }
      if (codec::HoldsMoreThanOneDocument(part))
        return codec::At(source, YAML::Mark::null_mark(), "unexpected text outside the document");
      const YAML::Node root = YAML::Load(part);
      codec::Converter converter(source);
      ASSIGN_OR_RETURN(const codec::Json json, converter.ToJson(root));
      codec::Places places = converter.places();
      if (root.IsDefined() && !root.IsNull()) places.emplace("", root.Mark());
      RETURN_IF_ERROR(codec::Collector(source, places, options, documents).Collect(json, ""));
    }
  } catch (const YAML::Exception& error) {
    return codec::At(source, error.mark, error.msg);
  } catch (const nlohmann::json::exception& error) {  // a member of another type than the conversion expects
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, error.what()));
  }
  return documents;
}

}  // namespace calico::model
