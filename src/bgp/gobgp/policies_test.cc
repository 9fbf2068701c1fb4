// SPDX-License-Identifier: Apache-2.0
#include "bgp/gobgp/policies.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::bgp {
namespace {

using dataplane_api::BgpFilterRule;
using dataplane_api::BgpPeerView;
using dataplane_api::BgpView;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

BgpView View() {
  BgpView view;
  view.node_exists = true;
  view.ipv4 = net::Cidr::Parse("10.0.0.1/24");
  view.peers = {{BgpPeerView::Type::kMesh, *net::Ip::Parse("10.0.0.2"), 179, 64512, "node2"},
                {BgpPeerView::Type::kGlobal, *net::Ip::Parse("10.0.0.254"), 179, 65001, ""}};
  view.pools = {{*net::Cidr::Parse("10.65.0.0/16"), "pool"}};
  view.own_blocks = {*net::Cidr::Parse("10.65.1.0/26")};
  return view;
}

// One line per statement: "neighbours prefixes communities path -> what".
std::vector<std::string> Lines(const apipb::SetPoliciesRequest& request, const std::string& policy) {
  std::vector<std::string> lines;
  for (const auto& one : request.policies()) {
    if (one.name() != policy) continue;
    for (const auto& statement : one.statements()) {
      const auto& when = statement.conditions();
      std::string line;
      if (when.has_neighbor_set()) line += "from " + when.neighbor_set().name() + " ";
      if (when.has_prefix_set())
        line += (when.prefix_set().type() == apipb::MatchSet::INVERT ? "not in " : "in ") +
                when.prefix_set().name() + " ";
      if (when.route_type() == apipb::Conditions::ROUTE_TYPE_LOCAL) line += "own ";
      if (when.route_type() == apipb::Conditions::ROUTE_TYPE_INTERNAL) line += "internal ";
      if (when.route_type() == apipb::Conditions::ROUTE_TYPE_EXTERNAL) line += "external ";
      const auto& what = statement.actions();
      line += "->";
      if (what.nexthop().self()) line += " next hop self";
      if (what.nexthop().unchanged()) line += " next hop unchanged";
      if (what.has_as_prepend())
        line += " prepend " + std::to_string(what.as_prepend().asn()) + " x" +
                std::to_string(what.as_prepend().repeat());
      if (what.has_community()) line += " community " + what.community().communities(0);
      if (what.has_local_pref()) line += " preference " + std::to_string(what.local_pref().value());
      if (what.route_action() == apipb::ACCEPT) line += " accept";
      if (what.route_action() == apipb::REJECT) line += " reject";
      if (what.has_large_community() && what.large_community().type() == apipb::CommunityAction::ADD)
        line += " mark";
      lines.push_back(line);
    }
  }
  return lines;
}

TEST(GobgpPolicies, TellOwnBlocksAndWhatIsInPoolsAndNothingElse) {
  EXPECT_THAT(Lines(PoliciesOf(View(), 1), kExportPolicy),
              ElementsAre("from mesh -> reject", "from next-hop-self -> next hop self", "in own4 -> accept",
                          "in inside-own4 -> reject", "in pools4 -> accept", "-> reject"));
}

TEST(GobgpPolicies, TakeFromTheMeshWhatIsInPoolsAndFromRoutersEverythingButOwnBlocks) {
  EXPECT_THAT(Lines(PoliciesOf(View(), 1), kImportPolicy),
              ElementsAre("-> mark", "from peers in own-blocks4 -> reject",
                          "from outside in own-addresses4 -> reject",
                          "from mesh in import-pools4 -> accept mark", "from mesh -> reject"));
}

TEST(GobgpPolicies, AWorkloadMayTellAddressesOfOwnBlocksButNotTheBlocks) {
  BgpView view = View();
  view.peers[1].type = BgpPeerView::Type::kLocalWorkload;
  EXPECT_THAT(Lines(PoliciesOf(view, 1), kImportPolicy),
              ElementsAre("-> mark", "from peers in own-blocks4 -> reject",
                          "from mesh in import-pools4 -> accept mark", "from mesh -> reject"));
}

TEST(GobgpPolicies, EveryStatementOfExportAsksForTheMarkAndWhatIsToldDoesNotHaveIt) {
  const auto request = PoliciesOf(View(), 7);
  for (const auto& policy : request.policies()) {
    if (policy.name() != kExportPolicy) continue;
    for (const auto& statement : policy.statements()) {
      EXPECT_THAT(statement.conditions().large_community_set().name(), AnyOf("marked", "from-mesh"));
      if (statement.actions().route_action() != apipb::ACCEPT) continue;
      EXPECT_EQ(statement.actions().large_community().type(), apipb::CommunityAction::REMOVE);
      EXPECT_EQ(statement.actions().large_community().communities(0), "0:0:7");
    }
  }
}

TEST(GobgpPolicies, ASetOfNoMembersWhichWouldMatchEverythingIsNotThere) {
  BgpView view = View();
  view.peers.clear();
  view.own_blocks.clear();
  const auto request = PoliciesOf(view, 1);
  for (const auto& set : request.defined_sets())
    EXPECT_GT(set.list_size() + set.prefixes_size(), 0) << set.name();
  EXPECT_THAT(Lines(request, kImportPolicy), ElementsAre("-> mark"));
}

TEST(GobgpPolicies, AFilterOfOnePeerComesFirst) {
  BgpView view = View();
  view.peers[1].filters = {"edge", "unknown"};
  BgpFilterRule hide, prepend;
  hide.cidr = net::Cidr::Parse("10.65.1.0/26");
  hide.match = BgpFilterRule::Match::kEqual;
  prepend.cidr = net::Cidr::Parse("10.65.0.0/16");
  prepend.match = BgpFilterRule::Match::kNotIn;
  prepend.same_as = false;
  prepend.accept = true;
  prepend.prepend = {65010, 65010, 65011};
  prepend.add_communities = {"65000:42"};
  prepend.set_priority = 100;
  BgpFilterRule internal;
  internal.same_as = true;
  BgpFilterRule learned;
  learned.from_peers = true;
  view.filters["edge"].export_v4 = {hide, prepend, internal, learned};
  const auto lines = Lines(PoliciesOf(view, 1), kExportPolicy);
  ASSERT_GE(lines.size(), 7U);
  EXPECT_EQ(lines[2], "from calico-export-10.0.0.254 in rule-1 -> reject");
  EXPECT_EQ(lines[3], "from calico-export-10.0.0.254 not in rule-2 -> prepend 65011 x1");
  EXPECT_EQ(lines[4],
            "from calico-export-10.0.0.254 not in rule-2 -> prepend 65010 x2 community 65000:42 preference "
            "2147483547 accept");
  EXPECT_EQ(lines[5], "from calico-export-10.0.0.254 internal -> reject")
      << "the rule for iBGP is not this session's";
  EXPECT_EQ(lines[6], "from calico-export-10.0.0.254 external -> reject");
  EXPECT_THAT(PolicyLimitsOf(view), IsEmpty());
}

TEST(GobgpPolicies, ARuleThatGobgpCannotJudgeIsNamed) {
  BgpView view = View();
  view.peers[1].filters = {"edge"};
  BgpFilterRule rule;
  rule.interface = "eth*";
  view.filters["edge"].import_v4 = {{}, rule};
  EXPECT_THAT(PolicyLimitsOf(view),
              ElementsAre("filter edge: rule 2 of importV4 is left out: GoBGP knows no interfaces"));
}

TEST(GobgpPolicies, ItsOwnNumberStandsBeforeThePathWhenGobgpAsksOnExport) {
  BgpView view = View();
  view.peers[1].filters = {"edge"};
  BgpFilterRule rule;
  rule.as_path_begin = {65001, 65002};
  view.filters["edge"].export_v4 = {rule};
  view.filters["edge"].import_v4 = {rule};
  std::vector<std::string> patterns;
  const auto request = PoliciesOf(view, 1);
  for (const auto& set : request.defined_sets()) {
    if (set.defined_type() == apipb::AS_PATH) patterns.push_back(set.list(0));
  }
  EXPECT_THAT(patterns, ElementsAre("^64512_65001_65002_", "^65001_65002_"));
}

TEST(GobgpPolicies, TheTagSaysWhatADaemonHasBeenTold) {
  const std::string fingerprint = PolicyFingerprintOf(View());
  BgpView other = View();
  other.own_blocks.push_back(*net::Cidr::Parse("10.65.2.0/26"));
  EXPECT_NE(PolicyFingerprintOf(other), fingerprint);
  const PolicyTag tag = ParsePolicyTag({"marked", PolicyTagOf(12, fingerprint)});
  EXPECT_EQ(tag.number, 12);
  EXPECT_EQ(tag.fingerprint, fingerprint);
  EXPECT_EQ(ParsePolicyTag({"marked"}).fingerprint, "");
}

}  // namespace
}  // namespace calico::bgp
