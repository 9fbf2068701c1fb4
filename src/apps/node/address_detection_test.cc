// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_detection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::node {
namespace {

using net::Family;
using ::testing::HasSubstr;

kernel::Link Link(int ifindex, const std::string& name) {
  kernel::Link link;
  link.ifindex = ifindex;
  link.name = name;
  return link;
}
net::Cidr C(const char* text) {
  return *net::Cidr::Parse(text);
}

HostAddresses Host() {
  HostAddresses host;
  host.links = {Link(1, "lo"),      Link(2, "eth0"),     Link(3, "eth1"),
                Link(9, "docker0"), Link(10, "cali123"), Link(11, "vethab")};
  host.addresses = {{1, C("127.0.0.1/8")},   {2, C("172.30.200.36/24")}, {2, C("fd00::36/64")},
                    {2, C("fe80::1/64")},    {3, C("10.1.0.5/16")},      {3, C("169.254.9.9/16")},
                    {9, C("172.17.0.1/16")}, {10, C("10.9.9.9/32")},     {11, C("192.0.2.1/24")}};
  return host;
}
SourceTowards Nowhere() {
  return [](const std::string& destination, Family) -> Result<net::Ip> {
    return Error(ErrorCode::kSystem, "no route to " + destination);
  };
}
std::string Detect(const std::string& method, Family family = Family::kV4,
                   const SourceTowards& source = Nowhere()) {
  const auto found = DetectAddress(Host(), family, method, source);
  return found.has_value() ? found->ToString() : found.error().message();
}

TEST(AddressDetection, TakesTheNewestInterfaceThatIsAHostsOwn) {
  EXPECT_EQ(Detect("first-found"), "10.1.0.5/16");
  EXPECT_EQ(Detect(""), "10.1.0.5/16");
  EXPECT_EQ(Detect("first-found", Family::kV6), "fd00::36/64") << "never a link-local one";
}

TEST(AddressDetection, InterfaceTakesAnyNameThatMatches) {
  EXPECT_EQ(Detect("interface=eth0"), "172.30.200.36/24");
  EXPECT_EQ(Detect("interface=docker.*"), "172.17.0.1/16") << "the exclude list is for the others";
  EXPECT_EQ(Detect("interface=nope, eth0"), "172.30.200.36/24");
}

TEST(AddressDetection, SkipInterfaceLeavesOutMore) {
  EXPECT_EQ(Detect("skip-interface=eth1"), "172.30.200.36/24");
}

TEST(AddressDetection, CidrTakesTheFirstAddressInside) {
  EXPECT_EQ(Detect("cidr=172.30.0.0/16"), "172.30.200.36/24");
  EXPECT_EQ(Detect("cidr=10.0.0.0/8,172.30.0.0/16"), "10.9.9.9/32") << "no interface is excluded";
}

TEST(AddressDetection, CanReachAsksTheKernelForItsSource) {
  const SourceTowards source = [](const std::string& destination, Family) -> Result<net::Ip> {
    EXPECT_EQ(destination, "8.8.8.8");
    return *net::Ip::Parse("172.30.200.36");
  };
  EXPECT_EQ(Detect("can-reach=8.8.8.8", Family::kV4, source), "172.30.200.36/24");
}

TEST(AddressDetection, ErrorsSayWhatToSet) {
  EXPECT_EQ(Detect("interface=nope.*"),
            "no IPv4 address found by interface=nope.*: set IP=<address> or another IP_AUTODETECTION_METHOD");
  EXPECT_THAT(Detect("can-reach=203.0.113.1"),
              HasSubstr("can-reach=203.0.113.1 (no route to 203.0.113.1): set IP=<address>"));
  EXPECT_THAT(Detect("interface=eth9", Family::kV6),
              HasSubstr("set IP6=<address> or another IP6_AUTODETECTION_METHOD"));
}

TEST(AddressDetection, RefusesMethodsItDoesNotKnow) {
  for (const char* method : {"guess", "interface=", "interface=(", "cidr=10.0.0.0", "can-reach="}) {
    EXPECT_THAT(Detect(method), HasSubstr("Invalid IP autodetection method")) << method;
  }
}

}  // namespace
}  // namespace calico::node
