// SPDX-License-Identifier: Apache-2.0
// A store of Calico 2.6: calicoctl speaks v1 (reference calicoctl part D).
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

constexpr char kPeers[] = R"(
- apiVersion: v1
  kind: bgpPeer
  metadata: {scope: global, peerIP: 10.20.0.1}
  spec: {asNumber: 64567}
- apiVersion: v1
  kind: bgpPeer
  metadata: {scope: node, node: rack1-host7, peerIP: 10.20.0.2}
  spec: {asNumber: 64568}
)";
constexpr char kEndpoint[] = R"(
apiVersion: v1
kind: workloadEndpoint
metadata: {name: eth0, workload: shop.web-0, orchestrator: k8s, node: rack1-host7, activeInstanceID: "1337"}
spec:
  interfaceName: cali1
  mac: "ee:ee:ee:ee:ee:ee"
  ipNetworks: [10.77.3.5/32]
  ipNATs: [{internalIP: 10.77.3.5, externalIP: 198.51.100.5}]
  ipv4Gateway: 10.77.3.1
  profiles: [k8s_ns.shop]
)";
constexpr char kProfile[] =
    "{apiVersion: v1, kind: profile, metadata: {name: Web_1, tags: [web], labels: {a: b}}}";
constexpr char kPolicies[] = R"(
apiVersion: v1
kind: policy
metadata: {name: allow-dns}
spec: {order: 100, selector: role == 'dns'}
---
apiVersion: v1
kind: policy
metadata: {name: last}
spec: {}
)";

class StoreOf26 : public CommandTest {
 protected:
  StoreOf26() { dialect_ = datastore::Dialect::kCalico26; }
};

TEST_F(StoreOf26, ShowsTheTablesOfV1) {
  Create(kPeers);
  EXPECT_EQ(Run({"get", "bgppeer"}), Printed("SCOPE    PEERIP      NODE          ASN     \n"
                                             "global   10.20.0.1                 64567   \n"
                                             "node     10.20.0.2   rack1-host7   64568   \n\n"));
  Create(kV1Pool);
  EXPECT_EQ(Run({"get", "ippool", "-o", "wide"}),
            Printed("CIDR            NAT    IPIP    \n10.254.0.0/24   true   false   \n\n"));
  Create(kEndpoint);
  EXPECT_EQ(Run({"get", "wep"}), Printed("NODE          ORCHESTRATOR   WORKLOAD     NAME   \n"
                                         "rack1-host7   k8s            shop.web-0   eth0   \n\n"));
  EXPECT_EQ(Run({"get", "wep", "-o", "custom-columns=NATS,IPV4GATEWAY,IPV6GATEWAY,MAC"}),
            Printed("NATS                      IPV4GATEWAY   IPV6GATEWAY   MAC                 \n"
                    "10.77.3.5<>198.51.100.5   10.77.3.1                   ee:ee:ee:ee:ee:ee   \n\n"));
  Create(kProfile);
  const Ran profiles = Run({"get", "profile", "Web_1", "-o", "wide"});
  EXPECT_EQ(profiles, Printed("NAME    TAGS   \nWeb_1   web    \n\n"));
  Create(kPolicies);
  EXPECT_EQ(Run({"get", "policy", "-o", "wide"}), Printed("NAME        ORDER   SELECTOR        \n"
                                                          "allow-dns   100     role == 'dns'   \n"
                                                          "last        <nil>                   \n\n"));
}

TEST_F(StoreOf26, FiltersByIdentifiersAndFindsNothingWithoutAnError) {
  Create(kPeers);
  EXPECT_EQ(Run({"get", "bgppeer", "--scope=node", "-o", "custom-columns=PEERIP"}),
            Printed("PEERIP      \n10.20.0.2   \n\n"));
  EXPECT_EQ(Run({"get", "bgppeer", "-n", "rack1-host7", "-o", "custom-columns=PEERIP"}),
            Printed("PEERIP      \n10.20.0.2   \n\n"));
  EXPECT_EQ(Run({"get", "bgppeer", "10.20.0.1", "-o", "custom-columns=SCOPE"}),
            Printed("SCOPE    \nglobal   \n\n"));
  EXPECT_EQ(Run({"get", "bgppeer", "10.9.9.9", "-o", "yaml"}), Printed("[]\n"));
  EXPECT_EQ(Run({"get", "bgppeer", "--scope=x"}),
            Refused("Unrecognized scope 'x', must be one of: global, node\n"));
}

TEST_F(StoreOf26, GetsByTheIdentifiersThatAFileHas) {
  Create(kPeers);
  Create(kEndpoint);
  EXPECT_EQ(Run({"get", "-f", "-", "-o", "custom-columns=PEERIP"},
                "{apiVersion: v1, kind: bgpPeer, metadata: {scope: node}}"),
            Printed("PEERIP      \n10.20.0.2   \n\n"));
  EXPECT_EQ(Run({"get", "-f", "-", "-o", "custom-columns=NAME"},
                "{apiVersion: v1, kind: workloadEndpoint, metadata: {node: rack1-host7}}"),
            Printed("NAME   \neth0   \n\n"));
  EXPECT_EQ(
      Run({"get", "-f", "-", "-o", "json"}, "{apiVersion: v1, kind: bgpPeer, metadata: {peerIP: 10.20.0.9}}"),
      Printed("[]\n"));
  EXPECT_EQ(Run({"get", "-f", "-"}, "{apiVersion: v1, kind: bgpPeer, metadata: {scope: rack}}").err,
            "Unrecognized scope 'rack', must be one of: global, node\n");
}

TEST_F(StoreOf26, NamesResourcesInErrorsAsCalico26Did) {
  Create(kProfile);
  Create(kPeers);
  Create(kV1Pool);
  const auto create = [&](const std::string& text) { return Run({"create", "-f", "-"}, text).err; };
  EXPECT_EQ(create(kProfile),
            "Failed to create 'profile' resource: resource already exists: ProfileTags(name=Web_1)\n");
  EXPECT_EQ(create(kV1Pool),
            "Failed to create 'ipPool' resource: resource already exists: IPPool(cidr=10.254.0.0/24)\n");
  EXPECT_EQ(create("{apiVersion: v1, kind: bgpPeer, metadata: {scope: global, peerIP: 10.20.0.1}, spec: "
                   "{asNumber: 1}}"),
            "Failed to create 'bgpPeer' resource: resource already exists: BGPPeer(global, ip=10.20.0.1)\n");
  const auto remove = [&](std::vector<std::string> what) {
    what.insert(what.begin(), "delete");
    return Run(what).err;
  };
  EXPECT_EQ(remove({"profile", "nope"}),
            "Failed to delete 'profile' resource: resource does not exist: Profile(name=nope)\n");
  EXPECT_EQ(remove({"ipPool", "10.78.0.0/16"}),
            "Failed to delete 'ipPool' resource: resource does not exist: IPPool(cidr=10.78.0.0/16)\n");
  EXPECT_EQ(remove({"policy", "nope"}),
            "Failed to delete 'policy' resource: resource does not exist: Policy(name=nope)\n");
  EXPECT_EQ(remove({"wep", "eth0", "--node=h", "--orchestrator=k8s", "--workload=w"}),
            "Failed to delete 'workloadEndpoint' resource: resource does not exist: "
            "WorkloadEndpoint(node=h, orchestrator=k8s, workload=w, name=eth0)\n");
  EXPECT_EQ(remove({"bgpPeer", "10.20.0.9", "--node=h"}),
            "Failed to delete 'bgpPeer' resource: resource does not exist: BGPPeer(node=h, ip=10.20.0.9)\n");
}

TEST_F(StoreOf26, PrintsFlatArraysOfV1Documents) {
  Create(kV1Pool);
  EXPECT_EQ(Run({"get", "ippool", "-o", "yaml"}), Printed("- apiVersion: v1\n  kind: ipPool\n  metadata:\n"
                                                          "    cidr: 10.254.0.0/24\n  spec:\n"
                                                          "    nat-outgoing: true\n"));
  const Ran json = Run({"get", "ippool", "10.254.0.0/24", "-o", "json"});
  EXPECT_EQ(json.out.find("[\n  {\n    \"kind\": \"ipPool\",\n"), 0U) << json.out;
  EXPECT_TRUE(json.out.ends_with("  }\n]\n")) << json.out;
  EXPECT_EQ(Run({"get", "ippool", "-o",
                 "go-template={{range .}}{{range .Items}}{{.Metadata.CIDR}} "
                 "{{.Spec.NATOutgoing}} {{.Spec.Disabled}}{{end}}{{end}}"}),
            Printed("10.254.0.0/24 true "));
}

TEST_F(StoreOf26, WhatItPrintsItTakesBack) {
  Create(std::string(kPeers) + "---" + kV1Pool + "---" + kEndpoint + "---\n" + kProfile + "\n---" +
         kPolicies);
  for (const char* kind : {"bgppeer", "ippool", "wep", "profile", "policy"}) {
    const std::string yaml = Run({"get", kind, "-o", "yaml"}).out;
    EXPECT_EQ(Run({"apply", "-f", "-"}, yaml).err, "") << kind;
    EXPECT_EQ(Run({"get", kind, "-o", "yaml"}).out, yaml);
  }
}

TEST_F(StoreOf26, DeletesByV1Identifiers) {
  Create(kPeers);
  EXPECT_EQ(Run({"delete", "bgppeer", "10.20.0.2"}),
            Refused("Failed to delete 'bgpPeer' resource: insufficient identifiers, missing 'scope'\n"));
  EXPECT_EQ(Run({"delete", "bgppeer", "10.20.0.2", "--scope=node", "-n", "rack1-host7"}),
            Printed("Successfully deleted 1 'bgpPeer' resource(s)\n"));
  Create(kV1Pool);
  EXPECT_EQ(Run({"delete", "ippool", "10.254.0.0/24"}),
            Printed("Successfully deleted 1 'ipPool' resource(s)\n"));
  const Ran missing = Run({"delete", "profile", "nope"});
  EXPECT_EQ(missing.code, 1);
  EXPECT_EQ(missing.err.find("Failed to delete 'profile' resource: resource does not exist: "), 0U)
      << missing.err;
  EXPECT_EQ(Run({"delete", "profile", "nope", "-s"}),
            Printed("Successfully deleted 1 'profile' resource(s)\n"));
}

TEST_F(StoreOf26, LeavesPoliciesOfKubernetesAlone) {
  EXPECT_EQ(
      Run({"create", "-f", "-"}, "{apiVersion: v1, kind: policy, metadata: {name: knp.default.x}}"),
      Refused("Failed to create 'policy' resource: operation Create is not supported on knp.default.x\n"));
}

TEST_F(StoreOf26, ShowsV3WhenAsked) {
  Create(kV1Pool);
  const Ran ran = Run({"get", "ippool", "--api-version=v3"});
  EXPECT_EQ(ran.out.find("NAME"), 0U) << ran.out;
}

using StoreOfV3 = CommandTest;

TEST_F(StoreOfV3, ShowsV1WhenAsked) {
  Create(kDefaultPool);
  EXPECT_EQ(Run({"get", "ippool", "--api-version=v1", "-o", "wide"}),
            Printed("CIDR             NAT    IPIP    \n192.168.0.0/16   true   false   \n\n"));
  EXPECT_EQ(Run({"get", "tier", "--api-version=v1"}), Refused("the v1 API has no Tier\n"));
  EXPECT_EQ(Run({"get", "node", "--api-version=v2"}).err.substr(0, 27), "--api-version is v1 or v3.\n");
}

TEST_F(StoreOfV3, FindsWhatAV1NameStandsFor) {
  Create(kPeers);
  EXPECT_NE(Run({"get", "bgpPeer", "10.20.0.1"}).out.find("64567"), std::string::npos);
  Create("{apiVersion: v1, kind: node, metadata: {name: Rack_1}, spec: {bgp: {ipv4Address: 10.0.0.1/24}}}");
  EXPECT_EQ(Run({"get", "node", "Rack_1"}).code, 0);
  EXPECT_EQ(
      Run({"get", "hep", "eth9", "--node=n1"}),
      (Ran{1, "NAME   NODE   \n\n", "resource does not exist: HostEndpoint(eth9) with error: <nil>\n"}));
}

}  // namespace
}  // namespace calico::calicoctl::testing
