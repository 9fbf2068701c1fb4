// SPDX-License-Identifier: Apache-2.0
// Reference felix 2.2 to 2.5, 2.9, 2.15. The worked examples have the common cases.
#include "policy_eval/evaluate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "policy_eval/labels.h"
#include "policy_eval/testing/clusters.h"

namespace calico::policy_eval {
namespace {

using model::Key;
using model::Kind;

constexpr char kWorld[] = R"(
kind: Profile
metadata: {name: kns.ns1}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}], labelsToApply: {pcns.env: dev, size: big}}
---
kind: WorkloadEndpoint
metadata: {namespace: ns1, labels: {role: web}}
spec:
  {orchestrator: k8s, node: a, pod: web, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.0.0.2/32], profiles: [kns.ns1]}
---
kind: HostEndpoint
metadata: {name: a-eth0, labels: {host: a}}
spec: {node: a, interfaceName: eth0, profiles: [projectcalico-default-allow]}
---
kind: Tier
metadata: {name: default}
spec: {order: 1000000, defaultAction: Deny}
)";

class Evaluate : public ::testing::Test {
 protected:
  Verdict Ingress(std::uint16_t port = 80) {
    return EvaluateWorkload(cluster_, web_, Direction::kIngress, Tcp("192.0.2.9", "10.0.0.2", port));
  }
  Verdict Egress() {
    return EvaluateWorkload(cluster_, web_, Direction::kEgress, Tcp("10.0.0.2", "192.0.2.9", 80));
  }
  Verdict OfHost(Stage stage, std::uint16_t port = 80) {
    return EvaluateHostEndpoint(cluster_, Key::Resource(Kind::kHostEndpoint, "a-eth0"), stage,
                                Direction::kIngress, Tcp("192.0.2.9", "192.0.2.1", port));
  }
  std::string Reason() { return Because(Ingress()); }
  model::WorkloadEndpoint Web() { return *cluster_.Find<model::WorkloadEndpoint>(web_); }

  Cluster cluster_ = ClusterOf(kWorld);
  const Key web_ = Key::Resource(Kind::kWorkloadEndpoint, "a-k8s-web-eth0", "ns1");
};

// --- labels

TEST_F(Evaluate, LabelsOfCalicoWinOverOwnAndOwnOverInherited) {
  model::WorkloadEndpoint web = Web();
  web.metadata.labels = {{"projectcalico.org/namespace", "other"}, {"size", "small"}, {"pcns.env", "prod"}};
  const auto labels = LabelsOf(cluster_, web);
  EXPECT_EQ(labels.at("projectcalico.org/namespace"), "ns1");
  EXPECT_EQ(labels.at("size"), "small");
  EXPECT_EQ(labels.at("pcns.env"), "dev");
}

TEST_F(Evaluate, LabelOfAServiceAccountIsOnlyThereForNamesBelow63Characters) {
  model::WorkloadEndpoint web = Web();
  web.service_account_name = std::string(62, 'x');
  EXPECT_TRUE(LabelsOf(cluster_, web).contains("projectcalico.org/serviceaccount"));
  web.service_account_name += 'x';
  EXPECT_FALSE(LabelsOf(cluster_, web).contains("projectcalico.org/serviceaccount"));
}

TEST_F(Evaluate, LabelsOfANetworkSetAreThoseOfItsNamespaceToo) {
  model::NetworkSet set;
  set.metadata.ns = "ns1";
  const auto labels = LabelsOf(cluster_, set);
  EXPECT_EQ(labels.at("projectcalico.org/namespace"), "ns1");
  EXPECT_EQ(labels.at("pcns.env"), "dev");
}

// --- tiers, order, types

TEST_F(Evaluate, OrdersMissingTiersByNameAfterAllOthers) {
  Add(cluster_, R"(
kind: Tier
metadata: {name: late}
spec: {order: 9000000, defaultAction: Pass}
---
kind: GlobalNetworkPolicy
metadata: {name: in-b}
spec: {tier: b, order: 1, ingress: [{action: Pass}]}
---
kind: GlobalNetworkPolicy
metadata: {name: in-a}
spec: {tier: a, order: 2, ingress: [{action: Pass}]}
---
kind: GlobalNetworkPolicy
metadata: {name: in-late}
spec: {tier: late, order: 3, ingress: [{action: Pass}]}
)");
  std::vector<std::string> names;
  for (const TierTrace& tier : Ingress().tiers) names.push_back(tier.name);
  EXPECT_THAT(names, ::testing::ElementsAre("late", "a", "b"));
  EXPECT_FALSE(Ingress().tiers[1].exists);
}

TEST_F(Evaluate, TakesEveryDefaultActionButPassForDeny) {
  Add(cluster_, R"(
kind: Tier
metadata: {name: odd}
spec: {order: 1, defaultAction: Allow}
)",
      true);
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: g}
spec: {tier: odd, types: [Ingress]}
)");
  EXPECT_EQ(Reason(), "end of tier odd");
}

TEST_F(Evaluate, BreaksTiesByTheNameWithItsSlash) {
  // "a-b/…" comes before "a/…": a dash is smaller than a slash.
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {order: 1, ingress: [{action: Deny}]}
---
kind: GlobalNetworkPolicy
metadata: {name: a-b}
spec: {order: 1, ingress: [{action: Allow}]}
)");
  EXPECT_EQ(Reason(), "policy a-b rule 1");
}

TEST_F(Evaluate, TakesStoredPoliciesWithoutTypesForBothDirections) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: old}
spec: {ingress: [{action: Allow}]}
)",
      true);
  EXPECT_EQ(Reason(), "policy old rule 1");
  EXPECT_EQ(Because(Egress()), "end of tier default");
}

TEST_F(Evaluate, ShowsTheRulesAfterTheVerdictAsNotReached) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {order: 1, ingress: [{action: Deny}, {action: Allow}]}
---
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {order: 2, ingress: [{action: Allow}]}
)");
  const Verdict verdict = Ingress();
  EXPECT_EQ(Because(verdict), "policy a rule 1");
  const auto& policies = verdict.tiers[0].policies;
  EXPECT_EQ(policies[0].rules.size(), 2u);
  EXPECT_TRUE(policies[0].reached);
  EXPECT_FALSE(policies[1].reached);
  EXPECT_FALSE(verdict.profiles[0].reached);
}

TEST_F(Evaluate, LeavesLogsBehindTheVerdictOut) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {order: 1, ingress: [{action: Log}, {action: Pass}, {action: Log}]}
---
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {order: 2, ingress: [{action: Log}]}
)");
  EXPECT_THAT(Ingress().logs,
              ::testing::ElementsAre(LogHit{Key::Resource(Kind::kGlobalNetworkPolicy, "a"), 0}));
}

// --- profiles

TEST_F(Evaluate, DoesNotTakePassInAProfileForAnything) {
  Add(cluster_, R"(
kind: Profile
metadata: {name: kns.ns1}
spec: {ingress: [{action: Pass}, {action: Pass, source: {selector: "("}}, {action: Allow}]}
)",
      true);
  EXPECT_EQ(Reason(), "profile kns.ns1 rule 3");
}

TEST_F(Evaluate, DeniesAWorkloadWithoutProfilesAndPolicies) {
  model::WorkloadEndpoint web = Web();
  web.profiles.clear();
  Store(cluster_, web);
  EXPECT_EQ(Ingress().action, Action::kDeny);
  EXPECT_EQ(Reason(), "no profile matched");
}

// --- connections

TEST_F(Evaluate, DropsInvalidPacketsUnlessTheParameterSaysNo) {
  Packet packet = Tcp("192.0.2.9", "192.0.2.1", 22);  // a failsafe port
  packet.connection = Connection::kInvalid;
  const Key eth0 = Key::Resource(Kind::kHostEndpoint, "a-eth0");
  const auto verdict = [&] {
    return Because(EvaluateHostEndpoint(cluster_, eth0, Stage::kNormal, Direction::kIngress, packet));
  };
  EXPECT_EQ(verdict(), "connection is invalid");
  Add(cluster_,
      "kind: FelixConfiguration\nmetadata: {name: default}\nspec: {disableConntrackInvalidCheck: true}");
  EXPECT_EQ(verdict(), "failsafe tcp 22");
}

// --- stages of host endpoints

TEST_F(Evaluate, IgnoresUntrackedAndPreDnatPoliciesForWorkloads) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {doNotTrack: true, applyOnForward: true, ingress: [{action: Deny}]}
---
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {preDNAT: true, applyOnForward: true, ingress: [{action: Deny}]}
)");
  EXPECT_EQ(Reason(), "profile kns.ns1 rule 1");
}

TEST_F(Evaluate, HasNoDefaultDenyInTheUntrackedAndPreDnatStages) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {doNotTrack: true, applyOnForward: true, ingress: [{action: Deny, source: {nets: [1.1.1.1/32]}}]}
---
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {preDNAT: true, applyOnForward: true, ingress: [{action: Deny, source: {nets: [1.1.1.1/32]}}]}
)");
  for (const Stage stage : {Stage::kUntracked, Stage::kPreDnat}) {
    EXPECT_EQ(OfHost(stage).action, Action::kNone);
    EXPECT_EQ(OfHost(stage).tiers.size(), 1u);
  }
  EXPECT_EQ(Because(OfHost(Stage::kNormal)), "profile projectcalico-default-allow rule 1");
}

TEST_F(Evaluate, GoesOnToTheNextTierAtTheEndOfAnUntrackedOne) {
  Add(cluster_, R"(
kind: Tier
metadata: {name: first}
spec: {order: 1}
---
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {tier: first, doNotTrack: true, applyOnForward: true, types: [Ingress]}
---
kind: GlobalNetworkPolicy
metadata: {name: b}
spec: {doNotTrack: true, applyOnForward: true, ingress: [{action: Allow}]}
)");
  EXPECT_EQ(Because(OfHost(Stage::kUntracked)), "policy b rule 1");
}

TEST_F(Evaluate, HasNoProfilesInTheForwardStage) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: a}
spec: {applyOnForward: true, selector: has(host), ingress: [{action: Pass}]}
)");
  EXPECT_EQ(OfHost(Stage::kForward).action, Action::kNone);
  EXPECT_EQ(Because(OfHost(Stage::kNormal)), "profile projectcalico-default-allow rule 1");
}

TEST_F(Evaluate, DoesNotCountStagedPoliciesAsForwardPolicies) {
  Add(cluster_, R"(
kind: StagedGlobalNetworkPolicy
metadata: {name: a}
spec: {applyOnForward: true, selector: has(host), ingress: [{action: Deny}]}
)");
  EXPECT_EQ(Because(OfHost(Stage::kForward)), "no applyOnForward policy");
}

// --- staged

TEST_F(Evaluate, ConvertsStagedPoliciesOfKubernetes) {
  Add(cluster_, R"(
kind: StagedKubernetesNetworkPolicy
metadata: {name: s, namespace: ns1}
spec:
  podSelector: {matchLabels: {role: web}}
  ingress: [{ports: [{port: 80}]}]
)");
  const Verdict verdict = Ingress();
  EXPECT_EQ(Because(verdict), "profile kns.ns1 rule 1");
  const PolicyTrace& staged = verdict.tiers.at(0).policies.at(0);
  EXPECT_TRUE(staged.staged);
  EXPECT_EQ(staged.rule, 0u);
  EXPECT_FALSE(Ingress(81).tiers[0].policies[0].rule);
}

TEST_F(Evaluate, LeavesStagedDeletionsOut) {
  Add(cluster_, R"(
kind: StagedNetworkPolicy
metadata: {name: s, namespace: ns1}
spec: {stagedAction: Delete}
)");
  EXPECT_TRUE(Ingress().tiers.empty());
}

// --- what cannot be read

TEST_F(Evaluate, TakesAPolicyWithAnUnreadableSelectorForDenyAllInItsNamespace) {
  Add(cluster_, R"(
kind: NetworkPolicy
metadata: {name: broken, namespace: ns1}
spec: {selector: "role = 'x'", types: [Ingress], ingress: [{action: Allow}]}
---
kind: NetworkPolicy
metadata: {name: broken, namespace: ns2}
spec: {selector: "role = 'x'", types: [Egress]}
)",
      true);
  EXPECT_EQ(Ingress().action, Action::kDeny);
  EXPECT_EQ(Reason(), "policy ns1/broken cannot be read");
  EXPECT_EQ(Because(Egress()), "profile kns.ns1 rule 1");
}

TEST_F(Evaluate, TakesAGlobalPolicyWithAnUnreadableSelectorForDenyAllEverywhereAtItsPlace) {
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: broken}
spec: {order: 5, namespaceSelector: "(", types: [Ingress]}
)",
      true);
  EXPECT_EQ(Reason(), "policy broken cannot be read");
  EXPECT_EQ(Because(OfHost(Stage::kNormal)), "policy broken cannot be read");
  EXPECT_EQ(Because(OfHost(Stage::kForward)), "no applyOnForward policy");
  Add(cluster_, R"(
kind: GlobalNetworkPolicy
metadata: {name: before}
spec: {order: 4, ingress: [{action: Allow}]}
)");
  EXPECT_EQ(Reason(), "policy before rule 1");
}

TEST_F(Evaluate, DoesNotEnforceAStagedPolicyThatCannotBeRead) {
  Add(cluster_, R"(
kind: StagedGlobalNetworkPolicy
metadata: {name: broken}
spec: {selector: "(", types: [Ingress]}
)",
      true);
  EXPECT_EQ(Reason(), "profile kns.ns1 rule 1");
}

// --- the nearest rule

TEST_F(Evaluate, FindsTheAllowRuleThatLacksLeast) {
  Add(cluster_, R"(
kind: NetworkPolicy
metadata: {name: n, namespace: ns1}
spec:
  ingress:
    - {action: Allow, protocol: UDP, destination: {ports: [81]}}
    - {action: Allow, protocol: TCP, source: {nets: [192.0.2.0/24]}, destination: {ports: [81]}}
    - {action: Deny}
)");
  // A profile's rule would have matched, but is not reached.
  const auto in_policy = NearestAllowOf(Ingress());
  ASSERT_TRUE(in_policy);
  EXPECT_EQ(in_policy->rule, 1u);
  EXPECT_TRUE(in_policy->reached);
  EXPECT_THAT(in_policy->mismatches, ::testing::ElementsAre(Mismatch{"destination.ports", "81", "tcp 80"}));
}

}  // namespace
}  // namespace calico::policy_eval
