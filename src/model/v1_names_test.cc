// SPDX-License-Identifier: Apache-2.0
#include "model/v1_names.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "base/text.h"

namespace calico::model {
namespace {

// Reference datastore-model D.1; more names are in key_test.cc.
TEST(V1Names, OfPoliciesHaveNoDots) {
  EXPECT_EQ(V3PolicyName("allow-dns"), "allow-dns");
  EXPECT_EQ(V3PolicyName("prod.web"), "prod-web-" + Sha1Hex("prod.web").substr(0, 8));
  EXPECT_EQ(V3PolicyName("Prod/Web"), "prod-web-" + Sha1Hex("Prod/Web").substr(0, 8));
}

TEST(V1Names, OfAddressesCanBeReadBack) {
  for (const auto& [ip, name] : {std::pair<std::string, std::string>{"10.0.0.1", "10-0-0-1"},
                                 {"2001:db8::1", "2001-0db8-0000-0000-0000-0000-0000-0001"},
                                 {"::", "0000-0000-0000-0000-0000-0000-0000-0000"}}) {
    EXPECT_EQ(IpName(ip), name);
    EXPECT_EQ(IpOfName(name), ip);
  }
  EXPECT_EQ(IpName("tor-a"), "tor-a");
  for (const char* other : {"tor-a", "", "10-0-0", "10-0-0-256", "10-0-0-1-26"})
    EXPECT_EQ(IpOfName(other), std::nullopt) << other;
}

TEST(V1Names, OfPoolsAreTheirCidrs) {
  for (const auto& [cidr, name] : {std::pair<std::string, std::string>{"10.77.0.0/16", "10-77-0-0-16"},
                                   {"fd80:24e2::/64", "fd80-24e2---64"},
                                   {"fd80:24e2:f998:72d6::/64", "fd80-24e2-f998-72d6---64"}}) {
    EXPECT_EQ(V3PoolName(cidr), name);
    EXPECT_EQ(CidrOfPoolName(name), cidr);
  }
  for (const char* other : {"default-ipv4-ippool", "", "pool", "10-77-0-0", "10-77-0-0-33", "-"})
    EXPECT_EQ(CidrOfPoolName(other), std::nullopt) << other;
}

TEST(V1Names, OfTheSevenKindsOfCalico26) {
  EXPECT_EQ(V1Kinds().size(), 7u);
  for (const std::string& name : V1Kinds()) {
    const auto kind = ParseV1KindName(name);
    ASSERT_TRUE(kind.has_value()) << name;
    EXPECT_EQ(V1KindName(*kind), name);
  }
  EXPECT_EQ(ParseV1KindName("policy"), Kind::kGlobalNetworkPolicy);
  EXPECT_EQ(ParseV1KindName("ippool"), std::nullopt);  // letter case counts
  EXPECT_EQ(V1KindName(Kind::kTier), std::nullopt);
  EXPECT_EQ(V1KindName(Kind::kNetworkPolicy), std::nullopt);
}

}  // namespace
}  // namespace calico::model
