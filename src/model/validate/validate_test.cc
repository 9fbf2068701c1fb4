// SPDX-License-Identifier: Apache-2.0
#include "model/validate/validate.h"

#include <functional>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::model {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

template <typename T>
struct Broken {
  std::function<void(T&)> breaks;
  std::string field;
  std::string reason;  // part of it
};

template <typename T>
void ExpectRefused(const T& sound, const std::vector<Broken<T>>& cases) {
  const Status accepted = Validate(sound);
  EXPECT_TRUE(accepted.has_value()) << accepted.error().message();
  for (const Broken<T>& c : cases) {
    T object = sound;
    c.breaks(object);
    const Status status = Validate(object);
    ASSERT_FALSE(status.has_value()) << c.field << ": " << c.reason;
    EXPECT_EQ(status.error().code(), ErrorCode::kInvalidArgument);
    EXPECT_THAT(status.error().message(), AllOf(HasSubstr(c.field), HasSubstr(c.reason)));
  }
}

IPPool SoundPool() {
  IPPool pool;
  pool.metadata.name = "pool-a";
  pool.cidr = "10.77.0.0/16";
  Object object = pool;
  EXPECT_TRUE(ApplyDefaults(object, nullptr).has_value());
  return std::get<IPPool>(object);
}

// Reference datastore-model C.6.1.
TEST(ApplyDefaults, FillsAPool) {
  const IPPool pool = SoundPool();
  EXPECT_EQ(pool.block_size, 26);
  EXPECT_EQ(pool.node_selector, "all()");
  EXPECT_EQ(pool.allowed_uses, (std::vector<std::string>{"Workload", "Tunnel"}));
  EXPECT_EQ(pool.assignment_mode, "Automatic");
  EXPECT_EQ(pool.ipip_mode, "Never");
  EXPECT_EQ(pool.vxlan_mode, "Never");
  IPPool v6_pool;
  v6_pool.cidr = "FD00:0::/48";
  Object v6 = v6_pool;
  ASSERT_TRUE(ApplyDefaults(v6, nullptr).has_value());
  EXPECT_EQ(std::get<IPPool>(v6).cidr, "fd00::/48");
  EXPECT_EQ(std::get<IPPool>(v6).block_size, 122);
}

std::string PoolError(const std::string& cidr, const std::function<void(IPPool&)>& change = {},
                      const Object* old = nullptr) {
  IPPool pool;
  pool.cidr = cidr;
  if (change) change(pool);
  Object object = pool;
  const Status status = ApplyDefaults(object, old);
  return status.has_value() ? "" : status.error().message();
}

TEST(ApplyDefaults, RefusesPoolsInTheReferencesWords) {
  const std::string small =
      "IP pool size is too small for use with Calico IPAM. It must be equal to or greater than the block "
      "size.";
  EXPECT_EQ(PoolError(""), "error with field IPPool.Spec.CIDR (IPPool CIDR must be specified)");
  EXPECT_EQ(PoolError("10.0.0.0"),
            "error with field IPPool.Spec.CIDR = '10.0.0.0' (IPPool CIDR must be a valid subnet)");
  EXPECT_EQ(PoolError("10.0.0.1/8"),
            "error with field IPPool.Spec.CIDR = '10.0.0.1/8' (IPPool CIDR is not strictly masked)");
  EXPECT_EQ(PoolError("10.0.0.0/27"), "error with field IPPool.Spec.CIDR = '10.0.0.0/27' (" + small + ")");
  EXPECT_EQ(PoolError("10.0.0.0/27", [](IPPool& p) { p.disabled = true; }), "");
  EXPECT_EQ(PoolError("10.0.0.0/27", [](IPPool& p) { p.block_size = 27; }), "");
  EXPECT_THAT(PoolError("10.0.0.0/8", [](IPPool& p) { p.block_size = 33; }),
              HasSubstr("IPPool.Spec.BlockSize = '33' (IPv4 block size must be between 20 and 32)"));
  EXPECT_THAT(PoolError("fd00::/64", [](IPPool& p) { p.block_size = 26; }),
              HasSubstr("IPPool.Spec.BlockSize = '26' (IPv6 block size must be between 116 and 128)"));
  EXPECT_THAT(PoolError("fd00::/64", [](IPPool& p) { p.ipip_mode = "Always"; }),
              HasSubstr("IPPool.Spec.IPIPMode = 'Always' (IPIP is not supported on an IPv6 IP pool)"));
  EXPECT_THAT(PoolError("10.0.0.0/8", [](IPPool& p) { p.ipip_mode = p.vxlan_mode = "Always"; }),
              HasSubstr("Cannot enable both VXLAN and IPIP on the same IPPool"));
  EXPECT_THAT(PoolError("169.254.7.0/24"), HasSubstr("overlaps with IPv4 Link Local range 169.254.0.0/16"));
  EXPECT_THAT(PoolError("fe80::/64"), HasSubstr("overlaps with IPv6 Link Local range fe80::/10"));
}

TEST(ApplyDefaults, KeepsNetworkAndBlockSizeOfAStoredPool) {
  const Object old = SoundPool();
  EXPECT_EQ(PoolError("10.77.0.0/16", {}, &old), "");
  EXPECT_THAT(PoolError("10.78.0.0/16", {}, &old),
              HasSubstr("IPPool.Spec.CIDR = '10.78.0.0/16' (IPPool CIDR cannot be modified)"));
  EXPECT_THAT(PoolError(
                  "10.77.0.0/16", [](IPPool& p) { p.block_size = 28; }, &old),
              HasSubstr("IPPool.Spec.BlockSize = '28' (IPPool BlockSize cannot be modified)"));
}

TEST(ApplyDefaults, NamesAndLabelsAnEndpoint) {
  WorkloadEndpoint endpoint;
  endpoint.metadata.ns = "shop";
  endpoint.node = "rack1-host7";
  endpoint.orchestrator = "k8s";
  endpoint.pod = "web-0";
  endpoint.endpoint = "eth0";
  Object object = endpoint;
  ASSERT_TRUE(ApplyDefaults(object, nullptr).has_value());
  EXPECT_EQ(std::get<WorkloadEndpoint>(object).metadata.name, "rack1--host7-k8s-web--0-eth0");
  EXPECT_EQ(std::get<WorkloadEndpoint>(object).metadata.labels.at("projectcalico.org/namespace"), "shop");
  endpoint.metadata.name = "other";
  object = endpoint;
  const Status status = ApplyDefaults(object, nullptr);
  ASSERT_FALSE(status.has_value());
  EXPECT_THAT(status.error().message(), HasSubstr("expected name rack1--host7-k8s-web--0-eth0"));
}

TEST(Validate, ChecksPools) {
  ExpectRefused<IPPool>(
      SoundPool(),
      {{[](IPPool& p) { p.metadata.name = "Pool_A"; }, "Metadata.Name = 'Pool_A'",
        "name must consist of lower case"},
       {[](IPPool& p) { p.metadata.name = std::string(300, 'a'); }, "Metadata.Name",
        "name is too long by 47 bytes"},
       {[](IPPool& p) { p.metadata.labels["-"] = ""; }, "Metadata.Labels (label) = '-'", ""},
       {[](IPPool& p) { p.metadata.labels["a"] = "b c"; }, "Metadata.Labels (value) = 'b c'", ""},
       {[](IPPool& p) { p.metadata.annotations["a b"] = ""; }, "Metadata.Annotations (key) = 'a b'", ""},
       {[](IPPool& p) { p.metadata.annotations["a"] = std::string(262144, 'x'); }, "Metadata.Annotations",
        "too large by 1 bytes"},
       {[](IPPool& p) { p.ipip_mode = "always"; }, "IPIPMode = 'always'", "because of Tag: ipIpMode "},
       {[](IPPool& p) { p.vxlan_mode = "Yes"; }, "VXLANMode", "vxlanMode"},
       {[](IPPool& p) { p.assignment_mode = "auto"; }, "AssignmentMode", "assignmentMode"},
       {[](IPPool& p) { p.allowed_uses = {"Pods"}; }, "AllowedUses = 'Pods'", "allowedUses"},
       {[](IPPool& p) { p.node_selector = "a =="; }, "NodeSelector = 'a =='", "expected string"},
       {[](IPPool& p) { p.node_selector = "global()"; }, "NodeSelector", "global()"},
       {[](IPPool& p) { p.namespace_selector = "has(a)"; }, "NamespaceSelector", "Tunnel"},
       {[](IPPool& p) {
          p.allowed_uses = {"LoadBalancer", "Workload"};
        },
        "AllowedUses", "cannot be combined"}});
}

TEST(Validate, ReportsEveryFieldAtOnce) {
  IPPool pool = SoundPool();
  pool.ipip_mode = "x";
  pool.vxlan_mode = "y";
  EXPECT_EQ(Validate(pool).error().message(),
            "error with the following fields:\n"
            "-  IPIPMode = 'x' (Reason: failed to validate Field: IPIPMode because of Tag: ipIpMode )\n"
            "-  VXLANMode = 'y' (Reason: failed to validate Field: VXLANMode because of Tag: vxlanMode )");
}

TEST(Validate, ChecksNodes) {
  Node node;
  node.metadata.name = "h1";
  node.bgp.emplace().ipv4_address = "10.0.0.7/24";
  node.addresses = {{"10.0.0.7/24", "CalicoNodeIP"}, {"10.0.0.7", "InternalIP"}};
  ExpectRefused<Node>(
      node, {{[](Node& n) { n.bgp = NodeBgp{}; }, "Spec.BGP", "Spec.BGP should not be empty"},
             {[](Node& n) { n.bgp->ipv4_address = "fd00::1/64"; }, "IPv4Address = 'fd00::1/64'", "cidrv4"},
             {[](Node& n) { n.bgp->ipv6_address = "10.0.0.1"; }, "IPv6Address", "cidrv6"},
             {[](Node& n) { n.bgp->ipv4_ipip_tunnel_addr = "x"; }, "IPv4IPIPTunnelAddr", "ipv4"},
             {[](Node& n) { n.bgp->route_reflector_cluster_id = "7"; }, "RouteReflectorClusterID", "ipv4"},
             {[](Node& n) { n.addresses[0].address = "host"; }, "Address = 'host'", "net"},
             {[](Node& n) { n.addresses[0].type = "Pod"; }, "Type = 'Pod'", "ipType"}});
}

TEST(Validate, ChecksEndpoints) {
  WorkloadEndpoint endpoint;
  endpoint.metadata.name = "h1-libnetwork-libnetwork-e1";
  endpoint.orchestrator = endpoint.workload = "libnetwork";
  endpoint.node = "h1";
  endpoint.endpoint = "e1";
  endpoint.interface_name = "cali0ef24ba4d1f";
  endpoint.mac = "ee:ee:ee:ee:ee:ee";
  endpoint.ip_networks = {"10.0.0.1/32", "fd00::1"};
  endpoint.ports = {{"http", "TCP", 80, 0, ""}};
  using E = WorkloadEndpoint;
  ExpectRefused<E>(
      endpoint,
      {{[](E& e) { e.interface_name = ""; }, "InterfaceName", "required"},
       {[](E& e) { e.interface_name = "bad name!"; }, "InterfaceName = 'bad name!'",
        "Reason: failed to validate Field: InterfaceName because of Tag: interface "},
       {[](E& e) { e.interface_name = "cali0123456789abc"; }, "InterfaceName", "interface"},
       {[](E& e) { e.node = "H1"; }, "Node = 'H1'", "name"},
       {[](E& e) { e.endpoint = "E_1"; }, "Endpoint = 'E_1'", "name"},
       {[](E& e) { e.container_id = "a_b"; }, "ContainerID = 'a_b'", "containerID"},
       {[](E& e) { e.ip_networks = {"10.0.0.0/24"}; }, "IPNetworks",
        "IP network contains multiple addresses"},
       {[](E& e) { e.ip_networks = {"x"}; }, "IPNetworks = 'x'", "net"},
       {[](E& e) { e.ipv4_gateway = "fe80::1"; }, "IPv4Gateway", "ipv4"},
       {[](E& e) {
          e.profiles = {"a", "B"};
        },
        "Profiles = 'B'", "name"},
       {[](E& e) { e.mac = "ee:ee"; }, "MAC = 'ee:ee'", "mac"},
       {[](E& e) { e.ports[0].port = 0; }, "EndpointPort.Port = '0'", "between 1 and 65535"},
       {[](E& e) { e.ports[0].protocol = "ICMP"; }, "EndpointPort.Protocol = 'ICMP'", "must support ports"},
       {[](E& e) { e.ports[0].name = ""; }, "EndpointPort.Name",
        "must not be empty if no HostPort is specified"}});
}

TEST(Validate, ChecksBgp) {
  BGPPeer peer;
  peer.metadata.name = "tor-a";
  peer.peer_ip = "[fd00::1]:1179";
  using P = BGPPeer;
  ExpectRefused<P>(peer, {{[](P& p) { p.peer_ip = "10.0.0.1:0"; }, "PeerIP = '10.0.0.1:0'", "IP:port"},
                          {[](P& p) { p.peer_ip = "fd00::1]:179"; }, "PeerIP", "IP:port"},
                          {[](P& p) {
                             p.node = "a";
                             p.node_selector = "all()";
                           },
                           "Node", "Node field must be empty when NodeSelector"},
                          {[](P& p) { p.peer_selector = "all()"; }, "PeerIP",
                           "PeerIP field must be empty when PeerSelector"},
                          {[](P& p) {
                             p.peer_selector = "all()";
                             p.as_number = 7;
                           },
                           "ASNumber = '7'", "ASNumber field must be empty"}});
  BGPConfiguration configuration;
  configuration.metadata.name = "node.h1";
  configuration.log_severity_screen = "Info";
  using C = BGPConfiguration;
  ExpectRefused<C>(
      configuration,
      {{[](C& c) { c.log_severity_screen = "info"; }, "LogSeverityScreen = 'info'", "logLevel"},
       {[](C& c) { c.node_to_node_mesh_enabled = true; }, "NodeToNodeMeshEnabled",
        "Cannot set nodeToNodeMeshEnabled on a non default BGP Configuration."},
       {[](C& c) { c.as_number = 1; }, "ASNumber", "Cannot set ASNumber on a non default BGP Configuration."},
       {[](C& c) { c.listen_port = 65536; }, "ListenPort = '65536'", ""}});
}

}  // namespace
}  // namespace calico::model
