// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rule_rendering.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

using dataplane_api::ProfileRules;
using dataplane_api::Rule;
using dataplane_api::RuleAction;
using net::Family;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

// The rules of one chain as nft would list them.
std::vector<std::string> Lines(const kernel::nft::Chain& chain, Family family = Family::kV4) {
  kernel::nft::TableContent content;
  content.chains["c"] = chain;
  const std::string text = kernel::nft::ToText(family, "t", content);
  std::vector<std::string> lines;
  for (std::size_t at = text.find("\t\t"); at != std::string::npos; at = text.find("\t\t", at + 2)) {
    lines.push_back(text.substr(at + 2, text.find('\n', at) - at - 2));
  }
  return lines;
}
std::vector<std::string> Ingress(const Rule& rule, Family family = Family::kV4) {
  return Lines(RenderProfile(ProfileRules{{rule}, {}}, Direction::kIngress, family), family);
}
const std::string kAllow = " meta mark set meta mark & 0xfffeffff ^ 0x00010000 return";

TEST(RuleRendering, AnAllowRuleMarksAndReturns) {
  EXPECT_THAT(Ingress(Rule{}), ElementsAre(kAllow.substr(1)));
}

TEST(RuleRendering, ADenyRuleCountsAndDrops) {
  Rule rule;
  rule.action = RuleAction::kDeny;
  EXPECT_THAT(Ingress(rule), ElementsAre("counter name \"denied-ingress\" drop"));
  EXPECT_THAT(Lines(RenderProfile(ProfileRules{{}, {rule}}, Direction::kEgress, Family::kV4)),
              ElementsAre("counter name \"denied-egress\" drop"));
}

TEST(RuleRendering, AllCriteriaMustHoldAndOfAListAnyOne) {
  Rule rule;
  rule.protocol = net::kTcp;
  rule.source.nets = {C("10.0.0.0/8"), C("172.16.0.1/32")};
  rule.source.ip_sets = {"s-a"};
  rule.destination.ports = {{80, 80}, {8000, 8080}};
  EXPECT_THAT(Ingress(rule),
              ElementsAre("meta l4proto 6 ip saddr 10.0.0.0/8 ip saddr @s-a th dport 80" + kAllow,
                          "meta l4proto 6 ip saddr 10.0.0.0/8 ip saddr @s-a th dport 8000-8080" + kAllow,
                          "meta l4proto 6 ip saddr 172.16.0.1 ip saddr @s-a th dport 80" + kAllow,
                          "meta l4proto 6 ip saddr 172.16.0.1 ip saddr @s-a th dport 8000-8080" + kAllow));
}

TEST(RuleRendering, NegatedCriteriaMustAllHold) {
  Rule rule;
  rule.not_protocol = net::kUdp;
  rule.source.not_nets = {C("10.0.0.0/8"), C("10.1.0.0/16")};
  rule.destination.not_ip_sets = {"s-b"};
  EXPECT_THAT(
      Ingress(rule),
      ElementsAre("meta l4proto != 17 ip saddr != 10.0.0.0/8 ip saddr != 10.1.0.0/16 ip daddr != @s-b" +
                  kAllow));
}

TEST(RuleRendering, ARuleOfTheOtherFamilyIsLeftOut) {
  Rule rule;
  rule.family = Family::kV6;
  EXPECT_THAT(Ingress(rule), IsEmpty());
  EXPECT_THAT(Ingress(rule, Family::kV6), ElementsAre(kAllow.substr(1)));
  Rule nets;
  nets.source.nets = {C("fd00::/8")};
  EXPECT_THAT(Ingress(nets), IsEmpty()) << "no IPv4 source can be in fd00::/8";
  EXPECT_THAT(Ingress(nets, Family::kV6), ElementsAre("ip6 saddr fd00::/8" + kAllow));
}

TEST(RuleRendering, IcmpIsOfItsFamily) {
  Rule rule;
  rule.protocol = net::kIcmp;
  rule.icmp_type = 8;
  EXPECT_THAT(Ingress(rule), ElementsAre("meta l4proto 1 icmp type 8" + kAllow));
  EXPECT_THAT(Ingress(rule, Family::kV6), IsEmpty());
}

TEST(RuleRendering, PortsWithoutAProtocolNeverAllow) {
  Rule rule;
  rule.destination.ports = {{80, 80}};
  EXPECT_THAT(Ingress(rule), IsEmpty());
  rule.action = RuleAction::kDeny;
  EXPECT_EQ(Ingress(rule).size(), 1U);
}

TEST(RuleRendering, AnEndpointsChainTriesItsProfilesInOrderAndThenDrops) {
  EXPECT_THAT(Lines(RenderEndpointChain({"net1", "net2"}, Direction::kIngress)),
              ElementsAre("ct state established,related meta mark set meta mark & 0xfffeffff ^ 0x00010000 "
                          "accept comment \"profiles net1, net2\"",
                          "ct state invalid counter name \"denied-invalid\" drop",
                          "meta mark set meta mark & 0xfffeffff ^ 0x00000000", "jump cali-pri-net1",
                          "meta mark & 0x00010000 == 0x00010000 return", "jump cali-pri-net2",
                          "meta mark & 0x00010000 == 0x00010000 return",
                          "counter name \"denied-ingress\" drop comment \"no profile allowed it\""));
}

TEST(RuleRendering, EqualProfileListsShareAChainAndOthersDoNot) {
  EXPECT_EQ(EndpointChainName({"a", "b"}, Direction::kIngress),
            EndpointChainName({"a", "b"}, Direction::kIngress));
  EXPECT_NE(EndpointChainName({"a", "b"}, Direction::kIngress),
            EndpointChainName({"b", "a"}, Direction::kIngress));
  EXPECT_NE(EndpointChainName({"a", "b"}, Direction::kIngress),
            EndpointChainName({"a", "b"}, Direction::kEgress));
}

TEST(RuleRendering, ChainNamesFitTheKernelWhateverTheProfileIsCalled) {
  const std::string longest(253, 'p');
  EXPECT_LE(ProfileChainName(longest, Direction::kIngress).size(), 127U);
  EXPECT_NE(ProfileChainName(longest, Direction::kIngress),
            ProfileChainName(longest + "q", Direction::kIngress));
}

TEST(RuleRendering, MasqueradesOnlyWithAPoolThatWantsIt) {
  dataplane_api::HostSettings host;
  host.all_pools = {C("10.0.0.0/16"), C("fd00::/64")};
  EXPECT_FALSE(RenderHostChains(host, Family::kV4).contains(kNatChain));
  host.nat_pools = {C("10.0.0.0/16")};
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kNatChain)),
              ElementsAre(HasSubstr("type nat hook postrouting priority 110"),
                          "ip saddr @masq-ipam-pools ip daddr != @all-ipam-pools masquerade"));
  EXPECT_FALSE(RenderHostChains(host, Family::kV6).contains(kNatChain));
}

TEST(RuleRendering, PoolSetsHoldNoPrefixInsideAnother) {
  dataplane_api::HostSettings host;
  host.all_pools = {C("10.0.0.0/16"), C("10.0.1.0/24"), C("fd00::/64")};
  EXPECT_EQ(RenderPoolSets(host, Family::kV4).at(kAllPools).members.size(), 1U);
}

TEST(RuleRendering, WhatAWorkloadSendsToItsHostFollowsTheSetting) {
  using Action = dataplane_api::HostSettings::EndpointToHost;
  dataplane_api::HostSettings host;
  const auto last = [&](Action action) {
    host.endpoint_to_host = action;
    return Lines(RenderHostChains(host, Family::kV4).at(kToHostChain)).back();
  };
  EXPECT_EQ(last(Action::kDrop),
            "counter name \"denied-to-host\" drop comment \"defaultEndpointToHostAction\"");
  EXPECT_EQ(last(Action::kAccept), "accept comment \"defaultEndpointToHostAction\"");
  EXPECT_EQ(last(Action::kReturn), "jump cali-from-wl-dispatch");
}

TEST(RuleRendering, Ipv6KeepsNeighbourDiscovery) {
  const auto lines = Lines(RenderHostChains({}, Family::kV6).at(kToHostChain), Family::kV6);
  EXPECT_THAT(lines, ::testing::Contains("meta l4proto 58 icmpv6 type 135 accept"));
}

TEST(RuleRendering, SeveralInterfacePrefixesAreAllWatched) {
  dataplane_api::HostSettings host;
  host.interface_prefixes = {"cali", "tap"};
  const auto lines = Lines(RenderHostChains(host, Family::kV4).at(kForwardChain));
  EXPECT_THAT(
      lines,
      ElementsAre(HasSubstr("hook forward priority -10"), "iifname \"cali*\" jump cali-from-wl-dispatch",
                  "iifname \"tap*\" jump cali-from-wl-dispatch", "oifname \"cali*\" jump cali-to-wl-dispatch",
                  "oifname \"tap*\" jump cali-to-wl-dispatch"));
}

}  // namespace
}  // namespace calico::dataplane
