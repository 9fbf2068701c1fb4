// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"
#include "model/rule.h"

namespace calico::model {

// Reference datastore-model C.4.2, C.4.3: what all Calico policies share.
struct PolicySpec {
  std::string tier;             // "default" unless set
  std::optional<double> order;  // unset sorts last
  std::vector<Rule> ingress;
  std::vector<Rule> egress;
  std::string selector;            // empty: every endpoint (of the namespace)
  std::vector<std::string> types;  // "Ingress", "Egress"
  std::string service_account_selector;
  std::vector<std::string> performance_hints;
  // No member of the document: why the stored value could not be read in full (DecodeToEnforce in
  // codec/json.h); then the policy denies everything, in the directions of its types.
  std::string unreadable;
  bool operator==(const PolicySpec&) const = default;
};
// What only policies without a namespace have.
struct GlobalPolicySpec {
  bool do_not_track = false;
  bool pre_dnat = false;
  bool apply_on_forward = false;
  std::string namespace_selector;
  bool operator==(const GlobalPolicySpec&) const = default;
};

struct NetworkPolicy {
  Metadata metadata;
  PolicySpec spec;
  UnknownMembers unknown;
  bool operator==(const NetworkPolicy&) const = default;
};
struct GlobalNetworkPolicy {
  Metadata metadata;
  PolicySpec spec;
  GlobalPolicySpec global;
  UnknownMembers unknown;
  bool operator==(const GlobalNetworkPolicy&) const = default;
};
// Staged policies are evaluated and counted, but not enforced.
struct StagedNetworkPolicy {
  Metadata metadata;
  std::string staged_action;  // "Set", "Delete", "Learn", "Ignore"
  PolicySpec spec;
  UnknownMembers unknown;
  bool operator==(const StagedNetworkPolicy&) const = default;
};
struct StagedGlobalNetworkPolicy {
  Metadata metadata;
  std::string staged_action;
  PolicySpec spec;
  GlobalPolicySpec global;
  UnknownMembers unknown;
  bool operator==(const StagedGlobalNetworkPolicy&) const = default;
};
// Reference datastore-model C.4.4; the members are those of networking.k8s.io/v1 NetworkPolicy, as JSON text.
struct StagedKubernetesNetworkPolicy {
  Metadata metadata;
  std::string staged_action;
  std::string pod_selector_json = "{}";  // always stored
  std::string ingress_json;              // empty: absent
  std::string egress_json;
  std::vector<std::string> policy_types;
  UnknownMembers unknown;
  bool operator==(const StagedKubernetesNetworkPolicy&) const = default;
};

inline constexpr char kDefaultTier[] = "default";
inline constexpr double kDefaultTierOrder = 1'000'000;

// Reference datastore-model C.4.6, A.7.4.
struct Tier {
  Metadata metadata;
  std::optional<double> order;
  std::string default_action;  // "Deny", "Pass"
  UnknownMembers unknown;
  bool operator==(const Tier&) const = default;
};

}  // namespace calico::model
