// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace calico::net {

// IANA protocol numbers that Calico names.
inline constexpr std::uint8_t kIcmp = 1, kIpip = 4, kTcp = 6, kUdp = 17, kIcmpV6 = 58, kSctp = 132,
                              kUdpLite = 136;

// "TCP", "udplite", … in any case, or a number 1 to 255.
std::optional<std::uint8_t> ParseProtocol(std::string_view text);

struct PortRange final {
  std::uint16_t first = 0;
  std::uint16_t last = 0;  // inclusive
  auto operator<=>(const PortRange&) const = default;
};

}  // namespace calico::net
