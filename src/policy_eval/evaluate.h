// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "policy_eval/cluster.h"
#include "policy_eval/packet.h"
#include "policy_eval/policies.h"
#include "policy_eval/verdict.h"

// What one endpoint says of a packet (reference felix 2.5).
namespace calico::policy_eval {

// The object of `workload` must exist and be an endpoint (members.h).
Verdict EvaluateWorkload(const Cluster& cluster, const model::Key& workload, Direction direction,
                         const Packet& packet);

// Likewise. The pre-DNAT stage has ingress only; the untracked stage leaves a host endpoint "*" out.
Verdict EvaluateHostEndpoint(const Cluster& cluster, const model::Key& host_endpoint, Stage stage,
                             Direction direction, const Packet& packet);

}  // namespace calico::policy_eval
