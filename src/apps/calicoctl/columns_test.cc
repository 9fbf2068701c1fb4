// SPDX-License-Identifier: Apache-2.0
// The table of each kind (reference calicoctl B.3).
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"

namespace calico::calicoctl::testing {
namespace {

// One resource, and its usual and wide tables. Lines end in "|" where a line ends in blanks.
struct Case {
  std::string kind;
  std::string document;
  std::string usual, wide;
};
void PrintTo(const Case& c, std::ostream* to) {
  *to << c.kind;
}

class Columns : public CommandTest, public ::testing::WithParamInterface<Case> {};

TEST_P(Columns, AreThoseOfTheReference) {
  const Case& c = GetParam();
  Create(c.document);
  EXPECT_EQ(Run({"get", c.kind}), Printed(ReplaceAll(c.usual, "|\n", "\n") + "\n"));
  EXPECT_EQ(Run({"get", c.kind, "-o", "wide"}), Printed(ReplaceAll(c.wide, "|\n", "\n") + "\n"));
}

INSTANTIATE_TEST_SUITE_P(
    OfEachKind, Columns,
    ::testing::Values(
        Case{"bgpconfig",
             "{apiVersion: projectcalico.org/v3, kind: BGPConfiguration, metadata: {name: default}, spec: "
             "{logSeverityScreen: "
             "Info, asNumber: 65001}}",
             "NAME      LOGSEVERITY   MESHENABLED   ASNUMBER   |\n"
             "default   Info          -             65001      |\n",
             "NAME      LOGSEVERITY   MESHENABLED   ASNUMBER   |\n"
             "default   Info          -             65001      |\n"},
        Case{"bgpfilters",
             "{apiVersion: projectcalico.org/v3, kind: BGPFilter, metadata: {name: f}, spec: {exportV4: "
             "[{action: Accept}], "
             "importV6: [{action: Reject}, {action: Accept}]}}",
             "NAME   NUMEXPORTV4   NUMIMPORTV4   NUMEXPORTV6   NUMIMPORTV6   |\n"
             "f      1             0             0             2             |\n",
             "NAME   NUMEXPORTV4   NUMIMPORTV4   NUMEXPORTV6   NUMIMPORTV6   |\n"
             "f      1             0             0             2             |\n"},
        Case{"bgppeers",
             "apiVersion: projectcalico.org/v3\nitems:\n- {apiVersion: projectcalico.org/v3, kind: BGPPeer, "
             "metadata: {name: "
             "glob}, spec: {peerIP: 10.20.0.2, asNumber: 65101}}\n"
             "- {apiVersion: projectcalico.org/v3, kind: BGPPeer, metadata: {name: tor-a}, "
             "spec: {peerIP: \"10.20.0.1:1179\", nodeSelector: \"rack == 'r1'\", asNumber: "
             "65100}}\nkind: BGPPeerList",
             "NAME    PEERIP           NODE           ASN     |\n"
             "glob    10.20.0.2        (global)       65101   |\n"
             "tor-a   10.20.0.1:1179   rack == 'r1'   65100   |\n",
             "NAME    PEERIP           NODE           ASN     |\n"
             "glob    10.20.0.2        (global)       65101   |\n"
             "tor-a   10.20.0.1:1179   rack == 'r1'   65100   |\n"},
        Case{"felixconfig",
             "{apiVersion: projectcalico.org/v3, kind: FelixConfiguration, metadata: {name: default}, spec: "
             "{}}",
             "NAME      |\ndefault   |\n", "NAME      |\ndefault   |\n"},
        Case{"gnp",
             "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkPolicy, metadata: {name: p}, spec: "
             "{order: 1000000, "
             "selector: \"role == 'dns'\"}}",
             "NAME   TIER      |\np      default   |\n",
             "NAME   TIER      ORDER   SELECTOR        |\np      default   1e+06   role == 'dns'   |\n"},
        Case{"gnetsets",
             "{apiVersion: projectcalico.org/v3, kind: GlobalNetworkSet, metadata: {name: s}, spec: {nets: "
             "[10.0.0.0/8, 10.100.100.0/24, "
             "10.100.101.0/24, 10.100.102.0/24, 10.100.103.0/24, 10.100.104.0/24]}}",
             "NAME   |\ns      |\n",
             "NAME   NETS                                                                               |\n"
             "s      10.0.0.0/8,10.100.100.0/24,10.100.101.0/24,10.100.102.0/24,10.100.103.0/24,10...   |\n"},
        Case{"hep",
             "{apiVersion: projectcalico.org/v3, kind: HostEndpoint, metadata: {name: h}, spec: {node: n1, "
             "interfaceName: "
             "eth0, expectedIPs: [10.0.0.1, \"fd00::1\"], profiles: [a, b]}}",
             "NAME   NODE   |\nh      n1     |\n",
             "NAME   NODE   INTERFACE   IPS                PROFILES   |\n"
             "h      n1     eth0        10.0.0.1,fd00::1   a,b        |\n"},
        Case{"reservations",
             "{apiVersion: projectcalico.org/v3, kind: IPReservation, metadata: {name: r}, spec: "
             "{reservedCIDRs: "
             "[10.0.0.0/24, 10.0.1.1/32]}}",
             "NAME   |\nr      |\n",
             "NAME   CIDRS                     |\nr      10.0.0.0/24,10.0.1.1/32   |\n"},
        Case{"networkset",
             "{apiVersion: projectcalico.org/v3, kind: NetworkSet, metadata: {name: s}, spec: {nets: "
             "[10.0.0.0/8]}}",
             "NAME   |\ns      |\n", "NAME   NETS         |\ns      10.0.0.0/8   |\n"},
        Case{"policy",
             "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: last}, spec: "
             "{selector: all()}}",
             "NAME   TIER      |\nlast   default   |\n",
             "NAME   TIER      ORDER   SELECTOR   |\nlast   default   <nil>   all()      |\n"},
        Case{"sgnp",
             "{apiVersion: projectcalico.org/v3, kind: StagedGlobalNetworkPolicy, metadata: {name: s}, spec: "
             "{order: 1.5, "
             "selector: all()}}",
             "NAME   TIER      |\ns      default   |\n",
             "NAME   TIER      ORDER   SELECTOR   |\ns      default   1.5     all()      |\n"},
        Case{"sknp",
             "{apiVersion: projectcalico.org/v3, kind: StagedKubernetesNetworkPolicy, metadata: {name: k}, "
             "spec: {podSelector: "
             "{matchLabels: {app: web}}}}",
             "NAME   |\nk      |\n",
             "NAME   PODSELECTOR                                                                             "
             "      "
             "            |\n"
             "k      &LabelSelector{MatchLabels:map[string]string{app: "
             "web,},MatchExpressions:[]LabelSelectorRequirement{},}   |\n"},
        Case{"snp",
             "{apiVersion: projectcalico.org/v3, kind: StagedNetworkPolicy, metadata: {name: s}, spec: "
             "{order: 100, selector: "
             "all()}}",
             "NAME   TIER      |\ns      default   |\n",
             "NAME   TIER      ORDER   SELECTOR   |\ns      default   100     all()      |\n"}));

using OtherTables = CommandTest;

TEST_F(OtherTables, TiersStandInTheirOrder) {
  Create(
      "{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: a}, spec: {order: "
      "2000000}}\n---\n{apiVersion: projectcalico.org/v3, kind: Tier, metadata: {name: z}, spec: {order: "
      "10}}");
  const std::string tiers = Run({"get", "tiers"}).out;
  EXPECT_LT(tiers.find("z "), tiers.find("default ")) << tiers;
  EXPECT_LT(tiers.find("default "), tiers.find("a ")) << tiers;
  EXPECT_NE(tiers.find("1e+06"), std::string::npos) << tiers;
}

TEST_F(OtherTables, ANamespaceStandsFirstWhenAsked) {
  Create(
      "{apiVersion: projectcalico.org/v3, kind: NetworkPolicy, metadata: {name: allow-dns, namespace: shop}, "
      "spec: {order: "
      "100, selector: \"role == 'dns'\"}}");
  EXPECT_EQ(Run({"get", "policy", "-n", "shop", "-o", "wide"}),
            Printed("NAMESPACE   NAME        TIER      ORDER   SELECTOR        \n"
                    "shop        allow-dns   default   100     role == 'dns'   \n\n"));
  EXPECT_EQ(Run({"get", "np", "-A"}), Printed("NAMESPACE   NAME        TIER      \n"
                                              "shop        allow-dns   default   \n\n"));
  EXPECT_EQ(Run({"get", "np", "-a", "-o", "name"}), Printed("networkpolicy/shop/allow-dns\n"));
  EXPECT_EQ(Run({"get", "np"}), Printed("NAME   TIER   \n\n"));
  EXPECT_EQ(Run({"get", "np", "-o", "custom-columns=NAMESPACE,NAME", "-n", "shop"}),
            Printed("NAMESPACE   NAME        \nshop        allow-dns   \n\n"));
}

}  // namespace
}  // namespace calico::calicoctl::testing
