// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/rule.h"
#include "policy_eval/cluster.h"
#include "policy_eval/members.h"
#include "policy_eval/packet.h"
#include "policy_eval/verdict.h"

namespace calico::policy_eval {

// What rules are matched against.
struct Scene {
  const Cluster& cluster;
  const std::vector<Member>& members;  // of the cluster
  const Packet& packet;
};

// Reference felix 2.6. `ns`: that of the policy whose rule it is; empty for global policies and profiles.
// A rule that cannot be read fails closed (cluster.h). HTTP is not for the kernel and so not matched.
RuleTrace MatchRule(const Scene& scene, const model::Rule& rule, const std::string& ns);

}  // namespace calico::policy_eval
