// SPDX-License-Identifier: Apache-2.0
#include "apps/node/address_detection.h"

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace calico::node {
namespace {

using ::testing::HasSubstr;

kernel::Link Named(int ifindex, const std::string& name) {
  kernel::Link link;
  link.ifindex = ifindex;
  link.name = name;
  return link;
}
kernel::Address On(int ifindex, const std::string& text) {
  return {ifindex, *net::Cidr::Parse(text)};
}
HostAddresses TwoCards() {
  return {{Named(1, "lo"), Named(2, "eth0"), Named(3, "eth1")},
          {On(1, "127.0.0.1/8"), On(2, "10.20.0.7/24"), On(2, "fd00:20::7/64"), On(3, "172.16.5.1/16"),
           On(3, "fd00:16::1/48")}};
}
Result<net::Ip> NobodyAsks(const std::string& destination, net::Family) {
  ADD_FAILURE() << "asked for the way to " << destination;
  return Error(ErrorCode::kSystem, "unexpected");
}

// What was found, or the error's text.
std::string Detect(const HostAddresses& host, const std::string& method,
                   net::Family family = net::Family::kV4, const SourceTowards& source_towards = NobodyAsks) {
  const auto found = DetectAddress(host, family, method, source_towards);
  return found.has_value() ? found->address.ToString() : found.error().message();
}
ErrorCode FailureOf(const HostAddresses& host, const std::string& method) {
  const auto found = DetectAddress(host, net::Family::kV4, method, NobodyAsks);
  EXPECT_FALSE(found.has_value()) << method;
  return found.has_value() ? ErrorCode::kSystem : found.error().code();
}

TEST(AddressDetection, FirstFoundTakesTheNewestInterfaceAndKeepsThePrefixLength) {
  EXPECT_EQ(Detect(TwoCards(), "first-found"), "172.16.5.1/16");
  EXPECT_EQ(Detect(TwoCards(), ""), "172.16.5.1/16") << "no method means first-found";
}

TEST(AddressDetection, FirstFoundOrdersByIndexNotByTheOrderOfTheDump) {
  HostAddresses host = TwoCards();
  std::reverse(host.links.begin(), host.links.end());
  std::reverse(host.addresses.begin(), host.addresses.end());
  EXPECT_EQ(Detect(host, "first-found"), "172.16.5.1/16");
}

TEST(AddressDetection, OneInterfaceGivesItsFirstAddress) {
  const HostAddresses host{{Named(2, "eth0")}, {On(2, "10.20.0.7/24"), On(2, "10.20.0.8/24")}};
  EXPECT_EQ(Detect(host, "first-found"), "10.20.0.7/24");
}

TEST(AddressDetection, FirstFoundFindsIpv6) {
  EXPECT_EQ(Detect(TwoCards(), "first-found", net::Family::kV6), "fd00:16::1/48");
}

TEST(AddressDetection, FirstFoundPassesOverInterfacesOfContainersAndTunnels) {
  for (const char* name : {"docker0",         "docker_gwbridge", "cbr0",
                           "dummy0",          "podman1",         "virbr0",
                           "lxcbr0",          "veth12ab",        "lo",
                           "br-0123456789ab", "cali1234",        "tunl0",
                           "flannel.1",       "kube-ipvs0",      "cni0",
                           "vxlan.calico",    "vxlan-v6.calico", "bgp.calico",
                           "wireguard.cali",  "wg-v6.cali",      "nodelocaldns"}) {
    HostAddresses host = TwoCards();
    host.links.push_back(Named(9, name));
    host.addresses.push_back(On(9, "10.99.0.1/24"));
    EXPECT_EQ(Detect(host, "first-found"), "172.16.5.1/16") << name;
  }
}

TEST(AddressDetection, FirstFoundTakesNamesThatOnlyContainAnExcludedOne) {
  for (const char* name : {"br0", "mydocker0", "bond0.100", "vxlan7", "enp3s0", "mycali0"}) {
    HostAddresses host = TwoCards();
    host.links.push_back(Named(9, name));
    host.addresses.push_back(On(9, "10.99.0.1/24"));
    EXPECT_EQ(Detect(host, "first-found"), "10.99.0.1/24") << name;
  }
}

TEST(AddressDetection, LinkLocalAndLoopbackAddressesAreNoAddresses) {
  HostAddresses host{{Named(2, "eth0"), Named(3, "eth1")},
                     {On(3, "127.0.0.2/8"), On(3, "169.254.1.1/16"), On(3, "fe80::1/64"), On(3, "::1/128"),
                      On(2, "10.20.0.7/24"), On(2, "fe80::2/64"), On(2, "fd00:20::7/64")}};
  EXPECT_EQ(Detect(host, "first-found"), "10.20.0.7/24");
  EXPECT_EQ(Detect(host, "first-found", net::Family::kV6), "fd00:20::7/64");
  EXPECT_EQ(Detect(host, "cidr=169.254.0.0/16"),
            "no IPv4 address found by cidr=169.254.0.0/16: set IP=<address> or another "
            "IP_AUTODETECTION_METHOD (eth0 has 10.20.0.7/24, which is outside)");
}

TEST(AddressDetection, NothingFoundNamesTheVariableOfTheFamily) {
  const HostAddresses none;
  EXPECT_EQ(Detect(none, "first-found"),
            "no IPv4 address found by first-found: set IP=<address> or another IP_AUTODETECTION_METHOD");
  EXPECT_EQ(Detect(none, "", net::Family::kV6),
            "no IPv6 address found by first-found: set IP6=<address> or another IP6_AUTODETECTION_METHOD");
  EXPECT_EQ(FailureOf(none, "first-found"), ErrorCode::kNotFound);
}

TEST(AddressDetection, InterfaceTakesTheNewestThatMatchesOneOfTheExpressions) {
  EXPECT_EQ(Detect(TwoCards(), "interface=eth0"), "10.20.0.7/24");
  EXPECT_EQ(Detect(TwoCards(), "interface=eth.*"), "172.16.5.1/16");
  EXPECT_EQ(Detect(TwoCards(), "interface=wlan.*, eth0"), "10.20.0.7/24");
  EXPECT_THAT(Detect(TwoCards(), "interface=wlan.*"), HasSubstr("found by interface=wlan.*: set IP="));
}

TEST(AddressDetection, InterfaceMayNameAnExcludedOne) {
  const HostAddresses host{{Named(4, "docker0")}, {On(4, "172.17.0.1/16")}};
  EXPECT_EQ(Detect(host, "interface=docker0"), "172.17.0.1/16");
}

TEST(AddressDetection, SkipInterfaceComesOnTopOfTheExcludedOnes) {
  HostAddresses host = TwoCards();
  host.links.push_back(Named(9, "docker0"));
  host.addresses.push_back(On(9, "172.17.0.1/16"));
  EXPECT_EQ(Detect(host, "skip-interface=eth1"), "10.20.0.7/24");
  EXPECT_EQ(Detect(host, "skip-interface=wlan"), "172.16.5.1/16");
  EXPECT_THAT(Detect(host, "skip-interface=wlan0,eth.*"), HasSubstr("found by skip-interface=wlan0,eth.*"));
}

TEST(AddressDetection, CidrLooksAtEveryInterface) {
  HostAddresses host = TwoCards();
  host.links.push_back(Named(9, "docker0"));
  host.addresses.push_back(On(9, "172.17.0.1/16"));
  EXPECT_EQ(Detect(host, "cidr=10.0.0.0/8"), "10.20.0.7/24");
  EXPECT_EQ(Detect(host, "cidr=192.168.0.0/16, 10.0.0.0/8"), "10.20.0.7/24");
  EXPECT_EQ(Detect(host, "cidr=172.17.0.0/16"), "172.17.0.1/16");
  EXPECT_EQ(Detect(host, "cidr=10.0.0.0/8,172.17.0.0/16"), "172.17.0.1/16")
      << "the newest interface, not the first prefix";
  EXPECT_EQ(Detect(host, "cidr=fd00:20::/32", net::Family::kV6), "fd00:20::7/64");
  EXPECT_THAT(Detect(host, "cidr=192.0.2.0/24"), HasSubstr("no IPv4 address found by cidr=192.0.2.0/24"));
}

TEST(AddressDetection, CanReachTakesTheKernelsSourceAddressWithItsPrefixLength) {
  std::string asked;
  const auto towards = [&](const std::string& destination, net::Family family) -> Result<net::Ip> {
    asked = destination + (family == net::Family::kV4 ? " v4" : " v6");
    return *net::Ip::Parse("10.20.0.7");
  };
  EXPECT_EQ(Detect(TwoCards(), "can-reach=gateway.example", net::Family::kV4, towards), "10.20.0.7/24");
  EXPECT_EQ(asked, "gateway.example v4");
}

TEST(AddressDetection, CanReachSaysWhyThereIsNoWay) {
  const auto no_way = [](const std::string&, net::Family) -> Result<net::Ip> {
    return Error(ErrorCode::kNotFound, "gateway.example: Name or service not known");
  };
  EXPECT_EQ(Detect(TwoCards(), "can-reach=gateway.example", net::Family::kV6, no_way),
            "no IPv6 address found by can-reach=gateway.example (gateway.example: Name or service not "
            "known): set IP6=<address> or another IP6_AUTODETECTION_METHOD");
}

TEST(AddressDetection, CanReachWithASourceOfNoInterfaceFindsNothing) {
  const auto foreign = [](const std::string&, net::Family) -> Result<net::Ip> {
    return *net::Ip::Parse("203.0.113.1");
  };
  EXPECT_THAT(Detect(TwoCards(), "can-reach=8.8.8.8", net::Family::kV4, foreign),
              HasSubstr("found by can-reach=8.8.8.8: set IP="));
}

TEST(AddressDetection, MalformedMethodsSayWhichVariableAndWhatIsAllowed) {
  for (const char* method :
       {"first", "first-found=", "can-reach", "can-reach=", "interface", "interface=", "interface= ,",
        "interface=eth[", "skip-interface=", "skip-interface=(eth", "cidr", "cidr=", "cidr=10.0.0.1",
        "cidr=10.0.0.0/33", "cidr=10.0.0.0/8,x", "Interface=eth0"}) {
    EXPECT_EQ(FailureOf(TwoCards(), method), ErrorCode::kInvalidArgument) << method;
    EXPECT_EQ(Detect(TwoCards(), method, net::Family::kV6),
              "Invalid IP autodetection method '" + std::string(method) +
                  "': set IP6_AUTODETECTION_METHOD to first-found, can-reach=<destination>, "
                  "interface=<regex>, skip-interface=<regex> or cidr=<prefix>");
  }
}

kernel::Link OfKind(int ifindex, const std::string& name, const std::string& kind) {
  kernel::Link link = Named(ifindex, name);
  link.kind = kind;
  return link;
}

TEST(AddressDetection, TunnelsAreKnownByTheirKindWhateverTheirName) {
  for (const char* kind :
       {"wireguard", "tun", "ipip", "sit", "gre", "gretap", "ip6tnl", "vxlan", "geneve", "dummy"}) {
    HostAddresses host = TwoCards();
    host.links.push_back(OfKind(9, "uplink9", kind));
    host.addresses.push_back(On(9, "10.99.0.1/24"));
    EXPECT_EQ(Detect(host, "first-found"), "172.16.5.1/16") << kind;
    EXPECT_EQ(Detect(host, "skip-interface=eth0"), "172.16.5.1/16") << kind;
    EXPECT_EQ(Detect(host, "interface=uplink9"), "10.99.0.1/24") << "asked for by name";
    EXPECT_EQ(Detect(host, "cidr=10.99.0.0/16"), "10.99.0.1/24") << "asked for by address";
  }
}

TEST(AddressDetection, AHostWhoseWayOutIsAVethOrABridgeIsFound) {
  for (const char* kind : {"veth", "bridge", "bond", "vlan", "macvlan", "ipvlan", "team", "vrf"}) {
    const HostAddresses host{{OfKind(2, "eth0", kind)}, {On(2, "10.20.0.7/24")}};
    EXPECT_EQ(Detect(host, "first-found"), "10.20.0.7/24") << kind;
  }
}

TEST(AddressDetection, ATemporaryAddressIsNotTheHosts) {
  kernel::Address temporary = On(3, "fd00:16::bad/64");
  temporary.temporary = true;
  HostAddresses host = TwoCards();
  host.addresses.insert(host.addresses.begin(), temporary);  // the kernel lists the newest one first
  for (const char* method : {"first-found", "interface=eth1", "cidr=fd00:16::/48"})
    EXPECT_EQ(Detect(host, method, net::Family::kV6), "fd00:16::1/48") << method;
}

TEST(AddressDetection, OnlyATunnelIsNoneAndTheErrorSaysSo) {
  const HostAddresses host{{OfKind(2, "vpn", "wireguard"), Named(3, "docker0")},
                           {On(2, "10.20.0.7/24"), On(3, "172.17.0.1/16")}};
  EXPECT_THAT(
      Detect(host, "first-found"),
      HasSubstr("IP_AUTODETECTION_METHOD (docker0 has the name of a container's or tunnel's interface, "
                "vpn is of kind wireguard)"));
}

TEST(AddressDetection, TheReasonAndWhatWasPassedOverAreTold) {
  HostAddresses host = TwoCards();
  host.links.push_back(Named(9, "docker0"));
  host.links.push_back(Named(10, "cali123"));  // no address: not worth a word
  host.addresses.push_back(On(9, "172.17.0.1/16"));
  const auto words = [&](const std::string& method, std::optional<net::Cidr> preferred = std::nullopt) {
    const auto towards = [](const std::string&, net::Family) -> Result<net::Ip> {
      return *net::Ip::Parse("10.20.0.7");
    };
    const auto found = DetectAddress(host, net::Family::kV4, method, towards, preferred);
    std::string text = found->reason;
    for (const auto& [interface, reason] : found->passed_over) text += "; " + interface + " " + reason;
    return text;
  };
  EXPECT_EQ(
      words("first-found"),
      "autodetected by first-found on eth1: the newest interface that will do; docker0 has the name of a "
      "container's or tunnel's interface; eth0 has 10.20.0.7/24, which would do, too");
  EXPECT_EQ(words("first-found", net::Cidr::Parse("10.20.0.7/24")),
            "autodetected by first-found on eth0: the address that is in use; docker0 has the name of a "
            "container's or tunnel's interface; eth1 has 172.16.5.1/16, which would do, too");
  EXPECT_EQ(
      words("interface=eth0"),
      "autodetected by interface=eth0 on eth0: the only one that will do; docker0 does not match; eth1 does "
      "not match");
  EXPECT_EQ(words("can-reach=gw"), "autodetected by can-reach=gw on eth0: the kernel's way to gw");
}

TEST(AddressDetection, AnAddressInUseThatTheMethodForbidsIsGivenUp) {
  HostAddresses host = TwoCards();
  const auto found =
      DetectAddress(host, net::Family::kV4, "interface=eth1", NobodyAsks, net::Cidr::Parse("10.20.0.7/24"));
  EXPECT_EQ(found->address.ToString(), "172.16.5.1/16");
}

TEST(AddressDetection, AddressOnHostNeedsTheVeryAddress) {
  EXPECT_EQ(AddressOnHost(TwoCards(), *net::Ip::Parse("10.20.0.7")), net::Cidr::Parse("10.20.0.7/24"));
  EXPECT_EQ(AddressOnHost(TwoCards(), *net::Ip::Parse("10.20.0.8")), std::nullopt);
}

// Towards itself the kernel uses the address itself; no packet, no network needed.
TEST(AddressDetection, TheKernelTellsItsSourceTowardsLoopback) {
  const auto source = KernelSourceTowards("127.0.0.1", net::Family::kV4);
  ASSERT_TRUE(source.has_value()) << source.error().message();
  EXPECT_EQ(source->ToString(), "127.0.0.1");
  const auto wrong_family = KernelSourceTowards("127.0.0.1", net::Family::kV6);
  ASSERT_FALSE(wrong_family.has_value());
  EXPECT_THAT(wrong_family.error().message(), HasSubstr("127.0.0.1: "));
}

}  // namespace
}  // namespace calico::node
