// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <compare>
#include <cstdint>

#include "net/ip.h"

namespace calico::net {

// Where something listens.
struct AddressPort final {
  Ip ip;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  auto operator<=>(const AddressPort&) const = default;
};

}  // namespace calico::net
