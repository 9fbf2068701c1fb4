// SPDX-License-Identifier: Apache-2.0
#include "model/v1_rules.h"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::model {
namespace {

using ::testing::ElementsAre;

TEST(Tags, AreLabelsWithoutAValue) {
  EXPECT_EQ(SelectorWithTag("", "web"), "web == ''");
  EXPECT_EQ(SelectorWithTag("role == 'db'", "web"), "(role == 'db') && web == ''");
  EXPECT_EQ(SelectorWithTag("role == 'db'", ""), "role == 'db'");
}

TEST(Tags, AreFoundInASelectorAgain) {
  for (const char* selector : {"", "a == 'b'", "a == 'b' || c == 'd'", "(a == 'b') && c == 'd'",
                               "x == ') && y == '", "!has(a)", "(a == '') && (b == '')"}) {
    for (const char* tag : {"web", "k8s_ns.shop", "Net-1_a"}) {
      EXPECT_EQ(SplitTag(SelectorWithTag(selector, tag)), (SelectorAndTag{selector, tag})) << selector;
    }
  }
}

TEST(Tags, AreNotFoundWhereTheSelectorSaysSomethingElse) {
  for (const char* selector :
       {"", "a == 'b'", "a != ''", "(a) || (b) && c == ''", "(a == 'b') || (c == 'd') && e == ''",
        "(a == 'b') && c/d == ''", "() && a == ''", "a == 'b' && c == ''", "!a == ''", "has(a) && b == ''"}) {
    EXPECT_EQ(SplitTag(selector), (SelectorAndTag{selector, ""})) << selector;
  }
}

v1::Rule Full() {
  v1::Rule rule;
  rule.action = "deny";
  rule.ip_version = 4;
  rule.protocol = "udplite";
  rule.not_protocol = "17";
  rule.icmp = IcmpMatch{8, 0};
  rule.not_icmp = IcmpMatch{3, std::nullopt};
  rule.source.tag = "web";
  rule.source.nets = {"10.0.0.0/8"};
  rule.source.selector = "calico/k8s_ns == 'shop'";
  rule.source.ports = {net::PortRange{80, 80}};
  rule.source.not_tag = "bad";
  rule.source.not_nets = {"10.9.0.0/16"};
  rule.source.not_selector = "has(x)";
  rule.source.not_ports = {net::PortRange{1, 2}};
  rule.destination.selector = "a == 'b'";
  return rule;
}

TEST(V1Rules, KeepEveryMemberOnTheWayToV3AndBack) {
  for (const V1Names names : {V1Names::kConverted, V1Names::kVerbatim}) {
    const auto v3 = V1RuleToV3(Full(), names);
    ASSERT_TRUE(v3.has_value());
    EXPECT_EQ(v3->protocol, "UDPLite");
    EXPECT_EQ(V3RuleToV1(*v3), Full());
  }
  EXPECT_EQ(V1RuleToV3(Full(), V1Names::kConverted)->source.selector,
            "(projectcalico.org/namespace == 'shop') && web == ''");
  EXPECT_EQ(V1RuleToV3(Full(), V1Names::kVerbatim)->source.selector,
            "(calico/k8s_ns == 'shop') && web == ''");
}

TEST(V1Rules, TakeActionsInAnyCaseAndOldSpellings) {
  const auto action = [](const std::string& text) {
    v1::Rule rule;
    rule.action = text;
    const auto v3 = V1RuleToV3(rule, V1Names::kConverted);
    return v3 ? v3->action : v3.error().message();
  };
  EXPECT_EQ(action(""), "Allow");
  EXPECT_EQ(action("Allow"), "Allow");
  EXPECT_EQ(action("pass"), "Pass");
  EXPECT_EQ(action("next-tier"), "Pass");
  EXPECT_EQ(action("drop"), "error with field Action = 'drop' (must be allow, deny, log or pass)");
}

// Reference datastore-model B.4.3 and D.2.
TEST(V1Rules, HaveNetworksWithoutHostBits) {
  v1::Rule rule;
  rule.action = "allow";
  rule.source.nets = {"10.9.1.7/16", "words"};
  rule.source.net = "10.8.0.1";
  rule.destination.not_net = "2001:db8::1/32";
  const auto v3 = *V1RuleToV3(rule, V1Names::kConverted);
  EXPECT_THAT(v3.source.nets, ElementsAre("10.9.0.0/16", "words", "10.8.0.1/32"));
  EXPECT_THAT(v3.destination.not_nets, ElementsAre("2001:db8::/32"));
  // Calico 2.6 stores a source as it was given.
  const auto kept = *V1RuleToV3(rule, V1Names::kVerbatim);
  EXPECT_THAT(kept.source.nets, ElementsAre("10.9.1.7/16", "words", "10.8.0.1/32"));
  EXPECT_THAT(kept.destination.not_nets, ElementsAre("2001:db8::/32"));
}

}  // namespace
}  // namespace calico::model
