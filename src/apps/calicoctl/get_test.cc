// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"
#include "base/text.h"

namespace calico::calicoctl::testing {
namespace {

constexpr char kNodes[] = R"(
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: rack1-host7}
spec: {bgp: {ipv4Address: 10.20.0.7/24, ipv6Address: "2001:db8:20::7/64"}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: rack1-host8}
spec: {bgp: {ipv4Address: 10.20.0.8/24, asNumber: 64600}}
)";

constexpr char kEndpoint[] = R"(
apiVersion: v1
kind: workloadEndpoint
metadata: {name: eth0, workload: w1, orchestrator: libnetwork, node: rack1-host7}
spec:
  interfaceName: cali1
  ipNetworks: [10.254.0.1/32]
  profiles: [net1, Net_2]
  mac: "ee:ee:ee:ee:ee:ee"
  ipNATs: [{internalIP: 10.254.0.1, externalIP: 198.51.100.5}]
)";

using Get = CommandTest;

// Golden lines end in blanks, which an editor would remove: written with a bar.
std::string Lines(std::string text) {
  return ReplaceAll(std::move(text), "|\n", "\n");
}

TEST_F(Get, ShowsPoolsInColumns) {
  Create(kV1Pool);
  Create(kDefaultPool);
  EXPECT_EQ(Run({"get", "ipPool"}),
            Printed(Lines("NAME                  CIDR             SELECTOR   |\n"
                          "10-254-0-0-24         10.254.0.0/24    all()      |\n"
                          "default-ipv4-ippool   192.168.0.0/16   all()      |\n\n")));
  EXPECT_EQ(Run({"get", "pools", "-o", "wide"}),
            Printed(Lines("NAME                  CIDR             NAT    IPIPMODE   VXLANMODE   DISABLED   "
                          "DISABLEBGPEXPORT   SELECTOR   ASSIGNMENTMODE   |\n"
                          "10-254-0-0-24         10.254.0.0/24    true   Never      Never       false      "
                          "false              all()      Automatic        |\n"
                          "default-ipv4-ippool   192.168.0.0/16   true   Never      Never       false      "
                          "false              all()      Automatic        |\n\n")));
}

TEST_F(Get, ShowsOnlyTheHeadingOfAnEmptyList) {
  EXPECT_EQ(Run({"get", "ippools"}), Printed(Lines("NAME   CIDR   SELECTOR   |\n\n")));
}

TEST_F(Get, ShowsNodesWithTheGlobalAsNumberInBrackets) {
  Create(kNodes);
  EXPECT_EQ(Run({"get", "nodes"}), Printed(Lines("NAME          |\nrack1-host7   |\nrack1-host8   |\n\n")));
  EXPECT_EQ(Run({"get", "nodes", "-o", "wide"}),
            Printed(Lines("NAME          ASN       IPV4           IPV6                |\n"
                          "rack1-host7   (64512)   10.20.0.7/24   2001:db8:20::7/64   |\n"
                          "rack1-host8   64600     10.20.0.8/24                       |\n\n")));
  Create(
      "{apiVersion: projectcalico.org/v3, kind: BGPConfiguration, metadata: {name: default}, spec: "
      "{asNumber: 65001}}");
  EXPECT_NE(Run({"get", "node", "rack1-host7", "-o", "wide"}).out.find("(65001)"), std::string::npos);
}

TEST_F(Get, ShowsWorkloadEndpoints) {
  Create(kEndpoint);
  EXPECT_EQ(Run({"get", "wep"}),
            Printed(Lines("WORKLOAD     NODE          NETWORKS        INTERFACE   |\n"
                          "libnetwork   rack1-host7   10.254.0.1/32   cali1       |\n\n")));
  EXPECT_EQ(Run({"get", "weps", "-a"}),
            Printed(Lines("NAMESPACE   WORKLOAD     NODE          NETWORKS        INTERFACE   |\n"
                          "default     libnetwork   rack1-host7   10.254.0.1/32   cali1       |\n\n")));
  const Ran wide = Run({"get", "wep", "-o", "wide"});
  EXPECT_NE(wide.out.find("rack1--host7-libnetwork-libnetwork-eth0   libnetwork"), std::string::npos)
      << wide.out;
  EXPECT_NE(wide.out.find("{10.254.0.1 198.51.100.5}"), std::string::npos) << wide.out;
}

TEST_F(Get, ShowsProfilesWithTheirLabels) {
  Create("{apiVersion: v1, kind: profile, metadata: {name: net1, tags: [net1, blue]}, spec: {}}");
  EXPECT_EQ(Run({"get", "profiles", "-o", "wide"}),
            Printed(Lines("NAME                          LABELS        |\n"
                          "net1                          blue=,net1=   |\n"
                          "projectcalico-default-allow                 |\n\n")));
}

TEST_F(Get, ShowsTheColumnsOneAsksFor) {
  Create(kV1Pool);
  EXPECT_EQ(Run({"get", "ippool", "-o", "custom-columns=CIDR,NAT"}),
            Printed(Lines("CIDR            NAT    |\n10.254.0.0/24   true   |\n\n")));
  EXPECT_EQ(Run({"get", "profile", "-o", "custom-columns=CIDR"}),
            Refused("unknown heading CIDR, valid values are: NAME, LABELS\n"));
}

TEST_F(Get, PrintsOneObjectOrAList) {
  Create(kDefaultPool);
  const Ran yaml = Run({"get", "ippool", "default-ipv4-ippool", "-o", "yaml"});
  EXPECT_EQ(yaml.out.find("apiVersion: projectcalico.org/v3\nkind: IPPool\nmetadata:\n"), 0U) << yaml.out;
  EXPECT_NE(yaml.out.find("creationTimestamp: \"2026-03-02T10:11:12Z\"\n"), std::string::npos) << yaml.out;
  const Ran list = Run({"get", "ippool", "-o", "yaml"});
  EXPECT_EQ(list.out.find("apiVersion: projectcalico.org/v3\nitems:\n- apiVersion"), 0U) << list.out;
  const Ran json = Run({"get", "ippool", "-o", "json"});
  EXPECT_EQ(json.out.find("{\n  \"kind\": \"IPPoolList\",\n"), 0U) << json.out;
  EXPECT_TRUE(json.out.ends_with("}\n"));
}

TEST_F(Get, PrintsALongListInItsOrder) {
  std::string documents;
  for (int i = 0; i < 2500; ++i)
    documents += fmt::format(
        "---\nkind: GlobalNetworkSet\napiVersion: projectcalico.org/v3\nmetadata: {{name: set-{:04}}}\n", i);
  Create(documents);
  const Ran yaml = Run({"get", "globalnetworkset", "-o", "yaml"});
  std::vector<std::string> names;
  for (const std::string& line : Split(yaml.out, '\n')) {
    if (line.starts_with("    name: ")) names.push_back(line.substr(10));
  }
  EXPECT_EQ(names.size(), 2500U);
  EXPECT_TRUE(std::is_sorted(names.begin(), names.end()));
  EXPECT_EQ(yaml.out.find("---"), std::string::npos);
}

TEST_F(Get, TakesAPoolsCidrAsItsName) {
  Create(kDefaultPool);
  EXPECT_EQ(Run({"get", "ipPool", "192.168.0.0/16", "-o", "custom-columns=NAME"}),
            Printed(Lines("NAME                  |\ndefault-ipv4-ippool   |\n\n")));
}

TEST_F(Get, ShowsWhatItFindsAndReportsTheRest) {
  Create(kDefaultPool);
  const Ran ran = Run({"get", "ippool", "nope", "default-ipv4-ippool"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.out.find("192.168.0.0/16"), std::string::npos);
  EXPECT_EQ(ran.err, "resource does not exist: IPPool(nope) with error: <nil>\n");
  EXPECT_EQ(Run({"get", "ippool", "nope", "-o", "json"}).out, "null\n");
}

TEST_F(Get, RefusesWhatItDoesNotKnow) {
  EXPECT_EQ(Run({"get", "foo"}), Refused("failed to get resources: resource type 'foo' is not supported\n"));
  EXPECT_EQ(Run({"get", "node", "-o", "=json"}), Refused("unrecognized output format '=json'\n"));
  EXPECT_EQ(Run({"get", "node", "-n", "x"}), Refused("Node is not namespaced\n"));
}

TEST_F(Get, SaysInOneLineThatTheStoreIsAway) {
  client_.FailNext(datastore::testing::Operation::kList,
                   Error(ErrorCode::kUnavailable, "etcd http://x: away"));
  EXPECT_EQ(Run({"get", "nodes"}), Refused("etcd http://x: away\n"));
}

constexpr char kPolicyPath[] = "/calico/resources/v3/projectcalico.org/globalnetworkpolicies/p";

TEST_F(Get, WarnsOfPolicyThatAgentsCannotEnforceAsItStands) {
  ASSERT_TRUE(
      client_.Put(kPolicyPath, R"({"metadata":{"name":"p"},"spec":{"selector":"role ="}})").has_value());
  const Ran ran = Run({"get", "globalNetworkPolicy", "p"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("p "), std::string::npos) << ran.out;
  EXPECT_TRUE(ran.err.starts_with(
      "Warning: GlobalNetworkPolicy(p): its selector is not understood, so that it denies everything: "))
      << ran.err;
}

TEST_F(Get, SaysOfAPolicyThatDoesNotDecodeWhatItDoesAndHowItGoes) {
  ASSERT_TRUE(client_.Put(kPolicyPath, R"({"metadata":{"name":"p"},"spec":{"ingress":7}})").has_value());
  const Ran ran = Run({"get", "globalNetworkPolicy", "p"});
  EXPECT_EQ(ran.code, 1);
  EXPECT_NE(ran.err.find("; agents let it deny everything that it selects"), std::string::npos) << ran.err;
  const Ran all = Run({"get", "globalNetworkPolicies"});
  EXPECT_EQ(all.code, 0);
  EXPECT_EQ(all.err, "Warning: " + ran.err);
  EXPECT_EQ(Run({"delete", "globalNetworkPolicy", "p"}).code, 0);
  EXPECT_FALSE(client_.Get(kPolicyPath).has_value());
}

// Agents write them; what each host says is their status. One that only a host is left with is shown, too.
TEST_F(Get, ShowsDockerNetworksWithTheHostsThatHaveThem) {
  const auto put = [this](const std::string& path, const std::string& value) {
    ASSERT_TRUE(client_.Put("/calico/docker/v1/" + path, value).has_value());
  };
  put("networks/Net_1",
      R"({"kind":"DockerNetwork","apiVersion":"projectcalico.org/v3","metadata":{"name":"Net_1"},)"
      R"("spec":{"driver":"calico","ipamDriver":"calico-ipam","subnets":["10.254.0.0/24"],"createdBy":"h1","generation":2}})");
  put("network-status/h1/Net_1", R"({"host":"h1","id":"aa","generation":2,"state":"Ready"})");
  put("network-status/h2/Net_1",
      R"({"host":"h2","generation":2,"state":"Clash","problem":"this host has another network"})");
  put("network-status/h3/gone",
      R"({"host":"h3","id":"bb","generation":1,"state":"StillUsed","problem":"used"})");
  EXPECT_EQ(Run({"get", "dockernetworks"}),
            Printed(Lines("NAME    SUBNETS         IPV6    CREATEDBY   HOSTS   |\n"
                          "Net_1   10.254.0.0/24   false   h1          h1      |\n"
                          "gone                    false               h3      |\n\n")));
  const auto wide = Run({"get", "dockernetworks", "-o", "wide"}).out;
  EXPECT_NE(wide.find("h2: Clash: this host has another network"), std::string::npos) << wide;
  EXPECT_NE(wide.find("(removed)"), std::string::npos) << wide;
  const auto yaml = Run({"get", "dockernetwork", "Net_1", "-o", "yaml"}).out;
  EXPECT_NE(yaml.find("  - generation: 2\n    host: h2\n"), std::string::npos) << yaml;
}

}  // namespace
}  // namespace calico::calicoctl::testing
