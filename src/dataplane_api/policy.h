// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "net/cidr.h"
#include "net/ports.h"

// Policies as the dataplane sees them: selectors have become IP sets, names have become numbers, tiers and
// orders have become lists.
namespace calico::dataplane_api {

// A side of a rule. All given criteria must hold.
struct EntityMatch {
  std::vector<net::Cidr> nets, not_nets;
  std::vector<std::string> ip_sets;      // must be in every one
  std::vector<std::string> not_ip_sets;  // must be in none
  // A port in `ports`, or an address, protocol and port in one of `port_sets` (named ports).
  std::vector<net::PortRange> ports;
  std::vector<std::string> port_sets;
  std::vector<net::PortRange> not_ports;
  std::vector<std::string> not_port_sets;
  bool operator==(const EntityMatch&) const = default;
};
enum class RuleAction : std::uint8_t { kAllow, kDeny, kLog, kPass };
struct Rule {
  RuleAction action = RuleAction::kAllow;
  std::optional<net::Family> family;
  std::optional<std::uint8_t> protocol, not_protocol;
  std::optional<std::uint8_t> icmp_type, icmp_code, not_icmp_type, not_icmp_code;
  EntityMatch source, destination;
  bool operator==(const Rule&) const = default;
};
// Of one policy or profile.
struct Rules {
  std::vector<Rule> ingress, egress;
  bool staged = false;  // counted, but without any verdict
  bool operator==(const Rules&) const = default;
};

// The policies of one tier that apply to an endpoint in one direction, in order.
struct Tier {
  std::string name;
  std::vector<std::string> policies;  // keys of Batch::policies; staged ones among them
  // What becomes of a packet that no policy decided about: denied, or the next tier's business.
  bool pass_at_end = false;
  bool operator==(const Tier&) const = default;
};
using Tiers = std::vector<Tier>;  // in order; tiers without a policy for the endpoint are left out
struct BothDirections {
  Tiers ingress, egress;
  bool operator==(const BothDirections&) const = default;
};

}  // namespace calico::dataplane_api
