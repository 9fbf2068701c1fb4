// SPDX-License-Identifier: Apache-2.0
// Keys here; devices in tests/network/stock_kernel, where the kernel has WireGuard.
#include "kernel/wireguard.h"

#include <gtest/gtest.h>

namespace calico::kernel {
namespace {

TEST(WireguardKey, ReadsAndWritesWhatWgShows) {
  // openssl rand 32, and its text by base64(1).
  const std::string text = "bQ3HPXh8oC9tqgkGh0dVIa7mYl8aJ2s1rXkVZ0iKx1o=";
  const auto key = WireguardKey::Parse(text);
  ASSERT_TRUE(key.has_value());
  EXPECT_EQ(key->bytes[0], 0x6d);
  EXPECT_EQ(key->bytes[31], 0x5a);
  EXPECT_EQ(key->ToString(), text);
  EXPECT_EQ(WireguardKey().ToString(), std::string(43, 'A') + "=");
}

TEST(WireguardKey, RefusesWhatIsNoKey) {
  for (const char* text :
       {"", "abc", "bQ3HPXh8oC9tqgkGh0dVIa7mYl8aJ2s1rXkVZ0iKx1o",
        "bQ3HPXh8oC9tqgkGh0dVIa7mYl8aJ2s1rXkVZ0iKx1p=", "bQ3HPXh8oC9tqgkGh0dVIa7mYl8aJ2s1rXkVZ0iKx?o="})
    EXPECT_FALSE(WireguardKey::Parse(text).has_value()) << text;
}

TEST(WireguardKey, EachNewOneIsAnotherAndOfTheRightForm) {
  const WireguardKey a = WireguardKey::NewPrivate().value(), b = WireguardKey::NewPrivate().value();
  EXPECT_NE(a, b);
  EXPECT_EQ(a.bytes[0] & 7, 0);
  EXPECT_EQ(a.bytes[31] & 0xc0, 0x40);
  EXPECT_EQ(WireguardKey::Parse(a.ToString()), a);
}

}  // namespace
}  // namespace calico::kernel
