// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/settings.h"

#include <cctype>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/resource_input.h"
#include "base/text.h"
#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/felix_parameters.h"

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;
using model::Kind;

using Setting = std::optional<std::string>;

// --- a store of Calico 2.6

class RawSettings final : public Settings {
 public:
  explicit RawSettings(datastore::Client& client) : client_(client) {}

  Result<Setting> Get(Component component, const std::string& name, const std::string& node) override {
    auto kv = client_.Get(KeyOf(component, name, node));
    if (kv.has_value()) return Setting(kv->value);
    if (kv.error().code() == ErrorCode::kNotFound) return Setting();
    return kv.error();
  }
  Status Set(Component component, const std::string& name, const std::string& node,
             const std::string& value) override {
    const auto put = client_.Put(KeyOf(component, name, node), value);
    if (!put.has_value()) return put.error();
    return Ok();
  }
  Status Unset(Component component, const std::string& name, const std::string& node) override {
    Status deleted = client_.Delete(KeyOf(component, name, node), 0);
    if (!deleted.has_value() && deleted.error().code() == ErrorCode::kNotFound) return Ok();
    return deleted;
  }

 private:
  static std::string KeyOf(Component component, const std::string& name, const std::string& node) {
    if (component == Component::kFelix) {
      return node.empty() ? "/calico/v1/config/" + name
                          : fmt::format("/calico/v1/host/{}/config/{}", node, name);
    }
    return node.empty() ? "/calico/bgp/v1/global/" + name
                        : fmt::format("/calico/bgp/v1/host/{}/{}", node, name);
  }

  datastore::Client& client_;
};

// --- a store of v3

// The field of the spec that holds a setting.
Result<std::string> FieldOf(Component component, const std::string& name) {
  if (component == Component::kFelix) {
    for (const model::FelixParameter& parameter : model::FelixParameters()) {
      if (EqualsIgnoreCase(name, parameter.v1_name) || name == parameter.field)
        return std::string(parameter.field);
    }
    return Error(ErrorCode::kInvalidArgument, fmt::format("unrecognised config name '{}'", name));
  }
  if (name == "as_num") return std::string("asNumber");
  if (name == "loglevel") return std::string("logSeverityScreen");
  if (name == "node_mesh") return std::string("nodeToNodeMeshEnabled");
  return name;
}

// Levels of 2.6 in lower case; v3 has no "none", its highest is Fatal.
std::string ToV3(const std::string& field, const std::string& value) {
  if (field == "logSeverityScreen") {
    std::string level = ToLower(value);
    if (level == "none" || level == "critical") level = "fatal";
    if (!level.empty())
      level.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(level.front())));
    return level;
  }
  if (field == "nodeToNodeMeshEnabled") {
    const Json json = Json::parse(value, nullptr, false);
    if (json.is_object() && json.contains("enabled")) return json["enabled"].dump();
  }
  return value;
}
std::string FromV3(Component component, const std::string& field, const Json& value) {
  const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
  if (field == "logSeverityScreen") {
    const std::string level = ToLower(text);
    if (component == Component::kBgp) return level == "debug" || level == "info" ? level : "none";
    return level == "fatal" ? "critical" : level;
  }
  if (field == "nodeToNodeMeshEnabled") return "{\"enabled\":" + text + "}";
  return text;
}

class ResourceSettings final : public Settings {
 public:
  explicit ResourceSettings(datastore::Resources resources) : resources_(resources) {}

  Result<Setting> Get(Component component, const std::string& name, const std::string& node) override {
    ASSIGN_OR_RETURN(const std::string field, FieldOf(component, name));
    ASSIGN_OR_RETURN(const Json json, Read(component, node));
    if (!json.contains("spec") || !json["spec"].contains(field)) return Setting();
    return Setting(FromV3(component, field, json["spec"][field]));
  }
  Status Set(Component component, const std::string& name, const std::string& node,
             const std::string& value) override {
    ASSIGN_OR_RETURN(const std::string field, FieldOf(component, name));
    return Write(component, node, field, ToV3(field, value));
  }
  Status Unset(Component component, const std::string& name, const std::string& node) override {
    ASSIGN_OR_RETURN(const std::string field, FieldOf(component, name));
    return Write(component, node, field, std::nullopt);
  }

 private:
  static model::Key KeyOf(Component component, const std::string& node) {
    const Kind kind = component == Component::kFelix ? Kind::kFelixConfiguration : Kind::kBGPConfiguration;
    return model::Key::Resource(kind, node.empty() ? "default" : "node." + node);
  }
  // The resource as JSON; without a resourceVersion if there is none yet.
  Result<Json> Read(Component component, const std::string& node) {
    const model::Key key = KeyOf(component, node);
    const auto stored = resources_.Get(key);
    if (stored.has_value()) return Json::parse(model::PrintJson(stored->object));
    if (stored.error().code() != ErrorCode::kNotFound) return stored.error();
    return Json{{"kind", std::string(model::KindName(key.kind))},
                {"apiVersion", "projectcalico.org/v3"},
                {"metadata", {{"name", key.name}}},
                {"spec", Json::object()}};
  }

  // Written as an unquoted YAML word, so that the field decides whether it is text, a number or a boolean.
  static std::string Word(const std::string& value) {
    constexpr std::string_view kPlain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._/-";
    const bool plain =
        !value.empty() && value.front() != '-' && value.find_first_not_of(kPlain) == std::string::npos;
    return plain ? value : Json(value).dump();
  }

  Status Write(Component component, const std::string& node, const std::string& field, const Setting& value) {
    constexpr char kHole[] = "\"<value>\"";
    ASSIGN_OR_RETURN(Json json, Read(component, node));
    const bool exists = json["metadata"].contains("resourceVersion");
    if (value) {
      json["spec"][field] = "<value>";
    } else if (!exists || json["spec"].erase(field) == 0) {
      return Ok();
    }
    const std::string text = json.dump();
    auto documents = model::ParseDocuments(value ? ReplaceAll(text, kHole, Word(*value)) : text, "config");
    if (!documents.has_value()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("cannot set {} to '{}'", field, value.value_or("")));
    }
    // Only what was read is changed: a write by somebody else in between is an error, not lost.
    const auto written = exists ? resources_.Update(std::move(documents->front().object))
                                : resources_.Create(std::move(documents->front().object));
    if (!written.has_value()) return written.error();
    return Ok();
  }

  datastore::Resources resources_;
};

}  // namespace

std::unique_ptr<Settings> SettingsOf(const Session& session) {
  if (DialectOf(session) == model::ApiVersion::kV1) return std::make_unique<RawSettings>(session.client());
  return std::make_unique<ResourceSettings>(session.resources());
}

}  // namespace calico::calicoctl
