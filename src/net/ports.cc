// SPDX-License-Identifier: Apache-2.0
#include "net/ports.h"

#include <charconv>

#include "base/text.h"

namespace calico::net {

std::optional<std::uint8_t> ParseProtocol(std::string_view text) {
  const std::string name = ToLower(text);
  if (name == "tcp") return kTcp;
  if (name == "udp") return kUdp;
  if (name == "icmp") return kIcmp;
  if (name == "icmpv6") return kIcmpV6;
  if (name == "sctp") return kSctp;
  if (name == "udplite") return kUdpLite;
  std::uint8_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || number == 0) return std::nullopt;
  return number;
}

}  // namespace calico::net
