// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/policies.h"

#include <algorithm>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/convert.h"
#include "policy_eval/selectors.h"

namespace calico::policy_eval {
namespace {

using model::Key;

constexpr char kDeletion[] = "Delete";  // "what if the enforced policy were not there": not for the dataplane

std::string WhyUnreadable(const Policy& policy) {
  if (!policy.spec.unreadable.empty()) return policy.spec.unreadable;
  const auto selector = PolicySelector(policy.spec, policy.global, policy.key.ns);
  return selector.has_value() ? "" : "selector: " + selector.error().message();
}

template <typename T>
void AddNamespaced(const Cluster& cluster, bool staged, std::vector<Policy>& out) {
  cluster.ForEach<T>([&](const Key& key, const T& policy) {
    if constexpr (requires { policy.staged_action; }) {
      if (policy.staged_action == kDeletion) return;
    }
    out.push_back({key, staged, policy.spec, {}, {}});
  });
}
template <typename T>
void AddGlobal(const Cluster& cluster, bool staged, std::vector<Policy>& out) {
  cluster.ForEach<T>([&](const Key& key, const T& policy) {
    if constexpr (requires { policy.staged_action; }) {
      if (policy.staged_action == kDeletion) return;
    }
    out.push_back({key, staged, policy.spec, policy.global, {}});
  });
}
void AddStagedKubernetes(const Cluster& cluster, std::vector<Policy>& out) {
  using model::StagedKubernetesNetworkPolicy;
  cluster.ForEach<StagedKubernetesNetworkPolicy>(
      [&](const Key& key, const StagedKubernetesNetworkPolicy& policy) {
        if (policy.staged_action == kDeletion) return;
        auto spec = model::SpecOfKubernetesPolicy(policy);
        if (spec.has_value())
          out.push_back({key, true, *std::move(spec), {}, {}});
        else
          out.push_back({key, true, {}, {}, spec.error().message()});
      });
}

const model::Tier* FindTier(const Cluster& cluster, const std::string& name) {
  return cluster.Find<model::Tier>(Key::Resource(model::Kind::kTier, name));
}

double OrLast(const std::optional<double>& order) {
  return order.value_or(std::numeric_limits<double>::infinity());
}

// 2.2: a tier without an object comes last, one without an order after those that have one.
bool TierComesBefore(const Cluster& cluster, const TierOfPolicies& a, const TierOfPolicies& b) {
  const auto place = [&](const TierOfPolicies& tier) {
    const model::Tier* object = FindTier(cluster, tier.name);
    return std::tuple(object == nullptr, object == nullptr ? 0 : OrLast(object->order), tier.name);
  };
  return place(a) < place(b);
}

// 2.3.
bool PolicyComesBefore(const Policy& a, const Policy& b) {
  const auto place = [](const Policy& policy) {
    return std::pair(OrLast(policy.spec.order), fmt::format("{}/{}/{}", policy.key.name, policy.key.ns,
                                                            model::KindName(policy.key.kind)));
  };
  return place(a) < place(b);
}

TierOfPolicies& TierNamed(const Cluster& cluster, const std::string& name,
                          std::vector<TierOfPolicies>& tiers) {
  const auto found =
      std::find_if(tiers.begin(), tiers.end(), [&](const TierOfPolicies& tier) { return tier.name == name; });
  if (found != tiers.end()) return *found;
  const model::Tier* object = FindTier(cluster, name);
  tiers.push_back({name, object != nullptr, object != nullptr && object->default_action == "Pass", {}});
  return tiers.back();
}

}  // namespace

// 2.4. None at all: written by a very old client, both. A word that is no type cannot take a policy out of
// force.
bool Policy::Applies(Direction direction) const {
  const char* wanted = direction == Direction::kIngress ? "Ingress" : "Egress";
  return spec.types.empty() ||
         std::any_of(spec.types.begin(), spec.types.end(), [&](const std::string& type) {
           return EqualsIgnoreCase(type, wanted) ||
                  (!EqualsIgnoreCase(type, "Ingress") && !EqualsIgnoreCase(type, "Egress"));
         });
}

// 2.5, 2.11.
bool Policy::HasStage(Stage stage) const {
  switch (stage) {
    case Stage::kNormal:
      return !global.do_not_track && !global.pre_dnat;
    case Stage::kForward:
      return global.apply_on_forward && !global.do_not_track && !global.pre_dnat;
    case Stage::kUntracked:
      return global.do_not_track;
    case Stage::kPreDnat:
      return global.pre_dnat && !global.do_not_track;
  }
  return false;
}

bool Policy::Selects(const model::Labels& labels) const {
  const auto selector = PolicySelector(spec, global, key.ns);
  if (selector.has_value()) return selector->Matches(labels);
  const auto ns = labels.find(kNamespaceLabel);
  return key.ns.empty() || (ns != labels.end() && ns->second == key.ns);
}

const std::vector<model::Rule>& Policy::Rules(Direction direction) const {
  return direction == Direction::kIngress ? spec.ingress : spec.egress;
}

std::vector<Policy> PoliciesOf(const Cluster& cluster) {
  std::vector<Policy> policies;
  AddGlobal<model::GlobalNetworkPolicy>(cluster, false, policies);
  AddNamespaced<model::NetworkPolicy>(cluster, false, policies);
  AddGlobal<model::StagedGlobalNetworkPolicy>(cluster, true, policies);
  AddNamespaced<model::StagedNetworkPolicy>(cluster, true, policies);
  AddStagedKubernetes(cluster, policies);
  for (Policy& policy : policies) {
    if (policy.spec.tier.empty()) policy.spec.tier = model::kDefaultTier;
    if (policy.unreadable.empty()) policy.unreadable = WhyUnreadable(policy);
  }
  return policies;
}

std::vector<TierOfPolicies> TiersSeen(const Cluster& cluster, const model::Labels& labels, Stage stage,
                                      Direction direction) {
  std::vector<TierOfPolicies> tiers;
  for (Policy& policy : PoliciesOf(cluster)) {
    if (policy.HasStage(stage) && policy.Applies(direction) && policy.Selects(labels))
      TierNamed(cluster, policy.spec.tier, tiers).policies.push_back(std::move(policy));
  }
  std::sort(tiers.begin(), tiers.end(),
            [&](const TierOfPolicies& a, const TierOfPolicies& b) { return TierComesBefore(cluster, a, b); });
  for (TierOfPolicies& tier : tiers) std::sort(tier.policies.begin(), tier.policies.end(), PolicyComesBefore);
  return tiers;
}

}  // namespace calico::policy_eval
