// SPDX-License-Identifier: Apache-2.0
#include "kernel/nftables.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <poll.h>

#include "base/subprocess.h"
#include "kernel/testing/private_network.h"

namespace calico::kernel {
namespace {

using namespace std::chrono_literals;
using net::Family;
using ::testing::HasSubstr;

const auto* const kNetwork = ::testing::AddGlobalTestEnvironment(new testing::PrivateNetwork);

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}
nft::SetMember Member(const char* cidr) {
  return {C(cidr), std::nullopt};
}

std::string Nft(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "nft");
  const auto output = RunProcess(arguments, 10s);
  if (!output.has_value() || output->exit_code != 0) {
    ADD_FAILURE() << "nft: " << (output.has_value() ? output->err : output.error().message());
    return "";
  }
  return output->out;
}

// Every kind of statement that a family has.
nft::TableContent Everything(Family family) {
  using namespace nft;
  const bool v4 = family == Family::kV4;
  const std::uint8_t icmp = v4 ? net::kIcmp : net::kIcmpV6;
  TableContent content;
  content.counters["denied"] = {};
  content.sets["hosts"].type = SetType::kAddresses;
  content.sets["nets"].type = SetType::kPrefixes;
  content.sets["dispatch"].type = SetType::kVerdictByIfname;
  for (const char* text : v4 ? std::vector<const char*>{"10.0.0.1/32", "10.0.0.9/32"}
                             : std::vector<const char*>{"fd00::1/128"}) {
    content.sets["hosts"].members.emplace(C(text), std::nullopt);
  }
  for (const char* text :
       v4 ? std::vector<const char*>{"10.0.0.0/24", "10.0.1.0/24", "192.168.0.0/16", "255.0.0.0/8"}
          : std::vector<const char*>{"fd00::/64", "fd00:0:0:1::/64", "ff00::/8"}) {
    content.sets["nets"].members.emplace(C(text), std::nullopt);
  }
  content.sets["dispatch"].members["cali0123456789a"] = Verdict{VerdictKind::kGoto, "target"};
  content.sets["dispatch"].members["eth0"] = Verdict{VerdictKind::kDrop, ""};
  content.sets["ports"].type = SetType::kPorts;
  for (const net::PortRange& range :
       {net::PortRange{80, 80}, {81, 90}, {443, 443}, {1000, 1999}, {65535, 65535}})
    content.sets["ports"].members.emplace(range, std::nullopt);
  content.sets["listening"].type = SetType::kAddressPorts;
  for (const std::uint8_t protocol : {net::kTcp, net::kUdp})
    content.sets["listening"].members.emplace(
        net::AddressPort{(v4 ? C("10.0.0.1/32") : C("fd00::1/128")).ip(), protocol, 8080}, std::nullopt);
  content.sets["macs"].type = SetType::kInterfaceMacs;
  content.sets["macs"].members.emplace(InterfaceMac{"cali1", *net::Mac::Parse("ee:ee:ee:ee:ee:01")},
                                       std::nullopt);

  Chain base;
  base.base = BaseChain{BaseChain::Type::kFilter, Hook::kForward, -10, true};
  const net::Cidr host = v4 ? C("10.1.2.3/32") : C("fd00::3/128"),
                  net = v4 ? C("10.1.0.0/17") : C("fd00:1::/33");
  base.rules = {
      {{MatchIifname{"cali*"}, MatchOifname{"eth0", Op::kNe}, Counter{}, Verdict{VerdictKind::kAccept, ""}},
       "interfaces"},
      {{MatchMark{0x10000, 0x10000}, SetMark{0x30000, 0x10000}}, ""},
      {{MatchCtState{kCtEstablished | kCtRelated}, Verdict{VerdictKind::kAccept, ""}}, ""},
      {{MatchCtState{kCtInvalid}, CounterRef{"denied"}, Verdict{VerdictKind::kDrop, ""}}, ""},
      {{MatchProtocol{net::kTcp}, MatchPort{Side::kDestination, {80, 80}},
        MatchPort{Side::kSource, {1000, 2000}, Op::kNe}},
       ""},
      {{MatchProtocol{net::kUdp, Op::kNe}, MatchAddress{Side::kSource, host},
        MatchAddress{Side::kDestination, net, Op::kNe}},
       ""},
      {{MatchAddressSet{Side::kSource, "hosts"}, MatchAddressSet{Side::kDestination, "nets", Op::kNe}}, ""},
      {{MatchProtocol{icmp}, MatchIcmp{8, std::nullopt}}, ""},
      {{MatchProtocol{icmp}, MatchIcmp{3, 1, Op::kNe}, Log{"calico "}}, ""},
      {{MatchCtMark{0xffff0000, 0x00010000}, SetCtMark{0xffff0000, 0x00020000}}, ""},
      {{MatchCtDirection{CtDirection::kReply}, Counter{}}, ""},
      {{MatchCtDirection{CtDirection::kOriginal}, MatchCtStatus{1U << 5}}, ""},
      {{MatchProtocol{net::kTcp}, MatchPortSet{Side::kDestination, "ports"},
        MatchPortSet{Side::kSource, "ports", Op::kNe}},
       ""},
      {{MatchAddressPortSet{Side::kDestination, "listening"},
        MatchAddressPortSet{Side::kSource, "listening", Op::kNe}},
       ""},
      {{MatchAddress{Side::kSource, v4 ? C("0.0.0.0/0") : C("::/0")}}, ""},
      {{Reject{}}, ""},
      {{VerdictMapLookup{Side::kSource, "dispatch"}}, ""},
      {{VerdictMapLookup{Side::kDestination, "dispatch"}}, ""},
      {{Verdict{VerdictKind::kJump, "target"}}, ""},
  };
  content.chains["forward"] = base;
  Chain raw;
  raw.base = BaseChain{BaseChain::Type::kFilter, Hook::kPrerouting, -300, true};
  raw.rules = {{{MatchReversePathFails{}, CounterRef{"denied"}, Verdict{VerdictKind::kDrop, ""}}, "spoofed"},
               {{MatchInterfaceMacSet{"macs"}, NoTrack{}}, ""},
               {{MatchInterfaceMacSet{"macs", Op::kNe}, Counter{}}, "not its MAC"}};
  content.chains["raw"] = raw;
  Chain nat;
  nat.base = BaseChain{BaseChain::Type::kNat, Hook::kPostrouting, 110, true};
  nat.rules = {
      {{MatchAddressSet{Side::kSource, "nets"}, MatchAddressSet{Side::kDestination, "nets", Op::kNe},
        Masquerade{}},
       ""},
      {{MatchLocal{Side::kSource, true, Op::kNe}, MatchLocal{Side::kSource}, Masquerade{std::nullopt, true}},
       ""},
      {{MatchProtocol{net::kTcp}, Masquerade{net::PortRange{1000, 2000}, true}}, "ports"},
      {{MatchProtocol{net::kUdp}, SourceNat{net.ip(), net::PortRange{1000, 1001}, false}}, ""},
      {{SourceNat{net.ip(), std::nullopt, true}}, "to one address"}};
  content.chains["nat"] = nat;
  nat.base = BaseChain{BaseChain::Type::kNat, Hook::kPrerouting, -110, true};
  nat.rules = {
      {{MatchLocal{Side::kDestination}, MatchAddress{Side::kDestination, net}, DestinationNat{net.ip()}},
       ""}};
  content.chains["nat-in"] = nat;
  content.chains["target"].rules = {{{Verdict{VerdictKind::kReturn, ""}}, ""}};
  return content;
}

nft::Transaction Creating(Family family, const nft::TableContent& content) {
  nft::Transaction transaction{family, {nft::DeleteTable{}, nft::AddTable{}}};
  for (const auto& [name, chain] : content.chains) transaction.changes.push_back(nft::SetChain{name, chain});
  for (const auto& [name, set] : content.sets) {
    transaction.changes.push_back(nft::AddSet{name, set.type});
    for (const auto& [key, verdict] : set.members)
      transaction.changes.push_back(nft::AddMember{name, set.type, {key, verdict}});
  }
  for (const auto& [name, value] : content.counters) transaction.changes.push_back(nft::AddCounter{name});
  return transaction;
}

class NftablesTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto opened = OpenNftables("calico");
    ASSERT_TRUE(opened.has_value()) << opened.error().message();
    nftables_ = std::move(*opened);
    Nft({"flush", "ruleset"});
  }
  void Apply(const nft::Transaction& transaction) {
    const Status status = nftables_->Apply({transaction});
    ASSERT_TRUE(status.has_value()) << status.error().message();
  }
  nft::TableContent Read(Family family = Family::kV4) {
    auto content = nftables_->Read(family);
    EXPECT_TRUE(content.has_value()) << content.error().message();
    return content.has_value() ? *content : nft::TableContent{};
  }
  static void ExpectSame(const nft::TableContent& actual, const nft::TableContent& expected, Family family) {
    EXPECT_EQ(actual.chains, expected.chains);
    EXPECT_EQ(actual.sets, expected.sets);
    EXPECT_EQ(nft::ToText(family, "calico", actual), nft::ToText(family, "calico", expected));
  }

  std::unique_ptr<Nftables> nftables_;
};

TEST_F(NftablesTest, ReadsBackWhatItWrote) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    Apply(Creating(family, Everything(family)));
    ExpectSame(Read(family), Everything(family), family);
  }
}

TEST_F(NftablesTest, WritesWhatNftItselfWouldWrite) {
  for (const Family family : {Family::kV4, Family::kV6}) {
    // Our text through nft(8), read back by us.
    nft::TableContent content = Everything(family);
    const std::string text = nft::ToText(family, "calico", content);
    const auto output = RunProcess({"nft", "-f", "-"}, 10s, text);
    ASSERT_TRUE(output.has_value());
    ASSERT_EQ(output->exit_code, 0) << output->err << text;
    const nft::TableContent actual = Read(family);
    EXPECT_EQ(actual.sets, content.sets);
    // nft prints and compares type and code of ICMP by itself: that one rule has no form of its own.
    EXPECT_EQ(actual.chains.at("raw"), content.chains.at("raw"));
    EXPECT_EQ(actual.chains.at("nat"), content.chains.at("nat"));
    EXPECT_EQ(actual.chains.at("target"), content.chains.at("target"));
  }
}

TEST_F(NftablesTest, ListsLikeNft) {
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  const std::string listed = Nft({"list", "table", "ip", "calico"});
  EXPECT_THAT(
      listed,
      HasSubstr(
          "iifname \"cali*\" oifname != \"eth0\" counter packets 0 bytes 0 accept comment \"interfaces\""));
  EXPECT_THAT(listed, HasSubstr("ip saddr @nets ip daddr != @nets masquerade"));
  EXPECT_THAT(listed, HasSubstr("fib saddr . mark . iif oif 0"));
  EXPECT_THAT(listed, HasSubstr("\"cali0123456789a\" : goto target"));
  EXPECT_THAT(listed, HasSubstr("192.168.0.0/16"));
}

TEST_F(NftablesTest, WithoutATableThereIsNothing) {
  const nft::TableContent content = Read();
  EXPECT_TRUE(content.chains.empty());
  EXPECT_TRUE(content.sets.empty());
}

TEST_F(NftablesTest, AFailingChangeLeavesEverythingAsItWas) {
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  nft::Transaction bad{Family::kV4, {}};
  bad.changes.push_back(nft::AddMember{"hosts", nft::SetType::kAddresses, Member("10.9.9.9/32")});
  bad.changes.push_back(nft::DeleteChain{"nowhere"});
  const Status status = nftables_->Apply({bad});
  ASSERT_FALSE(status.has_value());
  EXPECT_EQ(status.error().code(), ErrorCode::kNotFound);
  EXPECT_THAT(status.error().message(), HasSubstr("nowhere"));
  ExpectSame(Read(), Everything(Family::kV4), Family::kV4);
  // The socket is usable afterwards.
  Apply({Family::kV4, {nft::AddMember{"hosts", nft::SetType::kAddresses, Member("10.9.9.9/32")}}});
}

TEST_F(NftablesTest, BothFamiliesAreOneTransaction) {
  nft::Transaction v6{Family::kV6, {nft::DeleteChain{"nowhere"}}};
  EXPECT_FALSE(nftables_->Apply({Creating(Family::kV4, Everything(Family::kV4)), v6}).has_value());
  EXPECT_TRUE(Read(Family::kV4).chains.empty());
}

TEST_F(NftablesTest, ReplacesRulesMembersAndVerdicts) {
  using namespace nft;
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  TableContent expected = Everything(Family::kV4);
  expected.chains["target"].rules = {{{Counter{}, Verdict{VerdictKind::kAccept, ""}}, "new"}};
  expected.chains["other"].rules = {};
  SetMember changed{std::string("eth0"), Verdict{VerdictKind::kGoto, "other"}};
  Transaction transaction{Family::kV4, {}};
  transaction.changes.push_back(SetChain{"target", expected.chains["target"]});
  transaction.changes.push_back(SetChain{"other", {}});
  transaction.changes.push_back(
      DeleteMember{"dispatch",
                   SetType::kVerdictByIfname,
                   {std::string("eth0"), expected.sets["dispatch"].members["eth0"]}});
  transaction.changes.push_back(AddMember{"dispatch", SetType::kVerdictByIfname, changed});
  transaction.changes.push_back(DeleteMember{"nets", SetType::kPrefixes, Member("10.0.0.0/24")});
  transaction.changes.push_back(AddMember{"nets", SetType::kPrefixes, Member("10.0.0.0/25")});
  transaction.changes.push_back(DeleteMember{"hosts", SetType::kAddresses, Member("10.0.0.9/32")});
  expected.sets["dispatch"].members["eth0"] = changed.verdict;
  expected.sets["nets"].members.erase(C("10.0.0.0/24"));
  expected.sets["nets"].members.emplace(C("10.0.0.0/25"), std::nullopt);
  expected.sets["hosts"].members.erase(C("10.0.0.9/32"));
  Apply(transaction);
  ExpectSame(Read(), expected, Family::kV4);
}

TEST_F(NftablesTest, RemovesChainsSetsAndCountersThatReferToEachOther) {
  using namespace nft;
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  Transaction transaction{Family::kV4, {}};
  for (const auto& [name, chain] : Everything(Family::kV4).chains)
    transaction.changes.push_back(DeleteChain{name});
  for (const auto& [name, set] : Everything(Family::kV4).sets) transaction.changes.push_back(DeleteSet{name});
  transaction.changes.push_back(DeleteCounter{"denied"});
  Apply(transaction);
  const TableContent content = Read();
  EXPECT_TRUE(content.chains.empty() && content.sets.empty() && content.counters.empty());
}

TEST_F(NftablesTest, ARuleThatSomebodyAddedReadsAsForeign) {
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  Nft({"insert", "rule", "ip", "calico", "target", "tcp", "flags", "syn", "drop"});
  const auto rules = Read().chains.at("target").rules;
  ASSERT_EQ(rules.size(), 2U);
  EXPECT_EQ(rules[0].comment, "foreign");
  EXPECT_NE(rules, Everything(Family::kV4).chains.at("target").rules);
}

TEST_F(NftablesTest, ForeignRangesAreSeenAndCanBeRemoved) {
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  Nft({"add", "element", "ip", "calico", "nets", "{ 172.16.0.3-172.16.0.9 }"});
  const nft::Set nets = Read().sets.at("nets");
  ASSERT_TRUE(nets.members.contains(std::string("172.16.0.3-172.16.0.9")));
  Apply({Family::kV4,
         {nft::DeleteMember{
             "nets", nft::SetType::kPrefixes, {std::string("172.16.0.3-172.16.0.9"), std::nullopt}}}});
  ExpectSame(Read(), Everything(Family::kV4), Family::kV4);
}

TEST_F(NftablesTest, TakesManyMembersAtOnce) {
  nft::TableContent content;
  content.sets["many"].type = nft::SetType::kAddresses;
  for (std::uint32_t i = 0; i < 100'000; ++i) {
    const net::Cidr cidr = net::Cidr::Host(net::Ip::V4(0x0a000000 + i));
    content.sets["many"].members.emplace(cidr, std::nullopt);
  }
  Apply(Creating(Family::kV4, content));
  EXPECT_EQ(Read().sets.at("many"), content.sets.at("many"));
}

TEST_F(NftablesTest, TakesMoreThanAMillionMembersOfEitherKind) {
  using namespace nft;
  constexpr std::uint32_t kMany = 1'100'000;
  for (const SetType type : {SetType::kAddresses, SetType::kPrefixes}) {
    TableContent content;
    content.sets["many"].type = type;
    auto& members = content.sets["many"].members;
    for (std::uint32_t i = 0; i < kMany; ++i) {
      const net::Cidr member(net::Ip::V4(0x0a000000U + 4 * i), type == SetType::kAddresses ? 32 : 31);
      members.emplace_hint(members.end(), member, std::nullopt);
    }
    Apply(Creating(Family::kV4, content));
    // Not read back: the kernel walks a set anew for each part of a dump, which takes minutes here. But only
    // what is there can be deleted.
    for (const std::uint32_t i : {0U, kMany / 2, kMany - 1}) {
      const auto member = std::next(members.begin(), i);
      const Transaction remove{Family::kV4, {DeleteMember{"many", type, {member->first, std::nullopt}}}};
      EXPECT_TRUE(nftables_->Apply({remove}).has_value()) << i;
      EXPECT_FALSE(nftables_->Apply({remove}).has_value()) << i;
    }
    Apply({Family::kV4, {DeleteTable{}}});
  }
}

TEST_F(NftablesTest, LongChainNamesInAMapStayWithinOneAttribute) {
  using namespace nft;
  TableContent content;
  const std::string chain(120, 'c');
  content.chains[chain] = {};
  content.sets["map"].type = SetType::kVerdictByIfname;
  for (int i = 0; i < 2000; ++i)
    content.sets["map"].members["cali" + std::to_string(i)] = Verdict{VerdictKind::kGoto, chain};
  Apply(Creating(Family::kV4, content));
  EXPECT_EQ(Read().sets.at("map"), content.sets.at("map"));
}

TEST_F(NftablesTest, AWiderPrefixReplacesThoseInsideItInOneTransaction) {
  using namespace nft;
  TableContent content;
  content.sets["nets"].type = SetType::kPrefixes;
  content.sets["nets"].members = {{C("10.1.0.0/16"), std::nullopt}, {C("10.2.0.0/16"), std::nullopt}};
  Apply(Creating(Family::kV4, content));
  Apply({Family::kV4,
         {AddMember{"nets", SetType::kPrefixes, Member("10.0.0.0/8")},
          DeleteMember{"nets", SetType::kPrefixes, Member("10.1.0.0/16")},
          DeleteMember{"nets", SetType::kPrefixes, Member("10.2.0.0/16")}}});
  content.sets["nets"].members = {{C("10.0.0.0/8"), std::nullopt}};
  EXPECT_EQ(Read().sets.at("nets"), content.sets.at("nets"));
  Apply({Family::kV4,
         {DeleteMember{"nets", SetType::kPrefixes, Member("10.0.0.0/8")},
          AddMember{"nets", SetType::kPrefixes, Member("10.1.0.0/16")}}});
  content.sets["nets"].members = {{C("10.1.0.0/16"), std::nullopt}};
  EXPECT_EQ(Read().sets.at("nets"), content.sets.at("nets"));
}

TEST_F(NftablesTest, CountersOfRulesAreReadWithTheirComments) {
  using namespace nft;
  TableContent content;
  content.chains["c"].rules = {
      {{Counter{}}, "rule 1"}, {{MatchProtocol{net::kTcp}}, ""}, {{Counter{}}, "rule 2"}};
  Apply(Creating(Family::kV4, content));
  const auto counters = nftables_->ReadRuleCounters(Family::kV4);
  ASSERT_TRUE(counters.has_value()) << counters.error().message();
  ASSERT_EQ(counters->at("c").size(), 2U);
  EXPECT_EQ(counters->at("c")[1].comment, "rule 2");
  EXPECT_EQ(counters->at("c")[1].value.packets, 0U);
}

TEST_F(NftablesTest, LeavesOtherTablesAlone) {
  Nft({"add", "table", "ip", "theirs"});
  Apply(Creating(Family::kV4, Everything(Family::kV4)));
  Apply({Family::kV4, {nft::DeleteTable{}}});
  EXPECT_THAT(Nft({"list", "tables"}), HasSubstr("table ip theirs"));
}

TEST_F(NftablesTest, TheMonitorTellsWhoCommitted) {
  auto monitor = OpenNftMonitor();
  ASSERT_TRUE(monitor.has_value()) << monitor.error().message();
  EXPECT_TRUE((*monitor)->Read()->empty());
  const std::uint32_t before = *nftables_->Generation();
  Apply(Creating(Family::kV4, {}));
  Nft({"add", "table", "ip", "theirs"});
  pollfd poll_fd{(*monitor)->fd(), POLLIN, 0};
  ASSERT_EQ(poll(&poll_fd, 1, 5000), 1);
  const auto generations = (*monitor)->Read();
  ASSERT_EQ(generations->size(), 2U);
  EXPECT_EQ(generations->at(0).port_id, nftables_->port_id());
  EXPECT_EQ(generations->at(0).id, before + 1);
  EXPECT_NE(generations->at(1).port_id, nftables_->port_id());
  EXPECT_EQ(generations->at(1).process, "nft");
  EXPECT_EQ(generations->at(1).id, *nftables_->Generation());
}

}  // namespace
}  // namespace calico::kernel
