// SPDX-License-Identifier: Apache-2.0
#include "net/ip.h"

#include <array>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/mac.h"
#include "net/ports.h"

namespace calico::net {
namespace {

// Many zero and 0xff bytes, so that carries and "::" come up.
rc::Gen<Ip> AnyIp() {
  const auto byte = rc::gen::element<std::uint8_t>(0, 0, 0, 0xff, 1, 0xfe, 0x20, 0x80);
  return rc::gen::apply(
      [](bool v4, const std::vector<std::uint8_t>& bytes) {
        return Ip::FromBytes(v4 ? Family::kV4 : Family::kV6, bytes.data());
      },
      rc::gen::arbitrary<bool>(), rc::gen::container<std::vector<std::uint8_t>>(16, byte));
}

TEST(Ip, PrintsWhatItParses) {
  EXPECT_TRUE(rc::check([] {
    const Ip ip = *AnyIp();
    RC_ASSERT(Ip::Parse(ip.ToString()) == ip);
  }));
}

TEST(Ip, PrintsTheShortFormOfRfc5952) {
  const std::vector<std::pair<std::string, std::string>> cases = {
      {"2001:DB8:0:0:1:0:0:1", "2001:db8::1:0:0:1"},
      {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
      {"2001:0db8::0001", "2001:db8::1"},
      {"0:0:0:0:0:0:0:0", "::"},
      {"::ffff:10.0.0.1", "::ffff:10.0.0.1"},
      {"10.65.0.1", "10.65.0.1"},
  };
  for (const auto& [text, printed] : cases) {
    const auto ip = Ip::Parse(text);
    ASSERT_TRUE(ip.has_value()) << text;
    EXPECT_EQ(ip->ToString(), printed);
  }
}

TEST(Ip, RefusesWhatIsNoAddress) {
  for (const std::string& text :
       {std::string(), std::string("10.0.0"), std::string("10.0.0.256"), std::string("10.0.0.1.2"),
        std::string("10.0.0.01"), std::string(" 10.0.0.1"), std::string("10.0.0.1/8"), std::string("1::2::3"),
        std::string("fe80::1%eth0"), std::string("12345::"), std::string("host"),
        std::string("10.0.0.1\0", 9), std::string(500, '1')}) {
    EXPECT_EQ(Ip::Parse(text), std::nullopt) << text;
  }
}

TEST(Ip, KeepsAMappedAddressAnIpv6One) {
  EXPECT_FALSE(Ip::Parse("::ffff:10.0.0.1")->is_v4());
}

TEST(Ip, AddsAndSubtractsAcrossBytes) {
  EXPECT_EQ(Ip::Parse("10.0.0.255")->Plus(1), *Ip::Parse("10.0.1.0"));
  EXPECT_EQ(Ip::Parse("255.255.255.255")->Plus(1), *Ip::Parse("0.0.0.0"));
  EXPECT_EQ(Ip::Parse("fd00::ffff:ffff:ffff:ffff")->Plus(1), *Ip::Parse("fd00:0:0:1::"));
  EXPECT_EQ(Ip::V4(0x0a410001).ToString(), "10.65.0.1");
  EXPECT_EQ(Ip::Parse("10.65.0.1")->v4_host_order(), 0x0a410001u);
}

TEST(Ip, DistanceIsTheInverseOfPlus) {
  EXPECT_TRUE(rc::check([](std::uint32_t offset) {
    const Ip ip = *AnyIp();
    const Ip sum = ip.Plus(offset);
    if (ip < sum) RC_ASSERT(sum.DistanceFrom(ip) == offset);
    RC_ASSERT(ip.DistanceFrom(ip) == 0u);
  }));
}

TEST(Ip, OrdersIpv4FirstThenByNumber) {
  EXPECT_LT(*Ip::Parse("9.0.0.1"), *Ip::Parse("10.0.0.1"));
  EXPECT_LT(*Ip::Parse("255.255.255.255"), *Ip::Parse("::"));
  EXPECT_LT(*Ip::Parse("::2"), *Ip::Parse("::10"));
}

TEST(Ip, KnowsTheSpecialRanges) {
  EXPECT_TRUE(Ip::Parse("127.9.9.9")->IsLoopback());
  EXPECT_TRUE(Ip::Parse("::1")->IsLoopback());
  EXPECT_FALSE(Ip::Parse("::2")->IsLoopback());
  EXPECT_TRUE(Ip::Parse("239.1.1.1")->IsMulticast());
  EXPECT_TRUE(Ip::Parse("ff02::1")->IsMulticast());
  EXPECT_TRUE(Ip::Parse("169.254.1.1")->IsLinkLocal());
  EXPECT_TRUE(Ip::Parse("febf::1")->IsLinkLocal());
  EXPECT_FALSE(Ip::Parse("fec0::1")->IsLinkLocal());
  EXPECT_TRUE(Ip::Parse("::")->IsUnspecified());
  for (const std::string text : {"10.0.0.1", "192.168.0.1", "8.8.8.8", "fd00::1", "2001:db8::1"})
    EXPECT_TRUE(Ip::Parse(text)->IsGlobalUnicast()) << text;
  for (const std::string text :
       {"0.0.0.0", "255.255.255.255", "127.0.0.1", "169.254.0.1", "224.0.0.1", "::", "::1"})
    EXPECT_FALSE(Ip::Parse(text)->IsGlobalUnicast()) << text;
}

TEST(Mac, PrintsWhatItParses) {
  EXPECT_TRUE(rc::check([](const std::array<std::uint8_t, 6>& bytes) {
    const Mac mac{bytes};
    RC_ASSERT(Mac::Parse(mac.ToString()) == mac);
  }));
  EXPECT_EQ(Mac::Parse("EE-ee-EE-ee-EE-0a")->ToString(), "ee:ee:ee:ee:ee:0a");
}

TEST(Mac, RefusesWhatIsNoMac) {
  for (const std::string text :
       {"", "ee:ee:ee:ee:ee", "ee:ee:ee:ee:ee:e", "ee:ee:ee:ee:ee:eg", "ee:ee-ee:ee:ee:ee",
        "ee:ee:ee:ee:ee:ee:ee", "eeeeeeeeeeee", "+e:ee:ee:ee:ee:ee", " ee:ee:ee:ee:ee:e"}) {
    EXPECT_EQ(Mac::Parse(text), std::nullopt) << text;
  }
}

TEST(ParseProtocol, ReadsNamesAndNumbers) {
  EXPECT_EQ(ParseProtocol("TCP"), kTcp);
  EXPECT_EQ(ParseProtocol("udplite"), kUdpLite);
  EXPECT_EQ(ParseProtocol("ICMPv6"), kIcmpV6);
  EXPECT_EQ(ParseProtocol("sctp"), kSctp);
  EXPECT_EQ(ParseProtocol("1"), kIcmp);
  EXPECT_EQ(ParseProtocol("255"), 255);
  for (const std::string text : {"", "0", "256", "-1", "6 ", "tcp6", "0x6"}) {
    EXPECT_EQ(ParseProtocol(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace calico::net
