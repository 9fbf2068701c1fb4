// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/policy.h"
#include "model/selector/selector.h"
#include "policy_eval/cluster.h"
#include "policy_eval/verdict.h"

namespace calico::policy_eval {

// Where a policy has its say (reference felix 2.5). Workloads have the normal stage only.
enum class Stage { kNormal, kForward, kUntracked, kPreDnat };

// Any kind of policy. A StagedKubernetesNetworkPolicy is as its conversion gives it (2.10).
struct Policy {
  model::Key key;
  bool staged = false;
  model::PolicySpec spec;
  model::GlobalPolicySpec global;  // of policies without a namespace
  std::string unreadable;          // why it denies all whom it selects (cluster.h)

  bool Applies(Direction direction) const;
  bool HasStage(Stage stage) const;
  bool Selects(const model::Labels& labels) const;
  const std::vector<model::Rule>& Rules(Direction direction) const;
};

// All that are evaluated: enforced and staged ones, without staged deletions.
std::vector<Policy> PoliciesOf(const Cluster& cluster);

struct TierOfPolicies {
  std::string name;
  bool exists = true;
  bool passes = false;  // at its end, by its default action
  std::vector<Policy> policies;
};

// The tiers that an endpoint with these labels sees in a stage and direction, in the order of evaluation,
// each with its policies in theirs (2.2, 2.3).
std::vector<TierOfPolicies> TiersSeen(const Cluster& cluster, const model::Labels& labels, Stage stage,
                                      Direction direction);

}  // namespace calico::policy_eval
