// SPDX-License-Identifier: Apache-2.0
// What IP, IP6, AS and the rest of a start's variables do to the Node; the rest is in startup_test.cc.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apps/node/startup.h"
#include "datastore/resources.h"
#include "datastore/testing/fake_client.h"

namespace calico::node {
namespace {

using datastore::Resources;
using model::Key;
using model::Kind;
using ::testing::HasSubstr;
using Variables = std::map<std::string, std::string>;

class StartupSettings : public ::testing::Test {
 protected:
  StartupSettings() {
    kernel::Link link;
    link.ifindex = 2;
    link.name = "eth0";
    host_.links = {link};
    host_.addresses = {{2, *net::Cidr::Parse("10.20.0.7/24")}, {2, *net::Cidr::Parse("fd00:20::7/64")}};
  }
  Status Run(Variables variables = {}, const std::string& node = "node1") {
    variables.emplace("NO_DEFAULT_POOLS", "true");
    const Environment environment(variables);
    const SourceTowards nowhere = [](const std::string& destination, net::Family) -> Result<net::Ip> {
      return Error(ErrorCode::kNotFound, "no route to " + destination);
    };
    const auto choices = RunStartup({environment, store_, clock_, host_, nowhere, node, "v9"});
    return choices.has_value() ? Ok() : Status(choices.error());
  }
  std::string Failure(const Variables& variables, const std::string& node = "node1") {
    const Status status = Run(variables, node);
    return status.has_value() ? "" : status.error().message();
  }
  model::Node Node(const std::string& name = "node1") {
    auto stored = Resources(store_, clock_).Get(Key::Resource(Kind::kNode, name));
    EXPECT_TRUE(stored.has_value()) << name;
    return stored.has_value() ? std::get<model::Node>(stored->object) : model::Node{};
  }
  // "10.20.0.7/24 fd00::1/64", "-" for none.
  std::string Addresses() {
    const model::NodeBgp bgp = Node().bgp.value_or(model::NodeBgp{});
    const auto text = [](const std::string& address) { return address.empty() ? "-" : address; };
    return text(bgp.ipv4_address) + " " + text(bgp.ipv6_address);
  }

  datastore::testing::FakeClient store_;
  const SystemClock clock_;
  HostAddresses host_;
};

TEST_F(StartupSettings, Ipv6IsDetectedOnlyWhenAsked) {
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 -");
  ASSERT_TRUE(Run({{"IP6", "autodetect"}}).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 fd00:20::7/64");
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 fd00:20::7/64") << "unset keeps what is stored";
}

TEST_F(StartupSettings, NoneTakesTheStoredAddressAway) {
  ASSERT_TRUE(Run({{"IP6", "autodetect"}}).has_value());
  ASSERT_TRUE(Run({{"IP", "none"}}).has_value());
  EXPECT_EQ(Addresses(), "- fd00:20::7/64");
  ASSERT_EQ(Node().addresses.size(), 1U);
  EXPECT_EQ(Node().addresses[0].address, "fd00:20::7/64");
}

TEST_F(StartupSettings, AnAddressWithItsPrefixLengthIsTakenAsItIs) {
  ASSERT_TRUE(Run({{"IP", "10.20.0.7/16"}, {"IP6", "fd00:99::1/48"}}).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/16 fd00:99::1/48");
}

TEST_F(StartupSettings, OnlyWithoutNetworkingANodeNeedsNoAddress) {
  EXPECT_THAT(Failure({{"IP", "none"}}), HasSubstr("neither an IPv4 nor an IPv6 address"));
  ASSERT_TRUE(Run({{"IP", "none"}, {"CALICO_NETWORKING_BACKEND", "none"}}).has_value());
  EXPECT_EQ(Addresses(), "- -");
  ASSERT_TRUE(Run({{"IP", "none"}, {"CALICO_NETWORKING", "false"}}).has_value()) << "the old way to say it";
}

TEST_F(StartupSettings, AFailedDetectionKeepsWhatIsStored) {
  const Variables unreachable{{"IP", "autodetect"}, {"IP_AUTODETECTION_METHOD", "can-reach=192.0.2.1"}};
  EXPECT_THAT(Failure(unreachable), HasSubstr("can-reach=192.0.2.1 (no route to 192.0.2.1): set IP="));
  EXPECT_EQ(store_.writes(), 0);
  ASSERT_TRUE(Run().has_value());
  const int writes = store_.writes();
  ASSERT_TRUE(Run(unreachable).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 -");
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(StartupSettings, AMalformedMethodFailsEvenWhenAnAddressIsStored) {
  ASSERT_TRUE(Run().has_value());
  EXPECT_THAT(Failure({{"IP", "autodetect"}, {"IP_AUTODETECTION_METHOD", "interface=eth["}}),
              HasSubstr("Invalid IP autodetection method 'interface=eth[': set IP_AUTODETECTION_METHOD"));
}

TEST_F(StartupSettings, MalformedAddressesNameTheVariable) {
  for (const char* value : {"10.20.0", "10.20.0.7/33", "eth0", "AUTODETECT"}) {
    EXPECT_THAT(Failure({{"IP", value}}), HasSubstr("IP='" + std::string(value) + "' is no IPv4 address"));
  }
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(StartupSettings, TheAsNumberIsReadInBothNotations) {
  for (const auto& [text, number] : std::map<std::string, std::uint32_t>{
           {"64512", 64512U}, {"4294967295", 4294967295U}, {"0.7", 7U}, {"65535.65535", 4294967295U}}) {
    ASSERT_TRUE(Run({{"AS", text}}).has_value()) << text;
    EXPECT_EQ(Node().bgp->as_number, number);
  }
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Node().bgp->as_number, 4294967295U) << "unset keeps what is stored";
}

TEST_F(StartupSettings, BadAsNumbersAreRefused) {
  for (const char* text : {"x", "-1", "4294967296", "65536.1", "1.65536", "1.2.3", ".1", "1.", "64512 "}) {
    EXPECT_EQ(Failure({{"AS", text}}),
              "AS='" + std::string(text) + "' is no AS number: use 64512 or 65000.1");
  }
  EXPECT_EQ(store_.writes(), 0);
}

TEST_F(StartupSettings, APlainAddressTakesThePrefixLengthOfItsInterface) {
  ASSERT_TRUE(Run({{"IP", "10.20.0.7"}, {"IP6", "fd00:20::7"}}).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 fd00:20::7/64");
  ASSERT_TRUE(Run({{"IP", "10.20.0.9"}, {"IP6", "fd00:20::9"}}).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.9/32 fd00:20::9/128") << "no interface has them";
}

TEST_F(StartupSettings, Ipv6HasItsOwnMethodOfDetection) {
  ASSERT_TRUE(Run({{"IP6", "autodetect"}, {"IP6_AUTODETECTION_METHOD", "cidr=fd00:20::/32"}}).has_value());
  EXPECT_EQ(Addresses(), "10.20.0.7/24 fd00:20::7/64");
  EXPECT_THAT(Failure({{"IP6", "autodetect"}, {"IP6_AUTODETECTION_METHOD", "nearest"}}),
              HasSubstr("IP6_AUTODETECTION_METHOD"));
}

TEST_F(StartupSettings, OnlyTheExactWordSwitchesTheCheckForConflictsOff) {
  ASSERT_TRUE(Run({}, "node1").has_value());
  EXPECT_THAT(Failure({{"DISABLE_NODE_IP_CHECK", "True"}}, "node2"), HasSubstr("is already using"));
  ASSERT_TRUE(Run({{"DISABLE_NODE_IP_CHECK", "true"}}, "node2").has_value());
}

TEST_F(StartupSettings, TheNameInKubernetesIsStoredOnceAndReplaced) {
  ASSERT_TRUE(Run({{"CALICO_K8S_NODE_REF", "worker-1"}}).has_value());
  ASSERT_TRUE(Run({{"CALICO_K8S_NODE_REF", "worker-2"}}).has_value());
  ASSERT_TRUE(Run().has_value());
  EXPECT_EQ(Node().orch_refs, (std::vector<model::OrchRef>{{"worker-2", "k8s"}}));
}

TEST_F(StartupSettings, WhatOthersWroteIntoTheNodeStays) {
  ASSERT_TRUE(Run().has_value());
  model::Node node = Node();
  node.metadata.labels["rack"] = "r1";
  node.bgp->route_reflector_cluster_id = "244.0.0.1";
  ASSERT_TRUE(Resources(store_, clock_).Update(node).has_value());
  ASSERT_TRUE(Run({{"AS", "64513"}}).has_value());
  EXPECT_EQ(Node().metadata.labels.at("rack"), "r1");
  EXPECT_EQ(Node().bgp->route_reflector_cluster_id, "244.0.0.1");
}

TEST_F(StartupSettings, AnIpv6AddressInUseIsRefusedToo) {
  ASSERT_TRUE(Run({{"IP6", "fd00:20::7"}}).has_value());
  const int writes = store_.writes();
  EXPECT_THAT(
      Failure({{"IP", "10.20.0.8"}, {"IP6", "fd00:20::7/48"}}, "node2"),
      HasSubstr(
          "Calico node 'node1' is already using the IPv6 address fd00:20::7 of this node 'node2': set IP6"));
  EXPECT_EQ(store_.writes(), writes);
}

TEST_F(StartupSettings, WithoutAClusterTypeTheStoredOneAndTheGuidStay) {
  ASSERT_TRUE(Run({{"CLUSTER_TYPE", "docker"}}).has_value());
  const auto read = [&] {
    return std::get<model::ClusterInformation>(
        Resources(store_, clock_).Get(Key::Resource(Kind::kClusterInformation, "default"))->object);
  };
  const model::ClusterInformation before = read();
  ASSERT_TRUE(Run({{"CLUSTER_TYPE", ""}}).has_value());
  EXPECT_EQ(read(), before);
}

}  // namespace
}  // namespace calico::node
