// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.3.
#include <string>

#include <fmt/format.h>

#include "base/text.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

constexpr std::size_t kMaxName = 253, kMaxTierName = 63, kMaxAnnotations = 262144;

// "label" or "label.label"; those that Kubernetes' own policies have may follow.
bool IsPolicyName(std::string_view name, bool namespaced) {
  for (std::string_view prefix : {"knp.default.", "ossg.default."}) {
    if (namespaced && name.starts_with(prefix) && IsName(name.substr(prefix.size()))) return true;
  }
  const std::size_t dot = name.find('.');
  if (dot == std::string_view::npos) return IsNameLabel(name);
  return IsNameLabel(name.substr(0, dot)) && IsNameLabel(name.substr(dot + 1));
}

void CheckName(Kind kind, const std::string& name, Problems& problems) {
  const bool is_tier = kind == Kind::kTier;
  const std::size_t longest = is_tier ? kMaxTierName : kMaxName;
  if (name.size() > longest) {
    problems.Add("Metadata.Name", name, fmt::format("name is too long by {} bytes", name.size() - longest));
    return;
  }
  if (name.empty() || kind == Kind::kStagedKubernetesNetworkPolicy) return;
  if (kind == Kind::kDockerNetwork) {
    if (!IsDockerName(name))
      problems.Add("Metadata.Name", name,
                   "name must be one that Docker takes (regex: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$)");
    return;
  }
  if (is_tier || IsTieredPolicy(kind)) {
    if (is_tier ? !IsNameLabel(name) : !IsPolicyName(name, IsNamespaced(kind))) {
      problems.Add("Metadata.Name", name,
                   fmt::format("name must consist of lower case alphanumeric characters or '-' (regex: {})",
                               kLabelRegex));
    }
  } else if (!IsName(name)) {
    problems.Add(
        "Metadata.Name", name,
        fmt::format("name must consist of lower case alphanumeric characters, '-' or '.' (regex: {})",
                    kNameRegex));
  }
}

}  // namespace

void CheckAnnotations(const std::map<std::string, std::string>& annotations, Problems& problems) {
  std::size_t total = 0;
  for (const auto& [key, value] : annotations) {
    total += key.size() + value.size();
    for (const std::string& fault : QualifiedNameFaults(ToLower(key)))
      problems.Add("Metadata.Annotations (key)", key, fault);
  }
  if (total > kMaxAnnotations) {
    problems.Add("Metadata.Annotations (key)", "",
                 fmt::format("total size of annotations is too large by {} bytes", total - kMaxAnnotations));
  }
}

void CheckLabels(std::string_view field, const std::map<std::string, std::string>& labels,
                 Problems& problems) {
  for (const auto& [key, value] : labels) {
    for (const std::string& fault : QualifiedNameFaults(key))
      problems.Add(fmt::format("{} (label)", field), key, fault);
    for (const std::string& fault : LabelValueFaults(value))
      problems.Add(fmt::format("{} (value)", field), value, fault);
  }
}

void CheckMetadata(Kind kind, const Metadata& metadata, Problems& problems) {
  CheckName(kind, metadata.name, problems);
  CheckAnnotations(metadata.annotations, problems);
  CheckLabels("Metadata.Labels", metadata.labels, problems);
  const bool is_set = kind == Kind::kNetworkSet || kind == Kind::kGlobalNetworkSet;
  constexpr char kNamespaceLabel[] = "projectcalico.org/namespace";
  if (is_set && metadata.labels.contains(kNamespaceLabel)) {
    problems.Add("Metadata.Labels (label)", kNamespaceLabel,
                 "projectcalico.org/namespace is not a valid label name");
  }
}

}  // namespace calico::model::validate
