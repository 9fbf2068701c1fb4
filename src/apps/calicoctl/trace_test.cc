// SPDX-License-Identifier: Apache-2.0
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

using ::testing::HasSubstr;

constexpr char kWorld[] = R"(
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: host1}
spec: {bgp: {ipv4Address: 192.0.2.1/24}}
---
apiVersion: projectcalico.org/v3
kind: Node
metadata: {name: host2}
spec: {bgp: {ipv4Address: 192.0.2.2/24}}
---
apiVersion: projectcalico.org/v3
kind: Profile
metadata: {name: net1}
spec: {ingress: [{action: Allow}], egress: [{action: Allow}]}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {namespace: shop, labels: {role: client}}
spec: {node: host1, orchestrator: cni, containerID: 0123456789ab, endpoint: eth0, interfaceName: cali1, ipNetworks: [10.65.0.2/32], profiles: [net1]}
---
apiVersion: projectcalico.org/v3
kind: WorkloadEndpoint
metadata: {namespace: shop, labels: {role: web}}
spec: {node: host2, orchestrator: cni, containerID: fedcba987654, endpoint: eth0, interfaceName: cali2, ipNetworks: [10.65.0.3/32], profiles: [net1]}
---
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec:
  selector: role == 'web'
  ingress:
  - {action: Allow, protocol: TCP, source: {selector: role == 'client'}, destination: {ports: [80]}}
)";

class Trace : public CommandTest {
 protected:
  void SetUp() override { Create(kWorld); }
};

TEST_F(Trace, SaysThatAConnectionIsAllowedAndByWhichRuleOfEachHost) {
  const Ran ran = Run({"trace", "--from", "host1/0123456789ab", "--to", "10.65.0.3", "--port", "80"});
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("ALLOWED: tcp 10.65.0.2:40000 -> 10.65.0.3:80\n"));
  EXPECT_THAT(ran.out, HasSubstr("host1: egress of "));
  EXPECT_THAT(ran.out, HasSubstr("decided by profile net1 rule 1"));
  EXPECT_THAT(ran.out, HasSubstr("host2: ingress of "));
  EXPECT_THAT(ran.out, HasSubstr("decided by policy shop/web rule 1"));
}

TEST_F(Trace, SaysOfADenialWhichRuleCameNearestAndWhatDiffers) {
  const Ran ran = Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "443"});
  EXPECT_EQ(ran.code, 1) << ran.err;
  EXPECT_THAT(ran.out, HasSubstr("DENIED: tcp 10.65.0.2:40000 -> 10.65.0.3:443\n"));
  EXPECT_THAT(ran.out, HasSubstr("decided by end of tier default"));
  EXPECT_THAT(ran.out, HasSubstr("policy shop/web in tier default selects it and did not match\n"
                                 "    rule 1 (Allow): destination.ports is tcp 443, wanted 80\n"));
  EXPECT_THAT(ran.out, HasSubstr("nearest rule that would have allowed it: shop/web rule 1\n"
                                 "    destination.ports is tcp 443, wanted 80\n"));
}

TEST_F(Trace, AnswersAsIfAFileWereAppliedAndWritesNothing) {
  const std::string open = R"(
apiVersion: projectcalico.org/v3
kind: NetworkPolicy
metadata: {name: also, namespace: shop}
spec: {order: 1, selector: role == 'web', ingress: [{action: Allow, protocol: TCP, destination: {ports: [443]}}]}
)";
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "443", "-f", "-"}, open).code,
            0);
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "443"}).code, 1);
  const Ran bad =
      Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "443", "-f", "-"},
          "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\nmetadata: {name: x, namespace: shop}\n"
          "spec: {selector: 'role ='}\n");
  EXPECT_EQ(bad.code, 2);
  EXPECT_NE(bad.err, "");
}

TEST_F(Trace, AnswersForBothDirections) {
  const Ran ran =
      Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "80", "--direction", "both"});
  EXPECT_EQ(ran.code, 0) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("ALLOWED: tcp 10.65.0.2:40000 -> 10.65.0.3:80"));
  EXPECT_THAT(ran.out, HasSubstr("ALLOWED: tcp 10.65.0.3:40000 -> 10.65.0.2:80"));
}

TEST_F(Trace, GivesJsonToPrograms) {
  const Ran ran = Run({"trace", "--from", "203.0.113.9", "--to", "10.65.0.3", "--port", "80", "-o", "json"});
  EXPECT_EQ(ran.code, 1);
  const auto json = nlohmann::json::parse(ran.out);
  EXPECT_EQ(json["allowed"], false);
  EXPECT_EQ(json["packet"]["destinationPort"], 80);
  const auto& last = json["steps"].back();
  EXPECT_EQ(last["because"], "end of tier default");
  EXPECT_EQ(last["nearestAllow"]["policy"], "NetworkPolicy(shop/web)");
  EXPECT_EQ(last["nearestAllow"]["mismatches"][0]["field"], "source.selector");
}

TEST_F(Trace, ErrorsEndWithTwo) {
  const Ran unknown = Run({"trace", "--from", "10.65.0.2", "--to", "hots2", "--port", "80"});
  EXPECT_EQ(unknown.code, 2);
  EXPECT_THAT(unknown.err, HasSubstr("Did you mean host2?"));
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3"}).code, 2) << "no port";
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2"}).code, 2) << "no end";
  EXPECT_EQ(Run({"trace", "--from", "192.168.7.1", "--to", "192.168.7.2", "--port", "1"}).code, 2);
  EXPECT_EQ(
      Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "80", "--protocol", "tpc"}).code,
      2);
  const Ran ambiguous = Run({"trace", "--from", "eth0", "--to", "10.65.0.3", "--port", "80"});
  EXPECT_EQ(ambiguous.code, 2);
  EXPECT_THAT(ambiguous.err, HasSubstr("'eth0' is ambiguous:\n  workload shop/"));
}

TEST_F(Trace, TakesAPolicyThatDoesNotDecodeForADenialAsAgentsDo) {
  ASSERT_TRUE(client_
                  .Put("/calico/resources/v3/projectcalico.org/networkpolicies/shop/web",
                       R"({"metadata":{"name":"web","namespace":"shop"},
                              "spec":{"selector":"role == 'web'","ingress":"everything"}})")
                  .has_value());
  const Ran to = Run({"trace", "--from", "10.65.0.2", "--to", "10.65.0.3", "--port", "80"});
  EXPECT_EQ(to.code, 1) << to.err;
  EXPECT_THAT(to.out, HasSubstr("decided by policy shop/web cannot be read"));
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2", "--to", "203.0.113.9", "--port", "80"}).code, 0)
      << "its selector could be read: it is not for the client";
}

TEST_F(Trace, KnowsHostsAndPings) {
  EXPECT_EQ(
      Run({"trace", "--from", "host:host2", "--to", "203.0.113.9", "--port", "53", "--protocol", "udp"}).code,
      0);
  EXPECT_EQ(Run({"trace", "--from", "10.65.0.2", "--to", "host:host1", "--protocol", "icmp"}).code, 1)
      << "defaultEndpointToHostAction";
}

}  // namespace
}  // namespace calico::calicoctl::testing
