// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/selector/selector.h"
#include "policy_eval/cluster.h"

// The labels that selectors see (reference felix 2.9).
namespace calico::policy_eval {

// What Calico says of an endpoint (its namespace, orchestrator and service account) wins over the endpoint's
// own labels, which Kubernetes' users write; both win over those of profiles, the first profile first.
model::Labels LabelsOf(const Cluster& cluster, const model::WorkloadEndpoint& endpoint);
model::Labels LabelsOf(const Cluster& cluster, const model::HostEndpoint& endpoint);
model::Labels LabelsOf(const Cluster& cluster, const model::NetworkSet& set);
model::Labels LabelsOf(const Cluster& cluster, const model::GlobalNetworkSet& set);

}  // namespace calico::policy_eval
