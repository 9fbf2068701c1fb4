// SPDX-License-Identifier: Apache-2.0
#include "net/cidr.h"

#include <algorithm>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "net/prefix_set.h"

namespace calico::net {
namespace {

using ::testing::ElementsAre;

Cidr Parsed(const std::string& text) {
  const auto cidr = Cidr::Parse(text);
  EXPECT_TRUE(cidr.has_value()) << text;
  return cidr.value_or(Cidr());
}

// Prefixes inside one /24 (or /120): they overlap often and can be counted out.
rc::Gen<Cidr> SmallPrefix() {
  return rc::gen::apply(
      [](bool v4, std::uint8_t host, int length) {
        const Ip base = *Ip::Parse(v4 ? "10.1.2.0" : "fd00::1:200");
        return Cidr(base.Plus(host), Bits(base.family()) - 8 + length);
      },
      rc::gen::arbitrary<bool>(), rc::gen::arbitrary<std::uint8_t>(), rc::gen::inRange(0, 9));
}

std::vector<Ip> AllAddresses(const Cidr& cidr) {
  std::vector<Ip> addresses;
  const Ip first = cidr.Masked().ip();
  for (std::uint64_t i = 0; i <= cidr.Last().DistanceFrom(first); ++i) addresses.push_back(first.Plus(i));
  return addresses;
}

TEST(Cidr, PrintsWhatItParses) {
  EXPECT_TRUE(rc::check([] {
    const Cidr cidr = *SmallPrefix();
    RC_ASSERT(Cidr::Parse(cidr.ToString()) == cidr);
    RC_ASSERT(Cidr::ParsePrefix(cidr.ToString()) == cidr);
  }));
}

TEST(Cidr, TakesABareAddressForAHost) {
  EXPECT_EQ(Parsed("10.0.0.1").ToString(), "10.0.0.1/32");
  EXPECT_EQ(Parsed("fd00::1").ToString(), "fd00::1/128");
  EXPECT_TRUE(Parsed("10.0.0.1").is_host());
  EXPECT_EQ(Cidr::ParsePrefix("10.0.0.1"), std::nullopt);
}

TEST(Cidr, RefusesWhatIsNoPrefix) {
  for (const std::string text : {"", "/", "10.0.0.0/", "/8", "10.0.0.0/33", "fd00::/129", "10.0.0.0/-1",
                                 "10.0.0.0/+8", "10.0.0.0/8 ", "10.0.0.0/8/8", "10.0.0/8", "10.0.0.0/a"}) {
    EXPECT_EQ(Cidr::Parse(text), std::nullopt) << text;
  }
}

TEST(Cidr, KeepsHostBitsUntilMasked) {
  EXPECT_EQ(Parsed("10.1.2.3/20").ToString(), "10.1.2.3/20");
  EXPECT_EQ(Parsed("10.1.2.3/20").Masked().ToString(), "10.1.0.0/20");
  EXPECT_EQ(Parsed("10.1.2.3/20").Last().ToString(), "10.1.15.255");
  EXPECT_EQ(Parsed("1.2.3.4/0").Masked().ToString(), "0.0.0.0/0");
  EXPECT_EQ(Parsed("1.2.3.4/0").Last().ToString(), "255.255.255.255");
  EXPECT_EQ(Parsed("fd00:1:2:3:4::/65").Last().ToString(), "fd00:1:2:3:7fff:ffff:ffff:ffff");
  EXPECT_FALSE(Parsed("10.1.2.3/20").IsMasked());
}

TEST(Cidr, ContainsExactlyTheAddressesFromFirstToLast) {
  EXPECT_TRUE(rc::check([] {
    const Cidr cidr = *SmallPrefix();
    const Cidr whole(cidr.ip(), Bits(cidr.family()) - 9);
    const std::vector<Ip> inside = AllAddresses(cidr);
    for (const Ip& ip : AllAddresses(whole))
      RC_ASSERT(cidr.Contains(ip) == (std::find(inside.begin(), inside.end(), ip) != inside.end()));
  }));
}

TEST(Cidr, ContainsAndOverlapsAsItsAddressesDo) {
  EXPECT_TRUE(rc::check([] {
    const Cidr a = *SmallPrefix(), b = *SmallPrefix();
    const std::vector<Ip> in_b = AllAddresses(b);
    const auto in_a = [&](const Ip& ip) { return a.Contains(ip); };
    RC_ASSERT(a.Contains(b) == std::all_of(in_b.begin(), in_b.end(), in_a));
    RC_ASSERT(a.Overlaps(b) == std::any_of(in_b.begin(), in_b.end(), in_a));
  }));
}

TEST(Cidr, KeepsTheFamiliesApart) {
  EXPECT_FALSE(Parsed("0.0.0.0/0").Contains(*Ip::Parse("::1")));
  EXPECT_FALSE(Parsed("::/0").Overlaps(Parsed("10.0.0.0/8")));
}

TEST(MinimalCover, DropsDuplicatesAndWhatIsInside) {
  EXPECT_THAT(MinimalCover({Parsed("10.0.1.0/24"), Parsed("fd00::/64"), Parsed("10.0.0.0/8"),
                            Parsed("10.0.0.5/8"), Parsed("11.0.0.1/32"), Parsed("fd00::1/128")}),
              ElementsAre(Parsed("10.0.0.0/8"), Parsed("11.0.0.1/32"), Parsed("fd00::/64")));
  EXPECT_THAT(MinimalCover({}), ElementsAre());
}

// Against counting: the same addresses, no two members overlap, sorted, and every member was given.
TEST(MinimalCover, IsTheSameSetOfAddressesWithoutOverlaps) {
  EXPECT_TRUE(rc::check([] {
    const auto given = *rc::gen::container<std::vector<Cidr>>(SmallPrefix());
    const std::vector<Cidr> cover = MinimalCover(given);
    const auto holds = [](const std::vector<Cidr>& set, const Ip& ip) {
      return std::count_if(set.begin(), set.end(), [&](const Cidr& cidr) { return cidr.Contains(ip); });
    };
    for (const Cidr& whole : {Parsed("10.1.2.0/24"), Parsed("fd00::1:200/120")}) {
      for (const Ip& ip : AllAddresses(whole)) RC_ASSERT(holds(cover, ip) == (holds(given, ip) > 0 ? 1 : 0));
    }
    RC_ASSERT(std::is_sorted(cover.begin(), cover.end()));
    for (const Cidr& member : cover) {
      RC_ASSERT(
          std::any_of(given.begin(), given.end(), [&](const Cidr& cidr) { return cidr.Masked() == member; }));
    }
  }));
}

}  // namespace
}  // namespace calico::net
