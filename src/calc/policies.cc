// SPDX-License-Identifier: Apache-2.0
#include "calc/policies.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "calc/endpoints.h"

namespace calico::calc {
namespace {

using dataplane_api::BothDirections;
using dataplane_api::Tiers;
using model::Key;

// Nothing comes after those without one.
double OrderOf(const std::optional<double>& order) {
  return order.value_or(std::numeric_limits<double>::infinity());
}

const char* ShortKind(model::Kind kind) {
  switch (kind) {
    case model::Kind::kNetworkPolicy:
      return "np";
    case model::Kind::kGlobalNetworkPolicy:
      return "gnp";
    case model::Kind::kStagedNetworkPolicy:
      return "snp";
    case model::Kind::kStagedGlobalNetworkPolicy:
      return "sgnp";
    default:
      return "sknp";
  }
}

PolicyTraits CommonTraits(const Key& key, const model::PolicySpec& spec) {
  PolicyTraits traits;
  traits.id = fmt::format("{}/{}{}", ShortKind(key.kind), key.ns.empty() ? "" : key.ns + "/", key.name);
  traits.tier = spec.tier.empty() ? model::kDefaultTier : spec.tier;
  traits.order = spec.order;
  traits.tie = fmt::format("{}/{}/{}", key.name, key.ns, model::KindName(key.kind));
  traits.ingress = IsFor(spec, "Ingress");
  traits.egress = IsFor(spec, "Egress");
  return traits;
}

template <typename Policy>
std::optional<PolicyTraits> Traits(const Key& key, const Policy& policy) {
  PolicyTraits traits = CommonTraits(key, policy.spec);
  if constexpr (requires { policy.staged_action; }) {
    if (!policy.staged_action.empty() && policy.staged_action != "Set") return std::nullopt;
    traits.staged = true;
  }
  if constexpr (requires { policy.global; }) {
    traits.do_not_track = policy.global.do_not_track;
    traits.pre_dnat = policy.global.pre_dnat;
    traits.apply_on_forward = policy.global.apply_on_forward;
  }
  return traits;
}

}  // namespace

std::optional<PolicyTraits> TraitsOf(const Key& key, const model::Object& policy) {
  return std::visit(
      [&](const auto& one) -> std::optional<PolicyTraits> {
        if constexpr (requires { one.spec.tier; })
          return Traits(key, one);
        else
          return std::nullopt;
      },
      policy);
}

bool Policies::InOrder::operator()(const Policy* a, const Policy* b) const {
  const auto place = [](const Policy& policy) {
    return std::tuple(!policy.tier->exists, OrderOf(policy.tier->order), std::string_view(policy.traits.tier),
                      OrderOf(policy.traits.order), std::string_view(policy.traits.tie));
  };
  return place(*a) < place(*b);
}

void Policies::Detach(Policy& policy) {
  for (const EndpointId endpoint : policy.endpoints) {
    applying_[endpoint].erase(&policy);
    changed_.insert(endpoint);
  }
}
void Policies::Attach(Policy& policy) {
  for (const EndpointId endpoint : policy.endpoints) {
    applying_[endpoint].insert(&policy);
    changed_.insert(endpoint);
  }
}

void Policies::SetTier(const std::string& name, const model::Tier* tier) {
  TierState& state = tiers_[name];
  for (const Key& key : state.policies) Detach(policies_.at(key));
  state.exists = tier != nullptr;
  state.order = tier == nullptr ? std::nullopt : tier->order;
  state.pass_at_end = tier != nullptr && tier->default_action == "Pass";
  for (const Key& key : state.policies) Attach(policies_.at(key));
  if (!state.exists && state.policies.empty()) tiers_.erase(name);
}

void Policies::SetPolicy(const Key& key, PolicyTraits traits) {
  const auto [found, fresh] = policies_.try_emplace(key);
  Policy& policy = found->second;
  if (!fresh) {
    if (policy.traits == traits) return;
    Detach(policy);
    if (policy.traits.tier != traits.tier) LeaveTier(key, policy.traits.tier);
  }
  policy.traits = std::move(traits);
  TierState& tier = tiers_[policy.traits.tier];
  tier.policies.insert(key);
  policy.tier = &tier;
  Attach(policy);
}

void Policies::RemovePolicy(const Key& key) {
  const auto found = policies_.find(key);
  if (found == policies_.end()) return;
  CHECK(found->second.endpoints.empty(), "a policy that goes matches nothing any more");
  LeaveTier(key, found->second.traits.tier);
  policies_.erase(found);
}

void Policies::LeaveTier(const Key& key, const std::string& tier) {
  TierState& state = tiers_.at(tier);
  state.policies.erase(key);
  if (!state.exists && state.policies.empty()) tiers_.erase(tier);
}

void Policies::SetMatch(const Key& key, EndpointId endpoint, bool matches) {
  Policy& policy = policies_.at(key);
  changed_.insert(endpoint);
  if (matches) {
    policy.endpoints.insert(endpoint);
    applying_[endpoint].insert(&policy);
    return;
  }
  policy.endpoints.erase(endpoint);
  const auto found = applying_.find(endpoint);
  if (found == applying_.end()) return;
  found->second.erase(&policy);
  if (found->second.empty()) applying_.erase(found);
}

bool Policies::Applies(const Key& key) const {
  const auto found = policies_.find(key);
  return found != policies_.end() && !found->second.endpoints.empty();
}

template <typename Wanted>
Tiers Policies::Select(EndpointId endpoint, bool always_pass, const Wanted& wanted) const {
  Tiers tiers;
  const auto found = applying_.find(endpoint);
  if (found == applying_.end()) return tiers;
  for (const Policy* policy : found->second) {
    if (!wanted(policy->traits)) continue;
    if (tiers.empty() || tiers.back().name != policy->traits.tier) {
      // Only staged policies so far: as if there were none.
      tiers.push_back({policy->traits.tier, {}, true});
    }
    tiers.back().policies.push_back(policy->traits.id);
    if (!policy->traits.staged) tiers.back().pass_at_end = always_pass || policy->tier->pass_at_end;
  }
  return tiers;
}

BothDirections Policies::OfWorkload(EndpointId endpoint) const {
  const auto usual = [](const PolicyTraits& policy) { return !policy.do_not_track && !policy.pre_dnat; };
  return {Select(endpoint, false, [&](const auto& policy) { return usual(policy) && policy.ingress; }),
          Select(endpoint, false, [&](const auto& policy) { return usual(policy) && policy.egress; })};
}

Policies::OfHost Policies::OfHostEndpoint(EndpointId endpoint) const {
  const auto both = [&](bool always_pass, const auto& wanted) {
    return BothDirections{
        Select(endpoint, always_pass, [&](const auto& policy) { return wanted(policy) && policy.ingress; }),
        Select(endpoint, always_pass, [&](const auto& policy) { return wanted(policy) && policy.egress; })};
  };
  OfHost stages;
  stages.normal = OfWorkload(endpoint);
  stages.forwarded = both(false, [](const PolicyTraits& policy) {
    return policy.apply_on_forward && !policy.do_not_track && !policy.pre_dnat;
  });
  stages.untracked = both(true, [](const PolicyTraits& policy) { return policy.do_not_track; });
  stages.before_dnat =
      both(true, [](const PolicyTraits& policy) { return policy.pre_dnat && !policy.do_not_track; }).ingress;
  return stages;
}

std::set<EndpointId> Policies::TakeChanged() {
  return std::exchange(changed_, {});
}

}  // namespace calico::calc
