// SPDX-License-Identifier: Apache-2.0
// Reference felix 2.7.
#include "policy_eval/selectors.h"

#include <gtest/gtest.h>

namespace calico::policy_eval {
namespace {

using model::EntityRule;
using model::GlobalPolicySpec;
using model::PolicySpec;

std::string Renamed(const std::string& selector) {
  return Rewritten(selector, {"pcns.", "has(ns)", "!has(ns)"}).value();
}
std::string OfGlobal(const PolicySpec& spec, const std::string& namespaces) {
  GlobalPolicySpec global;
  global.namespace_selector = namespaces;
  return PolicySelector(spec, global, "").value().text();
}
PolicySpec Spec(const std::string& selector, const std::string& accounts = {}) {
  PolicySpec spec;
  spec.selector = selector;
  spec.service_account_selector = accounts;
  return spec;
}
std::string Wanted(const EntityRule& entity, const std::string& ns) {
  return RuleSelectors(entity, ns).value().wanted->text();
}

TEST(Rewritten, GivesEveryLabelItsPrefix) {
  EXPECT_EQ(Renamed("env=='prod'"), "pcns.env == \"prod\"");
  EXPECT_EQ(Renamed("!has(a) && (b in {'x','y'} || c starts with 'z')"),
            "(!has(pcns.a) && (pcns.b in {\"x\", \"y\"} || pcns.c starts with \"z\"))");
  EXPECT_EQ(Renamed("a in {} && b not in {'x'}"), "(pcns.a in {} && pcns.b not in {\"x\"})");
}

TEST(Rewritten, ReplacesCallsButNotLabelsOfTheirName) {
  EXPECT_EQ(Renamed("all()"), "has(ns)");
  EXPECT_EQ(Renamed("global( ) || a == 'b'"), "(!has(ns) || pcns.a == \"b\")");
  EXPECT_EQ(Renamed("all == 'x' && has(all) && in == 'y'"),
            "(pcns.all == \"x\" && has(pcns.all) && pcns.in == \"y\")");
}

TEST(Rewritten, LeavesValuesAlone) {
  EXPECT_EQ(Renamed("a == 'all() && has(b)'"), "pcns.a == \"all() && has(b)\"");
  EXPECT_EQ(Renamed("a in {'}', \"all()\", 'x'}"), "pcns.a in {\"all()\", \"x\", \"}\"}");
  EXPECT_EQ(Renamed("a == 'say \"x\"' || has(b)"), "(pcns.a == 'say \"x\"' || has(pcns.b))");
}

TEST(Rewritten, RefusesWhatIsNoSelector) {
  EXPECT_FALSE(Rewritten("a = 'b'", {}).has_value());
}

TEST(PolicySelector, ConfinesANamespacedPolicyToItsNamespace) {
  EXPECT_EQ(PolicySelector(Spec(""), {}, "ns1").value().text(), "projectcalico.org/namespace == \"ns1\"");
  EXPECT_EQ(PolicySelector(Spec("a == 'b' || c == 'd'"), {}, "ns1").value().text(),
            "((a == \"b\" || c == \"d\") && projectcalico.org/namespace == \"ns1\")");
}

TEST(PolicySelector, OfANamespacedPolicyKeepsAllOfServiceAccounts) {
  EXPECT_EQ(PolicySelector(Spec("", "all()"), {}, "ns1").value().text(),
            "(projectcalico.org/namespace == \"ns1\" && all())");
}

TEST(PolicySelector, WithNamespacesTakesAllForThoseThatHaveOne) {
  EXPECT_EQ(OfGlobal(Spec(""), "all()"), "has(projectcalico.org/namespace)");
  EXPECT_EQ(OfGlobal(Spec(""), "env != 'prod'"), "pcns.env != \"prod\"");
}

TEST(PolicySelector, WithNamespacesRewritesThePolicysOwnAllToo) {
  EXPECT_EQ(OfGlobal(Spec("all()"), "env != 'prod'"),
            "(has(projectcalico.org/namespace) && pcns.env != \"prod\")");
}

TEST(PolicySelector, WithServiceAccountsRewritesWhatAllIsLeft) {
  EXPECT_EQ(OfGlobal(Spec("all()", "all()"), ""),
            "(has(projectcalico.org/serviceaccount) && has(projectcalico.org/serviceaccount))");
  EXPECT_EQ(
      OfGlobal(Spec("all()", "team == 'q' || all()"), "all()"),
      "((has(projectcalico.org/namespace) && has(projectcalico.org/namespace)) && (pcsa.team == \"q\" || "
      "has(projectcalico.org/serviceaccount)))");
}

TEST(PolicySelector, DoesNotLetOnePartEndInAnother) {
  EXPECT_FALSE(PolicySelector(Spec("a == 'b') || (has(c)"), {}, "ns1").has_value());
}

TEST(RuleSelectors, OfANamespacedPolicyAreConfinedIfTheyAreAboutEndpoints) {
  EntityRule entity;
  EXPECT_FALSE(RuleSelectors(entity, "ns1").value().wanted);
  entity.nets = {"10.0.0.0/8"};
  EXPECT_FALSE(RuleSelectors(entity, "ns1").value().wanted);
  entity.selector = "a == 'b'";
  EXPECT_EQ(Wanted(entity, "ns1"), "(a == \"b\" && projectcalico.org/namespace == \"ns1\")");
  entity.selector.clear();
  entity.service_accounts.emplace();
  EXPECT_EQ(Wanted(entity, "ns1"), "projectcalico.org/namespace == \"ns1\"");
}

TEST(RuleSelectors, WithNamespaceSelectorAreNotConfinedToThePolicysOwn) {
  EntityRule entity;
  entity.selector = "all()";
  entity.namespace_selector = "env == 'dev' && !global()";
  EXPECT_EQ(Wanted(entity, "ns1"), "(all() && (pcns.env == \"dev\" && has(projectcalico.org/namespace)))");
}

TEST(RuleSelectors, FoldTheNegativeIntoAPositiveOne) {
  EntityRule entity;
  entity.not_selector = "a == 'b' || has(c)";
  EXPECT_EQ(RuleSelectors(entity, "").value().unwanted->text(), "(a == \"b\" || has(c))");
  EXPECT_EQ(Wanted(entity, "ns1"), "(projectcalico.org/namespace == \"ns1\" && !(a == \"b\" || has(c)))");
}

TEST(RuleSelectors, JoinServiceAccountsByNameAndBySelector) {
  EntityRule entity;
  entity.service_accounts = model::ServiceAccountMatch{{"x", "y"}, "team == 'q'"};
  EXPECT_EQ(Wanted(entity, ""), "(projectcalico.org/serviceaccount in {\"x\", \"y\"} && pcsa.team == \"q\")");
}

TEST(RuleSelectors, RefuseNamesThatNoStringCanHold) {
  EntityRule entity;
  entity.service_accounts = model::ServiceAccountMatch{{"x\"} || has('a'"}, ""};
  EXPECT_FALSE(RuleSelectors(entity, "").has_value());
}

}  // namespace
}  // namespace calico::policy_eval
