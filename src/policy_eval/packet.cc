// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/packet.h"

#include <fmt/format.h>

namespace calico::policy_eval {
namespace {

std::string WithPort(const net::Ip& ip, std::uint16_t port) {
  return ip.is_v4() ? fmt::format("{}:{}", ip.ToString(), port) : fmt::format("[{}]:{}", ip.ToString(), port);
}

}  // namespace

bool HasPorts(std::uint8_t protocol) {
  return protocol == net::kTcp || protocol == net::kUdp || protocol == net::kSctp ||
         protocol == net::kUdpLite;
}

bool Packet::is_icmp() const {
  return protocol == (family() == net::Family::kV4 ? net::kIcmp : net::kIcmpV6);
}

std::string ProtocolName(std::uint8_t protocol) {
  switch (protocol) {
    case net::kTcp:
      return "tcp";
    case net::kUdp:
      return "udp";
    case net::kIcmp:
      return "icmp";
    case net::kIcmpV6:
      return "icmpv6";
    case net::kSctp:
      return "sctp";
    case net::kUdpLite:
      return "udplite";
    default:
      return std::to_string(protocol);
  }
}

std::string ToString(const Packet& packet) {
  if (packet.has_ports()) {
    return fmt::format("{} {} -> {}", ProtocolName(packet.protocol),
                       WithPort(packet.source, packet.source_port),
                       WithPort(packet.destination, packet.destination_port));
  }
  std::string text = fmt::format("{} {} -> {}", ProtocolName(packet.protocol), packet.source.ToString(),
                                 packet.destination.ToString());
  if (packet.is_icmp()) text += fmt::format(" type {} code {}", packet.icmp_type, packet.icmp_code);
  return text;
}

}  // namespace calico::policy_eval
