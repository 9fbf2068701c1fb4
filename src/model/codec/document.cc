// SPDX-License-Identifier: Apache-2.0
#include "model/codec/document.h"

#include <algorithm>
#include <set>
#include <sstream>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/scalar.h"
#include "model/codec/v1.h"

namespace calico::model {
namespace codec {
namespace {

Error At(const std::string& source, const YAML::Mark& mark, const std::string& text) {
  if (mark.is_null()) return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, text));
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("{}: line {}, column {}: {}", source, mark.line + 1, mark.column + 1, text));
}

// Turns one YAML document into JSON. Plain scalars keep their text behind kPlainScalar: what they mean
// depends on the member they are for.
class Converter {
 public:
  explicit Converter(const std::string& source) : source_(source) {}

  Result<Json> ToJson(const YAML::Node& node, int depth = 0) {
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
          ASSIGN_OR_RETURN(Json json, ToJson(item, depth + 1));
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
      ASSIGN_OR_RETURN(map[key], ToJson(entry.second, depth + 1));
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

// Members of upstream that this version stores and shows without reading them (they stay in `unknown`).
bool IsKnownUpstream(Kind kind, const std::string& path) {
  static const std::map<Kind, std::set<std::string>> kMembers{
      {Kind::kIPPool, {"/status"}},
      {Kind::kNode,
       {"/status", "/spec/ipv4VXLANTunnelAddr", "/spec/vxlanTunnelMACAddr", "/spec/ipv6VXLANTunnelAddr",
        "/spec/vxlanTunnelMACAddrV6", "/spec/wireguard", "/spec/interfaces"}},
      {Kind::kWorkloadEndpoint, {"/spec/ipNATs", "/spec/allowSpoofedSourcePrefixes", "/spec/qosControls"}},
      {Kind::kBGPConfiguration,
       {"/spec/serviceLoadBalancerIPs", "/spec/serviceExternalIPs", "/spec/serviceClusterIPs",
        "/spec/serviceLoadBalancerAggregation", "/spec/communities", "/spec/prefixAdvertisements",
        "/spec/nodeMeshPassword", "/spec/nodeMeshMaxRestartTime", "/spec/bindMode", "/spec/ignoredInterfaces",
        "/spec/localWorkloadPeeringIPV4", "/spec/localWorkloadPeeringIPV6", "/spec/programClusterRoutes",
        "/spec/ipv4NormalRoutePriority", "/spec/ipv6NormalRoutePriority"}},
      {Kind::kBGPPeer,
       {"/spec/keepOriginalNextHop", "/spec/password", "/spec/sourceAddress", "/spec/maxRestartTime",
        "/spec/keepaliveTime", "/spec/numAllowedLocalASNumbers", "/spec/ttlSecurity", "/spec/reachableBy",
        "/spec/filters", "/spec/reversePeering", "/spec/localASNumber", "/spec/nextHopMode",
        "/spec/localWorkloadSelector"}},
      {Kind::kClusterInformation, {"/spec/variant"}},
  };
  static const std::set<std::string> kMetadata{
      "/metadata/generation",        "/metadata/selfLink",
      "/metadata/deletionTimestamp", "/metadata/deletionGracePeriodSeconds",
      "/metadata/ownerReferences",   "/metadata/finalizers",
      "/metadata/managedFields"};
  if (kMetadata.contains(path)) return true;
  // The many parameters of the agent, most of which belong to parts that this version lacks.
  if (kind == Kind::kFelixConfiguration && path.starts_with("/spec/")) return true;
  if (kind == Kind::kProfile) {  // members of rules that policy will read
    const std::string last = path.substr(path.rfind('/') + 1);
    static const std::set<std::string> kRule{"http", "metadata", "services", "serviceAccounts"};
    if (path.starts_with("/spec/ingress/") || path.starts_with("/spec/egress/")) return kRule.contains(last);
  }
  const auto found = kMembers.find(kind);
  return found != kMembers.end() && found->second.contains(path);
}

Result<Document> DecodeV3(const Json& json, Kind kind) {
  Document document{EmptyObject(kind), std::string(KindName(kind))};
  RETURN_IF_ERROR(DecodeObject(json, document.object));
  const UnknownMembers& unknown =
      std::visit([](const auto& o) -> const UnknownMembers& { return o.unknown; }, document.object);
  for (const auto& [path, text] : unknown) {
    if (IsKnownUpstream(kind, path)) continue;
    return Error(ErrorCode::kInvalidArgument,
                 "field in document is not recognized or is in the wrong location: " +
                     ReplaceAll(ReplaceAll(path.substr(path.rfind('/') + 1), "~1", "/"), "~0", "~"));
  }
  return document;
}

Status Collect(const Json& json, const std::string& source, std::vector<Document>& out) {
  if (json.is_null()) return Ok();
  if (json.is_array()) {
    for (const Json& item : json) RETURN_IF_ERROR(Collect(item, source, out));
    return Ok();
  }
  const auto bad = [&](const std::string& text) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, text));
  };
  if (!json.is_object()) return bad("a document must be a resource: a map with apiVersion and kind");
  const std::string version = Word(json, "apiVersion"), kind = Word(json, "kind");
  const bool v1 = version == "v1";
  if ((v1 || version == "projectcalico.org/v3") && kind.size() > 4 && kind.ends_with("List") &&
      json.contains("items")) {
    return Collect(json["items"], source, out);
  }
  Result<Document> document =
      bad(fmt::format("unknown resource type ({}) and/or version ({})", kind, version));
  if (v1 && IsV1Kind(kind)) {
    document = DecodeV1(json, kind);
  } else if (version == "projectcalico.org/v3") {
    for (int i = 0; i <= static_cast<int>(Kind::kFelixConfiguration); ++i) {
      const Kind candidate = static_cast<Kind>(i);
      if (KindName(candidate) == kind) document = DecodeV3(json, candidate);
    }
  }
  if (!document.has_value()) {
    Error error = std::move(document).error();
    if (error.message().starts_with(source + ": ")) return error;
    return std::move(error).WithContext(source);
  }
  out.push_back(std::move(*document));
  return Ok();
}

}  // namespace

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

Result<std::vector<Document>> ParseDocuments(std::string_view text, const std::string& source) {
  std::vector<Document> documents;
  try {
    for (const std::string& part : codec::SplitDocuments(text)) {
      if (codec::HoldsMoreThanOneDocument(part))
        return codec::At(source, YAML::Mark::null_mark(), "unexpected text outside the document");
      ASSIGN_OR_RETURN(const codec::Json json, codec::Converter(source).ToJson(YAML::Load(part)));
      RETURN_IF_ERROR(codec::Collect(json, source, documents));
    }
  } catch (const YAML::Exception& error) {
    return codec::At(source, error.mark, error.msg);
  } catch (const nlohmann::json::exception& error) {  // a member of another type than the conversion expects
    return Error(ErrorCode::kInvalidArgument, fmt::format("{}: {}", source, error.what()));
  }
  return documents;
}

}  // namespace calico::model
