// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/json_patch.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace calico::calicoctl {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kDeepest = 100;
constexpr char kDirective[] = "$patch";

Error Bad(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

// Lists are replaced: no list of Calico's resources has a merge key, but metadata.finalizers, which is a set.
Status MergeStrategically(Json& into, const Json& patch, int depth) {
  if (depth > kDeepest) return Bad("the patch is nested too deeply");
  if (!into.is_object()) into = Json::object();
  const std::string directive = patch.contains(kDirective) && patch[kDirective].is_string()
                                    ? patch[kDirective].get<std::string>()
                                    : std::string();
  if (patch.contains(kDirective) && directive != "replace" && directive != "delete" && directive != "merge")
    return Bad(fmt::format("Wrong value of $patch: {}", patch[kDirective].dump()));
  if (directive == "replace" || directive == "delete") into = Json::object();
  if (directive == "delete") return Ok();
  for (const auto& [name, value] : patch.items()) {
    if (name == kDirective) continue;
    if (name.starts_with("$")) return Bad(fmt::format("directive {} is not supported", name));
    if (value.is_null()) {
      into.erase(name);
    } else if (value.is_object()) {
      RETURN_IF_ERROR(MergeStrategically(into[name], value, depth + 1));
    } else if (name == "finalizers" && value.is_array() && into.contains(name) && into[name].is_array()) {
      for (const Json& item : value) {
        if (std::find(into[name].begin(), into[name].end(), item) == into[name].end())
          into[name].push_back(item);
      }
    } else {
      into[name] = value;
    }
  }
  return Ok();
}

}  // namespace

Result<std::string> PatchJson(const std::string& document, const std::string& patch, PatchType type) {
  try {
    Json json = Json::parse(document);
    const Json parsed = Json::parse(patch, nullptr, false);
    if (parsed.is_discarded()) return Bad("the patch is not JSON");
    if (type == PatchType::kJson) {
      if (!parsed.is_array()) return Bad("a patch of type json is a list of operations");
      return json.patch(parsed).dump();
    }
    if (!parsed.is_object()) return Bad("the patch must be a map");
    if (type == PatchType::kMerge) {
      json.merge_patch(parsed);
    } else {
      RETURN_IF_ERROR(MergeStrategically(json, parsed, 0));
    }
    return json.dump();
  } catch (const nlohmann::json::exception& error) {
    // "[json.exception.out_of_range.403] key 'x' not found": the number says nothing to a user.
    const std::string text = error.what();
    const std::size_t end = text.find("] ");
    return Bad(end == std::string::npos ? text : text.substr(end + 2));
  }
}

}  // namespace calico::calicoctl
