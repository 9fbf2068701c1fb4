// SPDX-License-Identifier: Apache-2.0
// That it says what the kernel does is shown with packets by tests/policy; here is what packets cannot show.
#include "dataplane/table_walk.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;

const Verdict kAccept{VerdictKind::kAccept, ""};
const Verdict kDrop{VerdictKind::kDrop, ""};
const Verdict kReturn{VerdictKind::kReturn, ""};

WalkedPacket Forwarded() {
  WalkedPacket packet;
  packet.source = *net::Ip::Parse("10.0.0.1");
  packet.destination = *net::Ip::Parse("10.0.0.2");
  packet.protocol = net::kTcp;
  packet.source_port = 40000;
  packet.destination_port = 80;
  packet.in_interface = "cali1";
  packet.out_interface = "eth0";
  return packet;
}
Chain Base(Hook hook, int priority, std::vector<Rule> rules) {
  return {BaseChain{BaseChain::Type::kFilter, hook, priority, true}, std::move(rules)};
}
Rule R(std::vector<Statement> statements, std::string comment = "") {
  return {std::move(statements), std::move(comment)};
}

TEST(WalkTable, LetsThroughWhatNoRuleSpeaksOf) {
  const Walk walk = WalkTable({}, Forwarded());
  EXPECT_FALSE(walk.dropped);
  EXPECT_FALSE(walk.decided_by.has_value());
}

TEST(WalkTable, NamesTheRuleThatMarkedAPacketRatherThanTheOneThatDropsIt) {
  TableContent table;
  table.chains[kForwardChain] =
      Base(Hook::kForward, -10,
           {R({Verdict{VerdictKind::kJump, "p"}}), R({MatchMark{kDropMark, kDropMark}, kDrop})});
  table.chains["p"].rules = {
      R({MatchPort{Side::kDestination, {443, 443}}, SetMark{kDropMark, kDropMark}}, "rule 1"),
      R({MatchPort{Side::kDestination, {80, 80}}, SetMark{kDropMark, kDropMark}}, "rule 2")};
  const Walk walk = WalkTable(table, Forwarded());
  EXPECT_TRUE(walk.dropped);
  ASSERT_TRUE(walk.decided_by.has_value());
  EXPECT_EQ(walk.decided_by->chain, "p");
  EXPECT_EQ(walk.decided_by->number, 2U);
  EXPECT_EQ(walk.decided_by->comment, "rule 2");
}

TEST(WalkTable, TakesBaseChainsByPriorityAndAnAcceptEndsOnlyOne) {
  TableContent table;
  table.chains["a"] = Base(Hook::kForward, 10, {R({MatchMark{1, 1}, kDrop})});
  table.chains["b"] = Base(Hook::kForward, -10, {R({SetMark{1, 1}, kAccept}), R({kDrop})});
  EXPECT_TRUE(WalkTable(table, Forwarded()).dropped);
}

TEST(WalkTable, DoesNotComeBackFromAGoto) {
  TableContent table;
  table.chains["base"] = Base(Hook::kForward, 0, {R({Verdict{VerdictKind::kJump, "a"}}), R({kAccept})});
  table.chains["a"].rules = {R({Verdict{VerdictKind::kGoto, "b"}}), R({kDrop})};
  table.chains["b"].rules = {R({kReturn})};
  EXPECT_FALSE(WalkTable(table, Forwarded()).dropped);
}

TEST(WalkTable, KnowsAnOutgoingInterfaceOnlyBehindTheRouting) {
  TableContent table;
  table.chains["base"] = Base(Hook::kPrerouting, 0, {R({MatchOifname{"eth0"}, kDrop})});
  EXPECT_FALSE(WalkTable(table, Forwarded()).dropped);
  table.chains["base"].base->hook = Hook::kPostrouting;
  EXPECT_TRUE(WalkTable(table, Forwarded()).dropped);
}

TEST(WalkTable, AnUntrackedPacketHasNoConnectionToAskAbout) {
  TableContent table;
  table.chains["raw"] = Base(Hook::kPrerouting, -300, {R({NoTrack{}})});
  table.chains["base"] =
      Base(Hook::kForward, 0,
           {R({MatchCtState{kCtNew}, kDrop}), R({MatchCtDirection{CtDirection::kOriginal}, kDrop}),
            R({MatchCtMark{1, 0}, kDrop})});
  EXPECT_FALSE(WalkTable(table, Forwarded()).dropped);
  table.chains.erase("raw");
  EXPECT_TRUE(WalkTable(table, Forwarded()).dropped);
}

TEST(WalkTable, SaysWhichRulesItDoesNotKnowAndWhatIsMissing) {
  TableContent table;
  table.chains["base"] = Base(Hook::kForward, 0,
                              {R({}, "foreign"), R({MatchAddressSet{Side::kSource, "gone"}, kDrop}),
                               R({Verdict{VerdictKind::kJump, "nowhere"}})});
  const Walk walk = WalkTable(table, Forwarded());
  ASSERT_EQ(walk.foreign.size(), 1U);
  EXPECT_EQ(walk.foreign[0].number, 1U);
  EXPECT_THAT(walk.missing, ::testing::ElementsAre("set gone", "chain nowhere"));
}

TEST(WalkTable, EndsWhenChainsLeadInACircle) {
  TableContent table;
  table.chains["base"] = Base(Hook::kForward, 0, {R({Verdict{VerdictKind::kJump, "a"}})});
  table.chains["a"].rules = {R({Verdict{VerdictKind::kJump, "a"}})};
  EXPECT_FALSE(WalkTable(table, Forwarded()).missing.empty());
}

TEST(RoutesBack, TakesTheMostSpecificRoute) {
  RoutingTable routes;
  routes[{*net::Cidr::Parse("0.0.0.0/0"), 0}].ifindex = 2;
  routes[{*net::Cidr::Parse("10.0.0.1/32"), 0}].ifindex = 7;
  EXPECT_TRUE(RoutesBack(routes, *net::Ip::Parse("10.0.0.1"), 7));
  EXPECT_FALSE(RoutesBack(routes, *net::Ip::Parse("10.0.0.1"), 2));
  EXPECT_TRUE(RoutesBack(routes, *net::Ip::Parse("10.0.0.2"), 2));
  EXPECT_EQ(InterfaceTo({}, *net::Ip::Parse("10.0.0.2")), 0);
}

}  // namespace
}  // namespace calico::dataplane
