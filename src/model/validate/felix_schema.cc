// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.7, part E: what the resource definition of FelixConfiguration accepts.
#include <algorithm>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/validate/checks.h"
#include "model/validate/felix_values.h"
#include "model/validate/schema.h"

namespace calico::model::validate {
namespace {

bool IsWordCharacters(std::string_view text, std::string_view marks) {
  return std::all_of(text.begin(), text.end(), [&](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           marks.find(c) != std::string_view::npos;
  });
}
bool IsFeatureName(std::string_view text) {
  return !text.empty() && IsWordCharacters(text, "-_");
}

// "name=true,name=false,name="
bool IsFeatureOverride(std::string_view text) {
  std::vector<std::string> items = Split(text, ',');
  if (!items.empty() && items.back().empty()) items.pop_back();
  return std::all_of(items.begin(), items.end(), [](const std::string& item) {
    const std::size_t equals = item.find('=');
    if (equals == std::string::npos || !IsFeatureName(std::string_view(item).substr(0, equals))) return false;
    const std::string value = item.substr(equals + 1);
    return value.empty() || value == "true" || value == "false";
  });
}

// "name=value,name=value"; a value may have commas, so the last one before a "=" ends it.
bool IsFeatureGates(std::string_view text) {
  if (text.empty()) return true;
  const std::vector<std::string> parts = Split(text, '=');
  if (parts.size() < 2 || !IsFeatureName(parts[0]) || parts.back().empty()) return false;
  for (std::size_t i = 1; i + 1 < parts.size(); ++i) {
    const std::size_t comma = parts[i].rfind(',');
    if (comma == std::string::npos || comma == 0) return false;
    if (!IsFeatureName(std::string_view(parts[i]).substr(comma + 1))) return false;
  }
  return true;
}

bool IsLogRate(std::string_view text) {
  const std::size_t slash = text.find('/');
  if (slash == std::string_view::npos || slash < 1 || slash > 4 || text[0] == '0') return false;
  const std::string_view unit = text.substr(slash + 1);
  const bool digits = text.substr(0, slash).find_first_not_of("0123456789") == std::string_view::npos;
  return digits && (unit == "second" || unit == "minute" || unit == "hour" || unit == "day");
}

void CheckWords(const FelixParameter& parameter, const std::string& path, const std::string& value,
                Schema& schema) {
  std::string_view accepted = parameter.accepted;
  const bool any_case = accepted.starts_with("(?i)");
  if (any_case) accepted.remove_prefix(4);
  const std::vector<std::string> words = Split(accepted, ',');
  const bool known = std::any_of(words.begin(), words.end(), [&](const std::string& word) {
    return any_case ? EqualsIgnoreCase(word, value) : word == value;
  });
  if (known) return;
  if (any_case) return schema.Pattern(false, path, fmt::format("^(?i)({})?$", Join(words, "|")));
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back("\"" + word + "\"");
  schema.Add(path, fmt::format("Unsupported value: \"{}\": supported values: {}", value, Join(quoted, ", ")));
}

void CheckText(const FelixParameter& parameter, const std::string& path, const std::string& value,
               Schema& schema) {
  if (parameter.field == "featureDetectOverride")
    schema.Pattern(IsFeatureOverride(value), path,
                   "^([a-zA-Z0-9-_]+=(true|false|),)*([a-zA-Z0-9-_]+=(true|false|))?$");
  if (parameter.field == "featureGates")
    schema.Pattern(IsFeatureGates(value), path, "^([a-zA-Z0-9-_]+=([^=]+),)*([a-zA-Z0-9-_]+=([^=]+))?$");
  if (parameter.field == "logPrefix")
    schema.Pattern(IsWordCharacters(value, "%: /_-"), path, "^([a-zA-Z0-9%: /_-])*$");
  if (parameter.field == "logActionRateLimit")
    schema.Pattern(IsLogRate(value), path, R"(^[1-9]\d{0,3}/(?:second|minute|hour|day)$)");
  if (parameter.field == "nodeSelector") schema.Longest(path, value, 1024);
  if (!parameter.accepted.empty() && !value.empty()) CheckWords(parameter, path, value, schema);
}

void CheckTimeouts(const std::string& path, const std::string& json_text, Schema& schema) {
  const auto timeouts = nlohmann::ordered_json::parse(json_text, nullptr, /*allow_exceptions=*/false);
  if (!timeouts.is_object()) return;
  for (const auto& [name, timeout] : timeouts.items()) {
    const std::string text = FelixText(timeout.dump());
    schema.Rule(text != "Auto" && !ParseGoDuration(text), path + "." + name,
                fmt::format("'{}' is neither a duration nor Auto", text));
  }
}

}  // namespace

void CheckFelixSchema(const FelixConfiguration& configuration, Problems& problems) {
  Schema schema(problems);
  const auto values = FelixValues(configuration);
  for (const auto& [field, value] : values) {
    const FelixParameter* parameter = FindFelixParameter(field);
    if (parameter == nullptr) continue;
    const std::string path = "spec." + field;
    if (parameter->type == FelixParameterType::kString) CheckText(*parameter, path, FelixText(value), schema);
    if (field == "bpfMapSizeConntrackCleanupQueue" && (value == "0" || value.starts_with('-')))
      schema.Add(path, path + " in body should be greater than or equal to 1");
    if (field == "bpfConntrackTimeouts") CheckTimeouts(path, value, schema);
  }
  const std::string& name = configuration.metadata.name;
  schema.Rule(values.contains("nodeSelector") && (name == "default" || name.starts_with("node.")),
              "FelixConfiguration",
              "nodeSelector must not be set on the 'default' or per-node ('node.*') FelixConfiguration");
  schema.Rule(values.contains("routeTableRange") && values.contains("routeTableRanges"), "spec",
              "routeTableRange and routeTableRanges cannot both be set");
}

}  // namespace calico::model::validate
