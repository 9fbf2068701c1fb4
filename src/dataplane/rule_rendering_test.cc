// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rule_rendering.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "dataplane/endpoint_rendering.h"
#include "dataplane/host_rendering.h"
#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

using dataplane_api::Rule;
using dataplane_api::RuleAction;
using net::Family;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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
RuleContext Context(Family family = Family::kV4, Way way = Way::kOriginal) {
  RuleContext context;
  context.family = family;
  context.way = way;
  context.log_prefix = "calico-packet";
  context.shape = [](const std::string& id) { return SetShape{id == "s-mixed"}; };
  return context;
}
std::vector<std::string> Ingress(std::vector<Rule> rules, const RuleContext& context = Context()) {
  dataplane_api::Rules both;
  both.ingress = std::move(rules);
  return Lines(RenderRules(both, Direction::kIngress, context).chain, context.family);
}
std::string Comment(const std::string& text) {
  return " comment \"" + text + "\"";
}
const std::string kAllow = " counter meta mark set meta mark & 0xfffeffff ^ 0x00010000 return";
const std::string kDeny = " counter meta mark set meta mark & 0xfffbffff ^ 0x00040000 return";

TEST(RuleRendering, EachActionMarksCountsAndReturns) {
  Rule rule;
  EXPECT_THAT(Ingress({rule}), ElementsAre(kAllow.substr(1) + Comment("rule 1")));
  rule.action = RuleAction::kDeny;
  EXPECT_THAT(Ingress({rule}), ElementsAre(kDeny.substr(1) + Comment("rule 1")));
  rule.action = RuleAction::kPass;
  EXPECT_THAT(
      Ingress({rule}),
      ElementsAre("counter meta mark set meta mark & 0xfffdffff ^ 0x00020000 return" + Comment("rule 1")));
  RuleContext profile = Context();
  profile.profile = true;
  EXPECT_THAT(Ingress({rule}, profile), IsEmpty()) << "in a profile Pass means nothing";
}

TEST(RuleRendering, AConnectionIsLoggedOnceAndNotAgainWhenPolicyChanges) {
  Rule rule;
  rule.action = RuleAction::kLog;
  EXPECT_THAT(Ingress({rule}), ElementsAre("ct state new,untracked counter log prefix \"calico-packet: \"" +
                                           Comment("rule 1")));
  EXPECT_THAT(Ingress({rule}, Context(Family::kV4, Way::kReply)), IsEmpty());
}

TEST(RuleRendering, AStagedPolicyOnlyCounts) {
  dataplane_api::Rules rules;
  rules.staged = true;
  rules.ingress = {Rule{}};
  EXPECT_THAT(Lines(RenderRules(rules, Direction::kIngress, Context()).chain),
              ElementsAre("counter return" + Comment("rule 1")));
}

TEST(RuleRendering, AllCriteriaMustHoldAndOfAListAnyOne) {
  Rule rule;
  rule.protocol = net::kTcp;
  rule.source.nets = {C("10.0.0.0/8"), C("172.16.0.1/32")};
  rule.source.ip_sets = {"s-a"};
  rule.destination.ports = {{80, 80}, {8000, 8080}};
  const auto lines = Ingress({rule});
  ASSERT_EQ(lines.size(), 1U);
  EXPECT_THAT(lines[0], ::testing::MatchesRegex("meta l4proto 6 ip saddr @l-[0-9a-f]* ip saddr @s-a th dport "
                                                "@l-[0-9a-f]* counter .*"));
}

TEST(RuleRendering, ASetWithPrefixesIsLookedUpInBothOfItsSets) {
  Rule rule;
  rule.source.ip_sets = {"s-mixed"};
  EXPECT_THAT(Ingress({rule}), ElementsAre("ip saddr @s-mixed" + kAllow + Comment("rule 1"),
                                           "ip saddr @s-mixed-nets" + kAllow + Comment("rule 1")));
  Rule negated;
  negated.source.not_ip_sets = {"s-mixed"};
  EXPECT_THAT(Ingress({negated}),
              ElementsAre("ip saddr != @s-mixed ip saddr != @s-mixed-nets" + kAllow + Comment("rule 1")));
}

TEST(RuleRendering, NegatedCriteriaMustAllHold) {
  Rule rule;
  rule.not_protocol = net::kUdp;
  rule.source.not_nets = {C("10.0.0.0/8"), C("10.1.0.0/16")};
  rule.destination.not_ip_sets = {"s-b"};
  EXPECT_THAT(Ingress({rule}), ElementsAre("meta l4proto != 17 ip saddr != 10.0.0.0/8 ip daddr != @s-b" +
                                           kAllow + Comment("rule 1")));
}

TEST(RuleRendering, ARuleWhoseNetsAreOfTheOtherFamilyIsLeftOut) {
  Rule rule;
  rule.family = Family::kV6;
  EXPECT_THAT(Ingress({rule}), IsEmpty());
  EXPECT_EQ(Ingress({rule}, Context(Family::kV6)).size(), 1U);
  Rule nets;
  nets.source.nets = {C("fd00::/8")};
  EXPECT_THAT(Ingress({nets}), IsEmpty()) << "no IPv4 source can be in fd00::/8";
  Rule negated;
  negated.source.not_nets = {C("fd00::/8")};
  EXPECT_THAT(Ingress({negated}), IsEmpty()) << "it does not become a rule that matches everything";
  Rule everything;
  everything.source.not_nets = {C("0.0.0.0/0")};
  EXPECT_THAT(Ingress({everything}), IsEmpty());
}

TEST(RuleRendering, IcmpIsOfItsFamilyAndAnAnswerHasAnotherType) {
  Rule rule;
  rule.protocol = net::kIcmp;
  rule.icmp_type = 8;
  EXPECT_THAT(Ingress({rule}), ElementsAre("meta l4proto 1 icmp type 8" + kAllow + Comment("rule 1")));
  EXPECT_THAT(Ingress({rule}, Context(Family::kV6)), IsEmpty());
  EXPECT_THAT(Ingress({rule}, Context(Family::kV4, Way::kReply)),
              ElementsAre("meta l4proto 1 icmp type 0" + kAllow + Comment("rule 1")));
}

TEST(RuleRendering, InAnswersSourceAndDestinationHaveChangedPlaces) {
  Rule rule;
  rule.protocol = net::kTcp;
  rule.source.nets = {C("10.0.0.0/8")};
  rule.destination.ports = {{80, 80}};
  EXPECT_THAT(Ingress({rule}, Context(Family::kV4, Way::kReply)),
              ElementsAre("meta l4proto 6 ip daddr 10.0.0.0/8 th sport 80" + kAllow + Comment("rule 1")));
}

TEST(RuleRendering, ANamedPortIsOneMoreWayToMatch) {
  Rule rule;
  rule.protocol = net::kTcp;
  rule.destination.ports = {{80, 80}};
  rule.destination.port_sets = {"p-web"};
  EXPECT_THAT(Ingress({rule}), ElementsAre("meta l4proto 6 th dport 80" + kAllow + Comment("rule 1"),
                                           "meta l4proto 6 ip daddr . meta l4proto . th dport @p-web" +
                                               kAllow + Comment("rule 1")));
}

TEST(RuleRendering, RulesThatDifferInOneListBecomeOne) {
  const auto from = [](const char* net, std::uint16_t port) {
    Rule rule;
    rule.protocol = net::kTcp;
    rule.source.nets = {C(net)};
    rule.destination.ports = {{port, port}};
    return rule;
  };
  const auto lines = Ingress(
      {from("10.0.0.1/32", 80), from("10.0.0.2/32", 80), from("10.0.0.9/32", 443), from("10.0.0.3/32", 80)});
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_THAT(lines[0], HasSubstr("comment \"rules 1-2,4\""));
  EXPECT_THAT(lines[1], HasSubstr("comment \"rule 3\""));
}

TEST(RuleRendering, ADenyBetweenThemKeepsThemApart) {
  Rule allow, deny;
  allow.source.nets = {C("10.0.0.1/32")};
  deny.action = RuleAction::kDeny;
  deny.source.nets = {C("10.0.0.0/24")};
  Rule later = allow;
  later.source.nets = {C("10.0.0.2/32")};
  EXPECT_EQ(Ingress({allow, deny, later}).size(), 3U);
}

TEST(RuleRendering, ChainNamesFitTheKernelWhateverThePolicyIsCalled) {
  const std::string longest = "np/" + std::string(63, 'n') + "/" + std::string(253, 'p');
  for (const Way way : kBothWays) {
    EXPECT_LE(PolicyChainName(longest, Direction::kIngress, way).size(), 127U);
    EXPECT_NE(PolicyChainName(longest, Direction::kIngress, way),
              PolicyChainName(longest + "q", Direction::kIngress, way));
  }
}

TEST(EndpointRendering, AsksTiersInOrderThenProfilesAndThenDenies) {
  const dataplane_api::HostSettings host;
  EndpointPolicies policies;
  policies.tiers = {{"sec", {"gnp/a", "gnp/b"}, false}, {"default", {"np/ns/c"}, true}};
  policies.profiles = {"net1"};
  const auto chains = RenderEndpoint(policies, {Way::kOriginal, &host});
  ASSERT_EQ(chains.size(), 3U);
  const auto lines = Lines(chains.at(NamesOf(policies, Way::kOriginal).endpoint));
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_THAT(lines[1], HasSubstr("comment \"tier sec\""));
  EXPECT_EQ(lines[2], "meta mark & 0x00050000 != 0x00000000 return");
  EXPECT_EQ(lines[3], "meta mark set meta mark & 0xfffdffff ^ 0x00000000") << "the next tier begins anew";
  EXPECT_THAT(lines[4], HasSubstr("comment \"tier default\""));
  EXPECT_EQ(lines[7], "jump cali-pri-net1");
  EXPECT_THAT(lines[9], HasSubstr("comment \"no profile allowed it\""));
}

TEST(EndpointRendering, ATierEndsInADenialUnlessItPasses) {
  const dataplane_api::HostSettings host;
  EndpointPolicies policies;
  policies.tiers = {{"t", {"gnp/a"}, false}};
  const auto last_of_tier = [&] {
    const auto chains = RenderEndpoint(policies, {Way::kOriginal, &host});
    return Lines(chains.at(NamesOf(policies, Way::kOriginal).tiers[0])).back();
  };
  EXPECT_THAT(last_of_tier(), HasSubstr("comment \"end of tier t\""));
  policies.tiers[0].pass_at_end = true;
  EXPECT_EQ(last_of_tier(), "jump cali-pi-gnp/a");
}

TEST(EndpointRendering, APolicyIsAskedOnlyIfNoneBeforeItHasDecided) {
  const dataplane_api::HostSettings host;
  EndpointPolicies policies;
  policies.tiers = {{"t", {}, true}};
  for (int i = 0; i < 9; ++i) policies.tiers[0].policies.push_back(fmt::format("gnp/p{}", i));
  const auto lines =
      Lines(RenderEndpoint(policies, {Way::kOriginal, &host}).at(NamesOf(policies, Way::kOriginal).tiers[0]));
  ASSERT_EQ(lines.size(), 10U);
  EXPECT_EQ(lines[0], "jump cali-pi-gnp/p0") << "marks are taken away before a tier";
  EXPECT_EQ(lines[1], "meta mark & 0x00070000 == 0x00000000 jump cali-pi-gnp/p1");
  EXPECT_EQ(lines[8], "meta mark & 0x00070000 != 0x00000000 return");
  EXPECT_EQ(lines[9], "meta mark & 0x00070000 == 0x00000000 jump cali-pi-gnp/p8");
}

TEST(EndpointRendering, EqualPoliciesShareChainsAndOthersDoNot) {
  EndpointPolicies policies;
  policies.profiles = {"a", "b"};
  const EndpointChainNames names = NamesOf(policies, Way::kOriginal), reply = NamesOf(policies, Way::kReply);
  EXPECT_EQ(NamesOf(policies, Way::kOriginal).endpoint, names.endpoint);
  EXPECT_NE(reply.endpoint, names.endpoint);
  policies.profiles = {"b", "a"};
  EXPECT_NE(NamesOf(policies, Way::kOriginal).endpoint, names.endpoint);
  policies.profiles = {"a", "b"};
  policies.direction = Direction::kEgress;
  EXPECT_NE(NamesOf(policies, Way::kOriginal).endpoint, names.endpoint);
}

TEST(HostRendering, MasqueradesOnlyWithAPoolThatWantsIt) {
  HostView host;
  host.settings.all_pools = {C("10.0.0.0/16"), C("fd00::/64")};
  EXPECT_FALSE(RenderHostChains(host, Family::kV4).contains(kNatChain));
  host.settings.nat.pools = {C("10.0.0.0/16")};
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kNatChain)),
              ElementsAre(HasSubstr("type nat hook postrouting priority 110"),
                          "ip saddr @masq-ipam-pools ip daddr != @all-ipam-pools jump cali-nat-outgoing"));
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kNatOutgoingChain)),
              ElementsAre("masquerade fully-random"));
  EXPECT_FALSE(RenderHostChains(host, Family::kV6).contains(kNatChain));
}

TEST(HostRendering, OutgoingNatFollowsItsSettings) {
  HostView host;
  host.settings.nat.pools = {C("10.0.0.0/16"), C("fd00::/64")};
  host.settings.nat.ports = net::PortRange{1000, 2000};
  const auto rules = [&](Family family) {
    return Lines(RenderHostChains(host, family).at(kNatOutgoingChain), family);
  };
  EXPECT_THAT(rules(Family::kV4), ElementsAre("meta l4proto 6 masquerade to :1000-2000 fully-random",
                                              "meta l4proto 17 masquerade to :1000-2000 fully-random",
                                              "masquerade fully-random"));
  host.settings.nat.address = net::Ip::Parse("203.0.113.7");
  EXPECT_THAT(rules(Family::kV4), ElementsAre("meta l4proto 6 snat to 203.0.113.7:1000-2000 fully-random",
                                              "meta l4proto 17 snat to 203.0.113.7:1000-2000 fully-random",
                                              "snat to 203.0.113.7 fully-random"));
  EXPECT_EQ(rules(Family::kV6).back(), "masquerade fully-random") << "the address is of the other family";
  host.settings.nat.except_hosts = true;
  host.settings.nat.out_interface = "eth+";
  EXPECT_EQ(
      Lines(RenderHostChains(host, Family::kV4).at(kNatChain)).back(),
      "oifname \"eth+\" ip saddr @masq-ipam-pools ip daddr != @all-ipam-pools ip daddr != @all-hosts-net "
      "jump cali-nat-outgoing");
}

TEST(HostRendering, TunnelledPacketsOfStrangersAreDroppedWhereThereIsSuchATunnel) {
  HostView host;
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kInputChain)),
              Not(Contains(HasSubstr("denied-tunnel"))));
  host.settings.tunnels.ipip = dataplane_api::TunnelDevice{net::Ip::Parse("10.0.0.1"), std::nullopt, 0};
  host.settings.tunnels.vxlan_v6 = dataplane_api::TunnelDevice{net::Ip::Parse("fd00::1"), std::nullopt, 0};
  host.settings.external_hosts = {C("172.31.0.0/24")};
  const auto v4 = Lines(RenderHostChains(host, Family::kV4).at(kInputChain));
  EXPECT_THAT(
      std::vector<std::string>(v4.end() - 3, v4.end()),
      ElementsAre("meta l4proto 4 ip saddr @all-hosts-net meta mark set meta mark & 0xfffeffff ^ 0x00010000 "
                  "accept comment \"a host of this cluster\"",
                  "meta l4proto 4 ip saddr @external-hosts-net meta mark set meta mark & 0xfffeffff ^ "
                  "0x00010000 accept comment \"a host of this cluster\"",
                  "meta l4proto 4 counter name \"denied-tunnel\" drop comment \"IPIP of a stranger\""));
  const auto v6 = Lines(RenderHostChains(host, Family::kV6).at(kInputChain), Family::kV6);
  EXPECT_EQ(
      v6.back(),
      "meta l4proto 17 th dport 4789 counter name \"denied-tunnel\" drop comment \"VXLAN of a stranger\"");
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV6).at(kRawOutput), Family::kV6),
              Contains("meta l4proto 17 th dport 4789 notrack"));
  EXPECT_THAT(
      Lines(RenderHostChains(host, Family::kV4).at(kNatChain)),
      Contains(
          "oifname \"tunl0\" fib saddr . oif type != local fib saddr type local masquerade fully-random"));
}

TEST(HostRendering, AFloatingIpLeadsToItsWorkloadAndBack) {
  HostView host;
  host.floating_ips[*net::Ip::Parse("203.0.113.9")] = *net::Ip::Parse("10.0.0.9");
  const auto chains = RenderHostChains(host, Family::kV4);
  EXPECT_THAT(Lines(chains.at(kFloatingDnatChain)), ElementsAre("ip daddr 203.0.113.9 dnat to 10.0.0.9"));
  EXPECT_THAT(Lines(chains.at(kFloatingSnatChain)),
              ElementsAre("ip daddr 10.0.0.9 ip saddr 10.0.0.9 snat to 203.0.113.9"));
  EXPECT_TRUE(chains.contains(kNatPrerouting) && chains.contains(kNatOutput) && chains.contains(kNatChain));
  EXPECT_FALSE(RenderHostChains(host, Family::kV6).contains(kNatPrerouting));
}

TEST(HostRendering, AServicesAddressIsNotForwarded) {
  HostView host;
  EXPECT_FALSE(RenderHostChains(host, Family::kV4).contains(kServiceLoopChain));
  host.settings.service_addresses = {C("10.96.0.0/12")};
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kForwardChain)),
              Contains("ip daddr @service-cidrs jump cali-cidr-block"));
  host.settings.reject_looping = true;
  EXPECT_THAT(Lines(RenderHostChains(host, Family::kV4).at(kServiceLoopChain)),
              ElementsAre("counter name \"denied-service-loop\" reject comment \"no service answers here\""));
}

TEST(HostRendering, PoolSetsHoldNoPrefixInsideAnother) {
  dataplane_api::HostSettings host;
  host.all_pools = {C("10.0.0.0/16"), C("10.0.1.0/24"), C("fd00::/64")};
  EXPECT_EQ(RenderHostSets(host, Family::kV4).at(kAllPools).members.size(), 1U);
}

TEST(HostRendering, WhatAWorkloadSendsToItsHostFollowsTheSetting) {
  using Action = dataplane_api::HostSettings::EndpointToHost;
  HostView host;
  const auto last = [&](Action action) {
    host.settings.endpoint_to_host = action;
    return Lines(RenderHostChains(host, Family::kV4).at(kToHostChain)).back();
  };
  EXPECT_EQ(last(Action::kDrop),
            "counter name \"denied-to-host\" drop comment \"defaultEndpointToHostAction\"");
  EXPECT_EQ(last(Action::kAccept), "accept comment \"defaultEndpointToHostAction\"");
  EXPECT_EQ(last(Action::kReturn),
            "meta mark set meta mark & 0xfffeffff ^ 0x00000000 comment \"defaultEndpointToHostAction\"")
      << "the host's own firewall has the last word";
}

TEST(HostRendering, Ipv6KeepsNeighbourDiscovery) {
  const auto lines = Lines(RenderHostChains({}, Family::kV6).at(kToHostChain), Family::kV6);
  EXPECT_THAT(lines,
              ::testing::Contains("meta l4proto 58 icmpv6 type 135 meta mark set meta mark & 0xfffeffff ^ "
                                  "0x00010000 accept"));
}

TEST(HostRendering, SeveralInterfacePrefixesAreAllWatched) {
  HostView host;
  host.settings.interface_prefixes = {"cali", "tap"};
  const auto lines = Lines(RenderHostChains(host, Family::kV4).at(kForwardChain));
  EXPECT_THAT(lines, ::testing::IsSupersetOf(
                         {"iifname \"cali*\" jump cali-from-wl", "iifname \"tap*\" jump cali-from-wl",
                          "oifname \"cali*\" jump cali-to-wl", "oifname \"tap*\" jump cali-to-wl"}));
}

TEST(HostRendering, AnAgentThatComesBackFindsTheGenerationInTheKernel) {
  HostView host;
  host.generation = 77;
  kernel::nft::TableContent content;
  content.chains = RenderHostChains(host, Family::kV4);
  EXPECT_EQ(GenerationIn(content), 77U);
  EXPECT_EQ(GenerationIn({}), std::nullopt);
}

TEST(HostRendering, WithoutRecheckingEstablishedConnectionsAreAccepted) {
  HostView host;
  host.settings.recheck_flows = false;
  const auto chains = RenderHostChains(host, Family::kV4);
  EXPECT_FALSE(chains.contains(kSeenChain));
  EXPECT_THAT(Lines(chains.at(kFromWorkloadChain)).front(), HasSubstr("ct state established,related"));
}

}  // namespace
}  // namespace calico::dataplane
