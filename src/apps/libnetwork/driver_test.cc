// SPDX-License-Identifier: Apache-2.0
// The calls with the bodies that dockerd 20.10 sends, on a real kernel.
#include "apps/libnetwork/driver.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/libnetwork/testing/driver_fixture.h"
#include "base/text.h"
#include "ipam/allocator.h"
#include "ipam/testing/invariants.h"

namespace calico::libnetwork {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::kEndpoint;
using testing::kNetwork;
using testing::kOtherNetwork;
using testing::kSecondEndpoint;
using ::testing::SizeIs;
using ::testing::StartsWith;
using ::testing::StrEq;

class DriverTest : public testing::DriverFixture {};

TEST_F(DriverTest, AnswersActivationAsDocumented) {
  EXPECT_EQ(Call("Plugin.Activate", "").body, R"({"Implements":["NetworkDriver"]})");
  EXPECT_EQ(Network("GetCapabilities", ""), R"({"Scope":"local"})");
  EXPECT_EQ(Ipam("GetDefaultAddressSpaces", ""),
            R"({"LocalDefaultAddressSpace":"CalicoLocalAddressSpace",)"
            R"("GlobalDefaultAddressSpace":"CalicoGlobalAddressSpace"})");
  EXPECT_EQ(Ipam("GetCapabilities", ""), R"({"RequiresMACAddress":false})");
  EXPECT_EQ(Call("NetworkDriver.Unheard", "{}").status, 404);
}

TEST_F(DriverTest, AnswersCallsThatMustNotFail) {
  for (const char* method : {"ProgramExternalConnectivity", "RevokeExternalConnectivity", "DiscoverNew",
                             "DiscoverDelete", "DeleteNetwork", "AllocateNetwork", "FreeNetwork"}) {
    EXPECT_EQ(Network(method, "not even JSON"), "{}") << method;
  }
  EXPECT_EQ(Network("EndpointOperInfo", IdsBody()), R"({"Value":{}})");
}

TEST_F(DriverTest, CreatesANetworkOnCalicoPools) {
  EXPECT_EQ(
      Ipam("RequestPool",
           R"({"AddressSpace":"CalicoGlobalAddressSpace","Pool":"","SubPool":"","Options":{},"V6":false})"),
      R"({"PoolID":"CalicoPoolIPv4","Pool":"0.0.0.0/0","Data":{"com.docker.network.gateway":"0.0.0.0/0"}})");
  EXPECT_EQ(Ipam("RequestPool", R"({"Pool":"","SubPool":"","Options":{},"V6":true})"),
            R"({"PoolID":"CalicoPoolIPv6","Pool":"::/0","Data":{"com.docker.network.gateway":"::/0"}})");
  EXPECT_EQ(
      Network(
          "CreateNetwork",
          R"({"NetworkID":"N","Options":{"com.docker.network.enable_ipv6":true,"com.docker.network.generic":{}},)"
          R"("IPv4Data":[{"AddressSpace":"CalicoGlobalAddressSpace","Gateway":"0.0.0.0/0","Pool":"0.0.0.0/0"}],)"
          R"("IPv6Data":[{"AddressSpace":"CalicoGlobalAddressSpace","Gateway":"::/0","Pool":"::/0"}]})"),
      "{}");
}

TEST_F(DriverTest, TakesASubnetOnlyIfItIsAPool) {
  AddPool("pool", "192.168.0.0/16");
  EXPECT_EQ(Ipam("RequestPool", R"({"Pool":"192.168.0.0/16","Options":{}})"),
            R"({"PoolID":"192.168.0.0/16","Pool":"192.168.0.0/16",)"
            R"("Data":{"com.docker.network.gateway":"0.0.0.0/0"}})");
  EXPECT_EQ(IpamError("RequestPool", R"({"Pool":"10.9.0.0/16"})"),
            "The requested subnet must match the CIDR of a configured Calico IP Pool. 10.9.0.0/16 is none: "
            "create that pool with calicoctl, or use one of 192.168.0.0/16.");
  EXPECT_EQ(IpamError("RequestPool", R"({"Pool":"ten"})"), "Invalid CIDR");
  EXPECT_EQ(IpamError("RequestPool", R"({"Pool":"","Options":{"a":"b"}})"),
            "Arbitrary options are not supported. Leave --ipam-opt out; --subnet says which pool.");
  EXPECT_THAT(IpamError("RequestPool", R"({"Pool":"","SubPool":"10.0.0.0/24"})"),
              StartsWith("Calico IPAM does not support sub pool configuration on 'docker create network'."));
}

TEST_F(DriverTest, RefusesNetworkOptionsByName) {
  EXPECT_EQ(NetworkError("CreateNetwork", R"({"Options":{"com.docker.network.generic":{"color":"red"}}})"),
            "Calico driver does not support the flag color (red). Create the network without it.");
  EXPECT_EQ(NetworkError("CreateNetwork", R"({"Options":{"com.docker.network.generic":{"b":"2","a":"1"}}})"),
            "Calico driver does not support the flags a (1), b (2). Create the network without them.");
  EXPECT_EQ(NetworkError("CreateNetwork", R"({"Options":{"com.docker.network.internal":true}})"),
            "Calico driver does not support the flag com.docker.network.internal (true). Create the "
            "network without --internal; a policy says who may reach the outside.");
  EXPECT_EQ(
      NetworkError("CreateNetwork", R"({"IPv4Data":[{"Gateway":"172.18.0.1/16","Pool":"172.18.0.0/16"}]})"),
      "Non-Calico IPAM driver is used. Note: Docker before 1.12.3 is unsupported. Create the network with "
      "--ipam-driver calico-ipam.");
  EXPECT_EQ(NetworkError("CreateNetwork", R"({"IPv4Data":[],"IPv6Data":[{"AddressSpace":"LocalDefault"}]})"),
            "Non-Calico IPAM driver is used. Create the network with --ipam-driver calico-ipam.");
}

TEST_F(DriverTest, GivesAddressesThatBelongToThisNode) {
  AddPool("pool", "192.168.0.0/16");
  const std::string ip = TakeAddress();
  EXPECT_THAT(ip, StartsWith("192.168."));
  const auto attribute = ipam::ReadAllocation(store(), clock(), net::Ip::Parse(ip).value());
  ASSERT_TRUE(attribute.has_value() && attribute->has_value());
  EXPECT_EQ((*attribute)->secondary.at("node"), "calico-node1");
  EXPECT_EQ((*attribute)->secondary.at("type"), "libnetwork");
  EXPECT_EQ(Ipam("ReleaseAddress", R"({"PoolID":"CalicoPoolIPv4","Address":")" + ip + R"("})"), "{}");
  EXPECT_EQ(HandleOf(ip), "");
  for (const char* address : {"0.0.0.0", "::", "10.1.2.3"}) {
    EXPECT_EQ(Ipam("ReleaseAddress", std::string(R"({"Address":")") + address + R"("})"), "{}");
  }
}

TEST_F(DriverTest, SaysWhyThereIsNoAddress) {
  EXPECT_EQ(IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":""})"),
            "IP assignment error: No configured Calico pools for IPv4: create one with calicoctl.");
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv6","Address":""})"),
      "IP assignment error: No configured Calico pools for IPv6: create one with calicoctl, or a network "
      "without --ipv6.");
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"10.9.0.0/16","Address":""})"),
      "The network references a Calico pool which has been deleted. Please re-instate the Calico pool before "
      "using the network. Its CIDR is 10.9.0.0/16.");
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":"10.0.0.1",)"
                                  R"("Options":{"RequestAddressType":"com.docker.network.gateway"}})"),
      "Calico IPAM does not support specifying a gateway. Leave --gateway out: the host itself is every "
      "container's gateway.");
  AddPool("pool", "10.65.0.0/26");
  for (int i = 0; i < 64; ++i) TakeAddress();
  EXPECT_EQ(IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":""})"),
            "Unexpected number of assigned IP addresses. A single address should be assigned. Got []: no "
            "address left in pools: 10.65.0.0/26; remove containers, or create another pool with calicoctl.");
  EXPECT_THAT(IpamError("RequestAddress", R"({"PoolID":"10.65.0.0/26","Address":""})"),
              HasSubstr("; remove containers, or use a network on another pool."));
  EXPECT_THAT(
      IpamError("RequestAddress", R"({"PoolID":"10.65.0.0/26","Address":"10.65.0.7"})"),
      StrEq("IP assignment error, data: {IP:10.65.0.7}: Address already assigned in block: no container "
            "has it; choose another, or free it with calicoctl ipam release --ip=10.65.0.7."));
  Network("CreateEndpoint", EndpointBody("10.65.0.7"));
  EXPECT_THAT(
      IpamError("RequestAddress", R"({"PoolID":"10.65.0.0/26","Address":"10.65.0.7"})"),
      HasSubstr("in block: a container on calico-node1 has it; choose another, or remove that container."));
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"10.65.0.0/26","Address":"10.66.0.7"})"),
      "IP assignment error, data: {IP:10.66.0.7}: the network's subnet is 10.65.0.0/26; choose an address "
      "in it.");
  EXPECT_EQ(IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":"10.66.0.7"})"),
            "IP assignment error, data: {IP:10.66.0.7}: The provided IP address is not in a configured pool");
}

TEST_F(DriverTest, SaysWhatKeepsAPoolFromGivingAddresses) {
  AddPool("pool", "10.65.0.0/26", [](model::IPPool& pool) { pool.disabled = true; });
  EXPECT_EQ(
      IpamError("RequestPool", R"({"Pool":"10.65.0.0/26"})"),
      "The requested subnet must match the CIDR of a configured Calico IP Pool. 10.65.0.0/26 is a pool and "
      "disabled: enable it with calicoctl.");
  EXPECT_EQ(IpamError("RequestAddress", R"({"PoolID":"10.65.0.0/26","Address":""})"),
            "The network references a Calico pool which has been disabled. Please enable 10.65.0.0/26 with "
            "calicoctl before using the network.");
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":""})"),
      "IP assignment error: No configured Calico pools for IPv4 are enabled: enable one of 10.65.0.0/26 "
      "with calicoctl.");
  AddPool("other", "10.66.0.0/26", [](model::IPPool& pool) { pool.node_selector = "rack == '2'"; });
  EXPECT_EQ(
      IpamError("RequestAddress", R"({"PoolID":"CalicoPoolIPv4","Address":""})"),
      "IP assignment error: No configured Calico pools for IPv4 serve containers of node calico-node1: look "
      "at nodeSelector, assignmentMode and allowedUses of 10.66.0.0/26, or create another pool with "
      "calicoctl.");
}

TEST_F(DriverTest, StoresAnEndpointUnderTheNetworksName) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  const std::string ip = TakeAddress();
  EXPECT_EQ(Network("CreateEndpoint", EndpointBody(ip)),
            R"({"Interface":{"MacAddress":"EE:EE:EE:EE:EE:EE"}})");
  ASSERT_THAT(Endpoints(), SizeIs(1));
  const model::WorkloadEndpoint endpoint = Endpoints()[0];
  EXPECT_EQ(endpoint.metadata.name, "calico--node1-libnetwork-libnetwork-" + kEndpoint);
  EXPECT_EQ(endpoint.metadata.ns, "default");
  EXPECT_EQ(endpoint.interface_name, "cali369515cb37e");
  EXPECT_EQ(endpoint.mac, "ee:ee:ee:ee:ee:ee");
  EXPECT_THAT(endpoint.ip_networks, ElementsAre(ip + "/32"));
  EXPECT_THAT(endpoint.profiles, ElementsAre("net1"));
  EXPECT_THAT(Profiles(), ElementsAre("net1"));
  EXPECT_EQ(HandleOf(ip), "libnetwork." + kEndpoint);
  EXPECT_THAT(ipam::testing::CheckQuiescent(store(), {}), IsEmpty());
}

TEST_F(DriverTest, TakesTheSameEndpointTwiceButNotAnother) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  const std::string ip = TakeAddress();
  Network("CreateEndpoint", EndpointBody(ip));
  EXPECT_EQ(Network("CreateEndpoint", EndpointBody(ip)),
            R"({"Interface":{"MacAddress":"EE:EE:EE:EE:EE:EE"}})");
  const std::string other = TakeAddress();
  const std::string handle = HandleOf(other);
  EXPECT_THAT(NetworkError("CreateEndpoint", EndpointBody(other)),
              StartsWith("Workload endpoints creation error, data: calico--node1-libnetwork-libnetwork-"));
  EXPECT_EQ(HandleOf(other), handle) << "the address went back to what it was";
}

TEST_F(DriverTest, KeepsTheMacOfTheRequest) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  EXPECT_EQ(Network("CreateEndpoint", EndpointBody(TakeAddress(), kEndpoint, "", "02:42:AC:11:00:02")),
            R"({"Interface":{"MacAddress":""}})");
  EXPECT_EQ(Endpoints()[0].mac, "02:42:ac:11:00:02");
}

TEST_F(DriverTest, RefusesNonsense) {
  EXPECT_EQ(NetworkError("CreateEndpoint", EndpointBody("")), "No address assigned for endpoint");
  EXPECT_THAT(NetworkError("CreateEndpoint", "[]"), HasSubstr("not a JSON object"));
  EXPECT_THAT(NetworkError("Leave", R"({"NetworkID":"N","EndpointID":"../../x"})"), HasSubstr("EndpointID"));
  EXPECT_THAT(NetworkError("Join", JoinBody()), HasSubstr("resource does not exist"));
}

TEST_F(DriverTest, JoinsWithAVethAndADeviceRoute) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  const std::string ip = TakeAddress();
  Network("CreateEndpoint", EndpointBody(ip));
  EXPECT_EQ(
      Network("Join", JoinBody()),
      R"({"InterfaceName":{"SrcName":"temp369515cb37e","DstPrefix":"cali"},"Gateway":"169.254.1.1",)"
      R"("GatewayIPv6":"","StaticRoutes":[{"Destination":"169.254.1.1/32","RouteType":1,"NextHop":""}],)"
      R"("DisableGatewayService":false})");
  EXPECT_TRUE(HasInterface("cali369515cb37e"));
  EXPECT_TRUE(HasInterface("temp369515cb37e"));
  EXPECT_THAT(waited_for, ElementsAre("cali369515cb37e"));

  EXPECT_EQ(Network("Leave", IdsBody()), "{}");
  EXPECT_FALSE(HasInterface("cali369515cb37e"));
  EXPECT_EQ(Network("DeleteEndpoint", IdsBody()), "{}");
  EXPECT_THAT(Endpoints(), IsEmpty());
  Ipam("ReleaseAddress", R"({"PoolID":"CalicoPoolIPv4","Address":")" + ip + R"("})");
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
  EXPECT_THAT(ipam::testing::CheckQuiescent(store(), {}), IsEmpty());

  EXPECT_EQ(Network("Leave", IdsBody()), "{}") << "all of it again is success";
  EXPECT_EQ(Network("DeleteEndpoint", IdsBody()), "{}");
}

TEST_F(DriverTest, GivesAnIpv6GatewayOnlyToIpv6Endpoints) {
  AddPool("pool4", "192.168.0.0/16");
  AddPool("pool6", "fd80:24e2:f998:72d6::/64");
  NameNetwork(kNetwork, "net1");
  Network("CreateEndpoint", EndpointBody(TakeAddress(), kEndpoint, TakeAddress(true)));
  const std::string answer = Network("Join", JoinBody());
  EXPECT_THAT(answer, HasSubstr(R"("GatewayIPv6":"fe80::)"));
  EXPECT_THAT(answer, HasSubstr(R"(/128","RouteType":1,"NextHop":""}],)"));
}

TEST_F(DriverTest, GivesEachEndpointOfASandboxAGatewayOfItsOwn) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("CreateEndpoint", EndpointBody(TakeAddress(), kSecondEndpoint));
  EXPECT_THAT(Network("Join", JoinBody()), HasSubstr(R"("Gateway":"169.254.1.1")"));
  EXPECT_EQ(
      Network("Join", JoinBody(kSecondEndpoint)),
      R"({"InterfaceName":{"SrcName":"temp77777777777","DstPrefix":"cali"},"Gateway":"169.254.1.2",)"
      R"("GatewayIPv6":"","StaticRoutes":[{"Destination":"169.254.1.2/32","RouteType":1,"NextHop":""}],)"
      R"("DisableGatewayService":false})");
  for (const model::WorkloadEndpoint& endpoint : Endpoints())
    EXPECT_EQ(endpoint.container_id, "5b6abe2037e8");
  // The first leaves, a third comes: the first's gateway is free again.
  Network("Leave", IdsBody());
  Network("DeleteEndpoint", IdsBody());
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  EXPECT_THAT(Network("Join", JoinBody()), HasSubstr(R"("Gateway":"169.254.1.1")"));
}

TEST_F(DriverTest, PutsEachAddressOfAContainerIntoAllItsNetworks) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  NameNetwork(kOtherNetwork, "net2");
  const auto profiles = [&] {
    std::map<std::string, std::vector<std::string>> all;
    for (const model::WorkloadEndpoint& endpoint : Endpoints()) all[endpoint.endpoint] = endpoint.profiles;
    return all;
  };
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("CreateEndpoint",
          ReplaceAll(EndpointBody(TakeAddress(), kSecondEndpoint), kNetwork, kOtherNetwork));
  Network("Join", JoinBody());
  Network("Join", JoinBody(kSecondEndpoint));
  EXPECT_THAT(profiles()[kEndpoint], ElementsAre("net1", "net2"));
  EXPECT_THAT(profiles()[kSecondEndpoint], ElementsAre("net2", "net1"));
  Network("Leave", IdsBody());
  Network("DeleteEndpoint", IdsBody());
  EXPECT_THAT(profiles()[kSecondEndpoint], ElementsAre("net2"));
}

TEST_F(DriverTest, TakesAnEndpointInAnotherSandboxForAlone) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  Network("CreateEndpoint", EndpointBody(TakeAddress(), kSecondEndpoint));
  Network("Join", JoinBody());
  EXPECT_THAT(Network("Join", JoinBody(kSecondEndpoint, "/var/run/docker/netns/other")),
              HasSubstr(R"("Gateway":"169.254.1.1")"));
  for (const model::WorkloadEndpoint& endpoint : Endpoints()) EXPECT_EQ(endpoint.container_id, "");
}

// dockerd was killed: only ReleaseAddress comes (reference docker-and-cni A9.7).
TEST_F(DriverTest, RemovesTheEndpointWhenOnlyItsAddressIsReleased) {
  AddPool("pool", "192.168.0.0/16");
  NameNetwork(kNetwork, "net1");
  const std::string ip = TakeAddress();
  Network("CreateEndpoint", EndpointBody(ip));
  Network("Join", JoinBody());
  Ipam("ReleaseAddress", R"({"Address":")" + ip + R"("})");
  EXPECT_THAT(Endpoints(), IsEmpty());
  EXPECT_FALSE(HasInterface("cali369515cb37e"));
  EXPECT_EQ(HandleOf(ip), "");
}

// A crash came between RequestAddress and what follows; the container with --ip starts again.
TEST_F(DriverTest, GivesARequestedAddressAgainThatNothingUses) {
  AddPool("pool", "10.65.0.0/26");
  NameNetwork(kNetwork, "net1");
  const std::string request = R"({"PoolID":"CalicoPoolIPv4","Address":"10.65.0.7"})";
  Ipam("RequestAddress", request);
  EXPECT_EQ(Ipam("RequestAddress", request), R"({"Address":"10.65.0.7/32","Data":{}})");
  Network("CreateEndpoint", EndpointBody("10.65.0.7"));
  EXPECT_THAT(IpamError("RequestAddress", request), HasSubstr("Address already assigned in block"));
  EXPECT_THAT(NetworkError("CreateEndpoint", EndpointBody("10.65.0.7", kSecondEndpoint)),
              HasSubstr("Address already assigned in block"));
  Network("DeleteEndpoint", IdsBody());  // and no ReleaseAddress
  EXPECT_EQ(Ipam("RequestAddress", request), R"({"Address":"10.65.0.7/32","Data":{}})");
}

TEST_F(DriverTest, GivesARequestedAddressAgainAfterAReboot) {
  AddPool("pool", "10.65.0.0/26");
  NameNetwork(kNetwork, "net1");
  const std::string request = R"({"PoolID":"CalicoPoolIPv4","Address":"10.65.0.7"})";
  Ipam("RequestAddress", request);
  Network("CreateEndpoint", EndpointBody("10.65.0.7"));
  options.boot_id = "next";
  driver = std::make_unique<Driver>(faulty(), clock(), options, nullptr);
  Ipam("RequestAddress", request);
  EXPECT_THAT(Endpoints(), IsEmpty());
}

TEST_F(DriverTest, KeepsTheAddressesOfANetworkFromContainers) {
  AddPool("pool", "10.65.0.0/26");
  const std::string request = R"({"PoolID":"10.65.0.0/26","Address":"10.65.0.9"})";
  Ipam("RequestAddress", request);
  Network("CreateNetwork", R"({"NetworkID":")" + kNetwork +
                               R"(","Options":{},"IPv4Data":[{"Gateway":"0.0.0.0/0",)"
                               R"("Pool":"10.65.0.0/26","AuxAddresses":{"a":"10.65.0.9/32"}}]})");
  EXPECT_THAT(IpamError("RequestAddress", request), HasSubstr("Address already assigned in block"));
  Ipam("ReleaseAddress", R"({"PoolID":"10.65.0.0/26","Address":"10.65.0.9"})");
  EXPECT_THAT(ipam::testing::Allocated(store()), IsEmpty());
}

TEST_F(DriverTest, LeavesAnAddressOfAnotherNodeAlone) {
  AddPool("pool", "192.168.0.0/16");
  const std::string ip = TakeAddress();
  ipam::Allocator allocator(store(), clock(), "other");
  ASSERT_TRUE(
      allocator.SetOwner(net::Ip::Parse(ip).value(), {"libnetwork.x", {{"node", "other"}}}).has_value());
  Ipam("ReleaseAddress", R"({"Address":")" + ip + R"("})");
  EXPECT_EQ(HandleOf(ip), "libnetwork.x");
}

TEST_F(DriverTest, UsesNoProfileWhenProfilesAreOff) {
  options.create_profiles = false;
  driver = std::make_unique<Driver>(faulty(), clock(), options, nullptr);
  AddPool("pool", "192.168.0.0/16");
  Network("CreateEndpoint", EndpointBody(TakeAddress()));
  EXPECT_THAT(Endpoints()[0].profiles, IsEmpty());
  EXPECT_THAT(Profiles(), IsEmpty());
}

Environment Variables(std::map<std::string, std::string> variables) {
  return Environment(std::move(variables));
}

TEST(LibnetworkOptions, LabelEndpointsOnlyWhenToldTrue) {
  for (const auto& [text, wanted] :
       std::map<std::string, bool>{{"true", true}, {"True", true}, {"1", false}, {"", false}}) {
    const auto options =
        OptionsFromEnvironment(Variables({{"CALICO_LIBNETWORK_LABEL_ENDPOINTS", text}}), "n");
    ASSERT_TRUE(options.has_value());
    EXPECT_EQ(options->label_endpoints, wanted) << text;
    EXPECT_EQ(options->label_timeout, std::chrono::seconds(5));
  }
  const std::string variable = "CALICO_LIBNETWORK_LABEL_POLL_TIMEOUT";
  EXPECT_EQ(OptionsFromEnvironment(Variables({{variable, "1m30s"}}), "n")->label_timeout,
            std::chrono::seconds(90));
  for (const char* bad : {"5", "soon", "-1s", "0s"}) {
    const auto refused = OptionsFromEnvironment(Variables({{variable, bad}}), "n");
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_THAT(refused.error().message(), HasSubstr(variable + " is '" + bad + "'"));
  }
}

TEST(LibnetworkOptions, ComeFromTheEnvironment) {
  const auto options = OptionsFromEnvironment(Variables({{"CALICO_LIBNETWORK_IFPREFIX", "eth"},
                                                         {"CALICO_LIBNETWORK_CREATE_PROFILES", "False"},
                                                         {"CALICO_LIBNETWORK_VETH_MTU", "1440"}}),
                                              "node-a");
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->node_name, "node-a");
  EXPECT_EQ(options->interface_prefix, "eth");
  EXPECT_FALSE(options->create_profiles);
  EXPECT_EQ(options->veth_mtu_bytes, 1440);
  for (const char* bad : {"abc", "70000", "-1", "14x"}) {
    const auto refused = OptionsFromEnvironment(Variables({{"CALICO_LIBNETWORK_VETH_MTU", bad}}), "n");
    ASSERT_FALSE(refused.has_value()) << bad;
    EXPECT_THAT(refused.error().message(), HasSubstr("CALICO_LIBNETWORK_VETH_MTU"));
    EXPECT_THAT(refused.error().message(), HasSubstr(bad));
  }
}

TEST(LibnetworkOptions, HaveDefaults) {
  const auto options = OptionsFromEnvironment(Variables({}), "node-a");
  ASSERT_TRUE(options.has_value());
  EXPECT_EQ(options->interface_prefix, "cali");
  EXPECT_TRUE(options->create_profiles);
  EXPECT_EQ(options->veth_mtu_bytes, 0) << "what fits";
  EXPECT_EQ(options->docker_endpoint, "unix:///var/run/docker.sock");
}

TEST(LibnetworkOptions, SayWhatAPrefixAndADockerHostMayBe) {
  const auto refusal = [](const std::string& name, const std::string& value) {
    return OptionsFromEnvironment(Variables({{name, value}}), "n").error().message();
  };
  for (const char* bad : {"cali-", "thirteenchars", "a b", "a/b"})
    EXPECT_EQ(refusal("CALICO_LIBNETWORK_IFPREFIX", bad),
              "CALICO_LIBNETWORK_IFPREFIX='" + std::string(bad) +
                  "': use up to 12 letters and digits such as cali");
  EXPECT_EQ(refusal("DOCKER_HOST", "ssh://me@there"),
            "DOCKER_HOST='ssh://me@there': use unix:///PATH or tcp://HOST:PORT");
  const auto endpoint = [](const std::string& host) {
    return OptionsFromEnvironment(Variables({{"DOCKER_HOST", host}}), "n")->docker_endpoint;
  };
  EXPECT_EQ(endpoint("unix:///run/d.sock"), "unix:///run/d.sock");
  EXPECT_EQ(endpoint("tcp://127.0.0.1:2375"), "http://127.0.0.1:2375");
}

}  // namespace
}  // namespace calico::libnetwork
