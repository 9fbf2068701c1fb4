// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <string>

#include "net/ip.h"
#include "net/ports.h"

namespace calico::policy_eval {

// What connection tracking says of a packet (reference felix 2.13).
enum class Connection { kNew, kEstablished, kInvalid };

bool HasPorts(std::uint8_t protocol);

// One packet as a rule sees it. Ports and ICMP type count only for protocols that have them.
struct Packet {
  net::Ip source;
  net::Ip destination;
  std::uint8_t protocol = net::kTcp;
  std::uint16_t source_port = 0;
  std::uint16_t destination_port = 0;
  int icmp_type = 0;
  int icmp_code = 0;
  Connection connection = Connection::kNew;

  net::Family family() const { return destination.family(); }
  bool has_ports() const { return HasPorts(protocol); }
  bool is_icmp() const;  // that of its family
  bool operator==(const Packet&) const = default;
};

// "tcp", "icmpv6", "47".
std::string ProtocolName(std::uint8_t protocol);
// "tcp 10.0.0.1:40000 -> 10.0.0.2:80", "icmp 10.0.0.1 -> 10.0.0.2 type 8 code 0"
std::string ToString(const Packet& packet);

}  // namespace calico::policy_eval
