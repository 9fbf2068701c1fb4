// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane_api/policy.h"
#include "model/key.h"
#include "model/update.h"

namespace calico::calc {

using EndpointId = std::uint32_t;  // of a local endpoint, given by the graph

// Where a policy stands and what it is for; without its selector and its rules.
struct PolicyTraits {
  std::string id;  // "np/ns/name": key of Batch::policies
  std::string tier;
  std::optional<double> order;
  std::string tie;  // "name/ns/Kind": decides between equal orders (reference felix 2.3)
  bool ingress = false, egress = false;
  bool staged = false;
  bool do_not_track = false, pre_dnat = false, apply_on_forward = false;
  bool operator==(const PolicyTraits&) const = default;
};

// Which policies apply to each local endpoint, in which order (reference felix 2.2 to 2.5). The cost of a
// change follows the endpoints that the changed policies apply to.
class Policies final {
 public:
  // nullptr: the tier is gone. Policies in a tier that is not there come last and end in a denial.
  void SetTier(const std::string& name, const model::Tier* tier);
  void SetPolicy(const model::Key& key, PolicyTraits traits);
  void RemovePolicy(const model::Key& key);  // of which no match is left

  void SetMatch(const model::Key& policy, EndpointId endpoint, bool matches);

  bool Applies(const model::Key& policy) const;  // to any endpoint
  // What a workload endpoint is under.
  dataplane_api::BothDirections OfWorkload(EndpointId endpoint) const;
  // The four stages of a host endpoint.
  struct OfHost {
    dataplane_api::BothDirections normal, forwarded, untracked;
    dataplane_api::Tiers before_dnat;
  };
  OfHost OfHostEndpoint(EndpointId endpoint) const;

  // Endpoints whose lists may have changed since the last call.
  std::set<EndpointId> TakeChanged();

 private:
  struct TierState {
    bool exists = false;
    std::optional<double> order;
    bool pass_at_end = false;
    std::set<model::Key> policies;
  };
  struct Policy {
    PolicyTraits traits;
    const TierState* tier = nullptr;
    std::set<EndpointId> endpoints;
  };
  struct InOrder {
    bool operator()(const Policy* a, const Policy* b) const;
  };
  using Applying = std::set<const Policy*, InOrder>;

  // Changes that move a policy within the order: it leaves the ordered sets, and comes back afterwards.
  void Detach(Policy& policy);
  void Attach(Policy& policy);
  void LeaveTier(const model::Key& key, const std::string& tier);
  template <typename Wanted>
  dataplane_api::Tiers Select(EndpointId endpoint, bool always_pass, const Wanted& wanted) const;

  std::map<std::string, TierState> tiers_;  // also those that only policies name
  std::map<model::Key, Policy> policies_;
  std::map<EndpointId, Applying> applying_;
  std::set<EndpointId> changed_;
};

// nullopt: not for the dataplane (a staged deletion).
std::optional<PolicyTraits> TraitsOf(const model::Key& key, const model::Object& policy);

}  // namespace calico::calc
