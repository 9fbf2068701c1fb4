// SPDX-License-Identifier: Apache-2.0
#include "model/codec/json.h"

#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>

namespace calico::model {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

template <typename T>
T Decoded(const Key& key, const std::string& json) {
  auto object = DecodeValue(key, json);
  EXPECT_TRUE(object.has_value()) << (object ? "" : object.error().message());
  return object ? std::get<T>(*object) : T{};
}

struct Golden {
  Key key;
  std::string stored;
};

// Reference datastore-model A.3 (the pool) and A.8, on one line as stored; A.10 and A.13 for the others.
// Members that this version does not know stand last in their parent, where this program writes them.
std::vector<Golden> Goldens() {
  return {
      {Key::Resource(Kind::kIPPool, "pool-a"),
       R"json({"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"pool-a","uid":"7f0a1c7e-6f0b-4c0b-9a30-0a4f3d7c1f11","creationTimestamp":"2026-03-02T10:11:12Z"},"spec":{"cidr":"10.77.0.0/16","vxlanMode":"Never","ipipMode":"Always","natOutgoing":true,"blockSize":26,"nodeSelector":"all()","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}})json"},
      {Key::Resource(Kind::kIPPool, "default-ipv4-ippool"),
       R"json({"kind":"IPPool","apiVersion":"projectcalico.org/v3","metadata":{"name":"default-ipv4-ippool","uid":"3b9e","creationTimestamp":"2026-03-02T10:00:00Z"},"spec":{"cidr":"10.77.0.0/16","vxlanMode":"Never","ipipMode":"CrossSubnet","natOutgoing":true,"disabled":true,"disableBGPExport":true,"blockSize":26,"nodeSelector":"all()","namespaceSelector":"team == 'red'","allowedUses":["Workload","Tunnel"],"assignmentMode":"Automatic"}})json"},
      {Key::Resource(Kind::kNode, "rack1-host7"),
       R"json({"kind":"Node","apiVersion":"projectcalico.org/v3","metadata":{"name":"rack1-host7","uid":"0d3c8f0e-2f4e-4a61-8d0b-7c6f4f0f8a01","creationTimestamp":"2026-03-02T10:00:00Z","labels":{"rack":"r1"}},"spec":{"bgp":{"asNumber":64512,"ipv4Address":"10.20.0.7/24","ipv6Address":"2001:db8:20::7/64","ipv4IPIPTunnelAddr":"10.77.3.192","routeReflectorClusterID":"244.0.0.1"},"orchRefs":[{"nodeName":"rack1-host7","orchestrator":"k8s"}],"addresses":[{"address":"10.20.0.7/24","type":"CalicoNodeIP"},{"address":"10.20.0.7","type":"InternalIP"}],"interfaces":[{"name":"eth0","addresses":["10.20.0.7"]}],"ipv4VXLANTunnelAddr":"10.78.1.0"},"status":{"wireguardPublicKey":"jlkVyQYooZY=","podCIDRs":["10.244.3.0/24"]}})json"},
      {Key::Resource(Kind::kWorkloadEndpoint, "rack1--host7-k8s-web--0-eth0", "shop"),
       R"json({"kind":"WorkloadEndpoint","apiVersion":"projectcalico.org/v3","metadata":{"name":"rack1--host7-k8s-web--0-eth0","generateName":"web-","namespace":"shop","uid":"5a1e","creationTimestamp":"2026-03-02T10:05:00Z","labels":{"app":"web","projectcalico.org/namespace":"shop","projectcalico.org/orchestrator":"k8s","projectcalico.org/serviceaccount":"default"}},"spec":{"orchestrator":"k8s","node":"rack1-host7","containerID":"1337495556942031415926535","pod":"web-0","endpoint":"eth0","serviceAccountName":"default","ipNetworks":["10.77.3.5/32","fd00:77::5/128"],"ipv4Gateway":"169.254.1.1","profiles":["kns.shop","ksa.shop.default"],"interfaceName":"cali0ef24ba4d1f","mac":"ca:fe:1d:52:bb:e9","ports":[{"name":"http","protocol":"TCP","port":8080,"hostPort":0,"hostIP":""}],"ipNATs":[{"internalIP":"10.77.3.5","externalIP":"198.51.100.9"}],"qosControls":{"ingressBandwidth":10000000}}})json"},
      {Key::Resource(Kind::kProfile, "web-tier"),
       R"json({"kind":"Profile","apiVersion":"projectcalico.org/v3","metadata":{"name":"web-tier","uid":"1","creationTimestamp":"2026-03-02T10:00:00Z"},"spec":{"ingress":[{"action":"Allow","source":{"selector":"tier == 'web'"},"destination":{}}],"egress":[{"action":"Allow","source":{},"destination":{}}],"labelsToApply":{"tier":"web"}}})json"},
      {Key::Resource(Kind::kBGPPeer, "tor-a"),
       R"json({"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"tor-a","uid":"1","creationTimestamp":"2026-03-02T10:00:00Z"},"spec":{"nodeSelector":"rack == 'r1'","peerIP":"10.20.0.1:1179","asNumber":65100,"filters":["only-pods"],"localASNumber":64600}})json"},
      {Key::Resource(Kind::kBGPConfiguration, "default"),
       R"json({"kind":"BGPConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"1","creationTimestamp":"2026-03-02T10:00:00Z"},"spec":{"logSeverityScreen":"Info","nodeToNodeMeshEnabled":false,"asNumber":64512,"listenPort":1790}})json"},
      {Key::Resource(Kind::kClusterInformation, "default"),
       R"json({"kind":"ClusterInformation","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"1","creationTimestamp":"2026-03-02T10:00:00Z"},"spec":{"clusterGUID":"6fdd2c7c0e6f4cbbb7b6c0e6b1a4d2a9","clusterType":"k8s,bgp","calicoVersion":"v3.32.1","datastoreReady":true}})json"},
      {Key::Resource(Kind::kFelixConfiguration, "default"), R"json({"kind":"FelixConfiguration","apiVersion":"projectcalico.org/v3","metadata":{"name":"default","uid":"1","creationTimestamp":"2026-03-02T10:00:00Z","annotations":{"config.projectcalico.org/SomeNewParam":"42"}},"spec":{"logSeverityScreen":"Info","reportingInterval":"0s","bpfLogLevel":"","floatingIPs":"Disabled","ipipEnabled":true}})json"},
      {Key::Block(*net::Cidr::Parse("10.77.3.0/29")),
       R"json({"cidr":"10.77.3.0/29","affinity":"host:rack1-host7","affinity_claim_time":"2026-03-02T10:00:05Z","allocations":[null,null,null,null,null,1,0,null],"unallocated":[0,1,2,3,4,7],"attributes":[{"handle_id":"ipip-tunnel-addr-rack1-host7","secondary":{"node":"rack1-host7","type":"ipipTunnelAddress"}},{"handle_id":"k8s-pod-network.13374","secondary":{"namespace":"shop","pod":"web-0"},"alternateOwnerAttrs":{"namespace":"shop"}}],"sequenceNumber":1772445605123456791,"sequenceNumberForAllocation":{"5":1772445605123456790,"6":1772445605123456789},"deleted":false})json"},
      {Key::Block(*net::Cidr::Parse("fd00:77::/127")),
       R"json({"cidr":"fd00:77::/127","affinity":null,"allocations":[0,null],"unallocated":[1],"attributes":[{}],"sequenceNumber":7,"sequenceNumberForAllocation":{},"deleted":false})json"},
      {Key::Affinity("rack1-host7", *net::Cidr::Parse("10.77.3.0/26")),
       R"json({"state":"pendingDeletion","deleted":false})json"},
      {Key::Handle("k8s-pod-network.13374"),
       R"json({"block":{"10.77.3.0/26":1,"fd00:77::/122":1},"deleted":false})json"},
      {Key::Resource(Kind::kIpamConfig, ""),
       R"json({"auto_allocate_blocks":true,"kubeVirtVMAddressPersistence":"Enabled"})json"},
      {Key::Resource(Kind::kIpamConfig, ""), R"json({"strict_affinity":true,"maxBlocksPerHost":4})json"},
      {Key::Resource(Kind::kDockerNetwork, "5f1c"), R"json({"name":"net1"})json"},
  };
}

TEST(StoredJson, IsTheReferencesByteForByte) {
  for (const Golden& golden : Goldens()) {
    const auto object = DecodeValue(golden.key, golden.stored);
    ASSERT_TRUE(object.has_value()) << object.error().message();
    EXPECT_EQ(EncodeValue(golden.key, *object), golden.stored);
  }
}

TEST(StoredJson, FillsTheTypedMembers) {
  const auto goldens = Goldens();
  const auto node = Decoded<Node>(goldens[2].key, goldens[2].stored);
  EXPECT_EQ(node.bgp->ipv4_address, "10.20.0.7/24");
  EXPECT_EQ(node.addresses.at(0), (NodeAddress{"10.20.0.7/24", "CalicoNodeIP"}));
  EXPECT_EQ(node.metadata.labels.at("rack"), "r1");
  const auto endpoint = Decoded<WorkloadEndpoint>(goldens[3].key, goldens[3].stored);
  EXPECT_THAT(endpoint.ip_networks, ElementsAre("10.77.3.5/32", "fd00:77::5/128"));
  EXPECT_EQ(endpoint.ports.at(0), (EndpointPort{"http", "TCP", 8080, 0, ""}));
  const auto block = Decoded<IpamBlock>(goldens[9].key, goldens[9].stored);
  EXPECT_EQ(block.affinity, "host:rack1-host7");
  EXPECT_EQ(block.allocations.at(5), 1);
  EXPECT_EQ(block.allocations.at(0), std::nullopt);
  EXPECT_EQ(block.sequence_number_for_allocation.at("5"), 1772445605123456790u);
  EXPECT_TRUE(block.unknown.empty());
}

TEST(StoredJson, WritesAnUnsetTimeAsNullBeforeTheLabels) {
  BGPPeer peer;
  peer.metadata.name = "p";
  peer.metadata.resource_version = "17";  // lives in the store only (A.3.3)
  peer.metadata.labels = {{"b", "2"}, {"a", "1"}};
  peer.peer_ip = "10.0.0.1";
  EXPECT_EQ(
      EncodeValue(KeyOf(peer), peer),
      R"({"kind":"BGPPeer","apiVersion":"projectcalico.org/v3","metadata":{"name":"p","creationTimestamp":null,)"
      R"("labels":{"a":"1","b":"2"}},"spec":{"peerIP":"10.0.0.1"}})");
}

TEST(StoredJson, EscapesLikeGo) {
  BGPPeer peer;
  peer.metadata.name = "p";
  peer.node_selector = "a == 'b' && c != \"<\xe2\x80\xa8>\" || bad(\xff)";
  const std::string stored = EncodeValue(KeyOf(peer), peer);
  EXPECT_THAT(stored, HasSubstr(R"("a == 'b' \u0026\u0026 c != \"\u003c\u2028\u003e\" || bad()"));
  peer.node_selector = "a == 'b' && c == '<>'";
  EXPECT_EQ(Decoded<BGPPeer>(KeyOf(peer), EncodeValue(KeyOf(peer), peer)), peer);
  // Readers take the plain characters as well (A.3.4).
  EXPECT_EQ(Decoded<BGPPeer>(KeyOf(peer),
                             R"({"metadata":{"name":"p"},"spec":{"nodeSelector":"a == 'b' && c == '<>'"}})"),
            peer);
}

TEST(StoredJson, WritesPortsAndProtocolsInTheirThreeForms) {
  Profile profile;
  profile.metadata.name = "p";
  Rule rule;
  rule.action = "Deny";
  rule.protocol = "6";
  rule.not_protocol = "UDPLite";
  rule.icmp = IcmpMatch{8, 0};
  rule.destination.ports = {net::PortRange{80, 80}, net::PortRange{8000, 8080}, std::string("http")};
  profile.ingress = {rule};
  const std::string stored = EncodeValue(KeyOf(profile), profile);
  EXPECT_THAT(
      stored,
      HasSubstr(
          R"({"action":"Deny","protocol":6,"icmp":{"type":8,"code":0},"notProtocol":"UDPLite","source":{},"destination":{"ports":[80,"8000:8080","http"]}})"));
  EXPECT_EQ(Decoded<Profile>(KeyOf(profile), stored), profile);
}

}  // namespace
}  // namespace calico::model
