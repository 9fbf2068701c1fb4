// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/labels.h"

#include "policy_eval/selectors.h"

namespace calico::policy_eval {
namespace {

void Inherit(const Cluster& cluster, const std::vector<std::string>& profiles, model::Labels& labels) {
  for (const std::string& name : profiles) {
    const auto profile = FindProfile(cluster, name);
    if (profile) labels.insert(profile->labels_to_apply.begin(), profile->labels_to_apply.end());
  }
}

// Only profiles may say something of a namespace or a service account.
void StripInherited(model::Labels& labels) {
  std::erase_if(labels, [](const auto& label) {
    return label.first.starts_with(kNamespacePrefix) || label.first.starts_with(kServiceAccountPrefix);
  });
}

void AddSystemLabels(const model::WorkloadEndpoint& endpoint, model::Labels& labels) {
  labels[kNamespaceLabel] = endpoint.metadata.ns;
  if (!endpoint.orchestrator.empty()) labels[kOrchestratorLabel] = endpoint.orchestrator;
  constexpr std::size_t kLongestValue = 63;  // of a label in Kubernetes; one less here, as upstream has it
  if (const std::string& account = endpoint.service_account_name;
      !account.empty() && account.size() < kLongestValue)
    labels[kServiceAccountLabel] = account;
}

}  // namespace

model::Labels LabelsOf(const Cluster& cluster, const model::WorkloadEndpoint& endpoint) {
  model::Labels labels = endpoint.metadata.labels;
  StripInherited(labels);
  if (cluster.dialect == Dialect::kV3) AddSystemLabels(endpoint, labels);
  Inherit(cluster, endpoint.profiles, labels);
  return labels;
}

model::Labels LabelsOf(const Cluster& cluster, const model::HostEndpoint& endpoint) {
  model::Labels labels = endpoint.metadata.labels;
  Inherit(cluster, endpoint.profiles, labels);
  return labels;
}

model::Labels LabelsOf(const Cluster& cluster, const model::NetworkSet& set) {
  model::Labels labels = set.metadata.labels;
  labels[kNamespaceLabel] = set.metadata.ns;
  Inherit(cluster, {"kns." + set.metadata.ns}, labels);
  return labels;
}

model::Labels LabelsOf(const Cluster&, const model::GlobalNetworkSet& set) {
  return set.metadata.labels;
}

}  // namespace calico::policy_eval
