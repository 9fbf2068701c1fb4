// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.2 to C.4.6.
#include "model/validate/names.h"
#include "model/validate/testing/verdict.h"

namespace calico::model::validate {
namespace {

const std::string kNoGlobal = "global() can only be used in an EntityRule namespaceSelector";

TEST(Policies, ShareTheirChecks) {
  for (const char* kind :
       {"NetworkPolicy", "GlobalNetworkPolicy", "StagedNetworkPolicy", "StagedGlobalNetworkPolicy"}) {
    ExpectVerdicts(kind, "web", OfCreate,
                   {
                       {"{}", kSound},
                       {"{tier: security, order: 10.5, selector: has(role), types: [Ingress, Egress], "
                        "serviceAccountSelector: all(), performanceHints: [AssumeNeededOnEveryNode]}",
                        kSound},
                       {"{tier: Se_curity}", Tag("Tier", "Se_curity", "name")},
                       {"{selector: role ==}", Tag("Selector", "role ==", "selector", "(expected string)")},
                       {"{selector: global()}", Field("PolicySpec.Selector", "global()", kNoGlobal)},
                       {"{serviceAccountSelector: global()}",
                        Field("PolicySpec.ServiceAccountSelector", "global()", kNoGlobal)},
                       {"{types: [ingress]}", Tag("Types[0]", "ingress", "policyType")},
                       {"{types: [Ingress, Ingress]}",
                        Field("PolicySpec.Types", "", "'Ingress' type specified more than once")},
                       {"{types: [Egress, Egress]}",
                        Field("PolicySpec.Types", "", "'Egress' type specified more than once")},
                       {"{performanceHints: [Fast]}", Tag("PerformanceHints[0]", "Fast", "oneof")},
                       {"{performanceHints: [AssumeNeededOnEveryNode, AssumeNeededOnEveryNode]}",
                        Tag("PerformanceHints", "AssumeNeededOnEveryNode", "unique")},
                   });
  }
}

TEST(Policies, WithoutNamespaceHaveOptionsForHosts) {
  for (const char* kind : {"GlobalNetworkPolicy", "StagedGlobalNetworkPolicy"}) {
    ExpectVerdicts(
        kind, "web", OfCreate,
        {
            {"{namespaceSelector: env != 'lab', applyOnForward: true, preDNAT: true}", kSound},
            {"{applyOnForward: true, doNotTrack: true}", kSound},
            {"{namespaceSelector: global()}", Field("PolicySpec.NamespaceSelector", "global()", kNoGlobal)},
            {"{doNotTrack: true, preDNAT: true, applyOnForward: true}",
             Field("PolicySpec.PreDNAT", "true",
                   "PreDNAT and DoNotTrack cannot both be true, for a given PolicySpec")},
            {"{preDNAT: true, applyOnForward: true, types: [Ingress], egress: [{action: Allow}]}",
             Field("PolicySpec.Egress", "", "PreDNAT PolicySpec cannot have any Egress rules")},
            {"{preDNAT: true, applyOnForward: true, types: [Egress]}",
             Field("PolicySpec.Types", "", "PreDNAT PolicySpec cannot have 'egress' Type")},
            {"{preDNAT: true}",
             Field("PolicySpec.ApplyOnForward", "false",
                   "ApplyOnForward must be true if either PreDNAT or DoNotTrack is true, for a given "
                   "PolicySpec")},
        });
  }
}

TEST(Policies, ThatAreStagedMayOnlyDelete) {
  const std::string zero = "Spec fields, except Tier, should all be zero-value if stagedAction is Delete";
  for (const char* kind : {"StagedNetworkPolicy", "StagedGlobalNetworkPolicy"}) {
    ExpectVerdicts(kind, "web", OfCreate,
                   {
                       {"{stagedAction: Learn}", kSound},
                       {"{stagedAction: set}", Tag("StagedAction", "set", "stagedAction")},
                       {"{stagedAction: Delete, tier: security}", kSound},
                       {"{stagedAction: Delete, selector: all()}", Field("Spec", "", zero)},
                       {"{stagedAction: Delete, types: [Ingress]}", Field("Spec", "", zero)},
                       {"{stagedAction: Delete, order: 0}", Field("Spec", "", zero)},
                   });
  }
  ExpectVerdicts("StagedGlobalNetworkPolicy", "web", OfCreate,
                 {{"{stagedAction: Delete, applyOnForward: true}", Field("Spec", "", zero)}});
}

TEST(Policies, InKubernetesFormAreCheckedAsWhatTheyMean) {
  ExpectVerdicts(
      "StagedKubernetesNetworkPolicy", "k8s-try", OfCreate,
      {
          {"{}", kSound},
          {"{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {matchLabels: {app: "
           "lb}}}, "
           "{namespaceSelector: {}}], ports: [{protocol: TCP, port: 80}, {port: http}, {protocol: UDP}]}], "
           "policyTypes: [Ingress]}",
           kSound},
          {"{egress: [{to: [{ipBlock: {cidr: 10.0.0.0/8, except: [10.1.0.0/16]}}], ports: [{port: 1, "
           "endPort: 9}]}]}",
           kSound},
          {"{podSelector: {matchExpressions: [{key: a, operator: In, values: [x, '']}, {key: b, operator: "
           "Exists}, "
           "{key: c, operator: DoesNotExist}, {key: d, operator: NotIn, values: [z]}]}}",
           kSound},
          {"{policyTypes: [ingress]}", Tag("Types[0]", "ingress", "policyType")},
          {"{podSelector: {matchLabel: {a: b}}}",
           Field("spec.podSelector.matchLabel", "", "field is not recognized or is in the wrong location")},
          {"{podSelector: {matchLabels: {a: 'b c'}}}",
           Field("spec.podSelector", "b c", LabelValueFaults("b c")[0])},
          {"{podSelector: {matchExpressions: [{key: a, operator: In}]}}",
           Field("spec.podSelector.matchExpressions[0].values", "",
                 "must be specified when `operator` is 'In' or 'NotIn'")},
          {"{podSelector: {matchExpressions: [{key: a, operator: Like}]}}",
           Field("spec.podSelector.matchExpressions[0].operator", "Like", "not a valid selector operator")},
          {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.1/8}}]}]}",
           Tag("Source.Nets", "10.0.0.1/8", "net", "(host bits must be zero)")},
          {"{ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}]}",
           Field("spec.ingress[0].from[0]", "", "may not specify both ipBlock and another peer")},
          {"{ingress: [{from: [{}]}]}", Field("spec.ingress[0].from[0]", "", "must specify a peer")},
          {"{egress: [{ports: [{port: 9, endPort: 1}]}]}",
           Field("spec.egress[0].ports[0].endPort", "", "must be greater than or equal to `port`")},
          {"{egress: [{ports: [{protocol: GRE, port: 9}]}]}",
           "error with the following fields:\n"
           "-  Protocol = 'GRE' (protocol name invalid)\n"
           "-  Destination.Ports (rules that specify ports must set protocol to TCP or UDP or SCTP)"},
          {"{egress: [{to: x}]}", Field("spec.egress[0].to", "", "must be a list")},
          {"{stagedAction: Delete}", kSound},
          {"{stagedAction: Delete, policyTypes: [Ingress]}",
           Field("Spec", "", "Spec fields should all be zero-value if stagedAction is Delete")},
      });
}

TEST(Profiles, HaveSoundRulesAndLabels) {
  ExpectVerdicts(
      "Profile", "web", OfCreate,
      {
          {"{ingress: [{action: Allow}], egress: [{action: Deny}], labelsToApply: {a.b/tier: web}}", kSound},
          {"{egress: [{action: x}]}", Tag("Action", "x", "action")},
          {"{labelsToApply: {'a b': x}}",
           Tag("LabelsToApply", "a b", "labels", "(" + QualifiedNameFaults("a b")[0] + ")")},
          {"{labelsToApply: {a: 'x y'}}",
           Tag("LabelsToApply", "x y", "labels", "(" + LabelValueFaults("x y")[0] + ")")},
      });
}

TEST(Tiers, HaveAnActionAndSomeAFixedOrder) {
  ExpectVerdicts("Tier", "security", OfCreate,
                 {{"{order: 100, defaultAction: Pass}", kSound},
                  {"{}", kSound},
                  {"{defaultAction: Allow}", Tag("DefaultAction", "Allow", "action")}});
  ExpectVerdicts(
      "Tier", "default", OfCreate,
      {{"{}", kSound},
       {"{order: 5}", Field("TierSpec.Order", "5", "default tier order must be 1e+06")},
       {"{defaultAction: Pass}", Field("Tier", "", "The 'default' tier must have default action 'Deny'")}});
  ExpectVerdicts(
      "Tier", "kube-admin", OfCreate,
      {{"{order: 1000, defaultAction: Pass}", kSound},
       {"{order: 1, defaultAction: Pass}",
        Field("TierSpec.Order", "1", "kube-admin tier order must be 1000")},
       {"{order: 1000}", Field("Tier", "", "The 'kube-admin' tier must have default action 'Pass'")}});
  ExpectVerdicts(
      "Tier", "kube-baseline", OfCreate,
      {{"{order: 10000000, defaultAction: Pass}", kSound},
       {"{defaultAction: Pass}",
        Field("TierSpec.Order", "1000000", "kube-baseline tier order must be 1e+07")},
       {"{order: 10000000}", Field("Tier", "", "The 'kube-baseline' tier must have default action 'Pass'")}});
}

}  // namespace
}  // namespace calico::model::validate
