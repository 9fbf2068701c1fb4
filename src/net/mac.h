// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace calico::net {

struct Mac final {
  std::array<std::uint8_t, 6> bytes{};

  static std::optional<Mac> Parse(std::string_view text);  // "ee:ee:ee:ee:ee:ee" or with dashes, any case
  std::string ToString() const;                            // lower case, colons
  auto operator<=>(const Mac&) const = default;
};

}  // namespace calico::net
