// SPDX-License-Identifier: Apache-2.0
#include "net/mac.h"

#include <charconv>

#include <fmt/format.h>

namespace calico::net {

std::optional<Mac> Mac::Parse(std::string_view text) {
  Mac mac;
  if (text.size() != 17) return std::nullopt;
  for (std::size_t i = 0; i < 6; ++i) {
    const char* first = text.data() + 3 * i;
    if (std::from_chars(first, first + 2, mac.bytes[i], 16).ptr != first + 2) return std::nullopt;
    if (i < 5 && (first[2] != text[2] || (text[2] != ':' && text[2] != '-'))) return std::nullopt;
  }
  return mac;
}

std::string Mac::ToString() const {
  return fmt::format("{:02x}", fmt::join(bytes, ":"));
}

}  // namespace calico::net
