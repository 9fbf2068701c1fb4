// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "net/cidr.h"
#include "net/mac.h"
#include "net/ports.h"

// All that calc may say to the dataplane. Plain values; two batches merge by taking the later value per key.
namespace calico::dataplane_api {

// One workload endpoint of this host.
struct Endpoint {
  std::string id;  // "orchestrator/workload/endpoint", for logs
  std::string interface_name;
  std::optional<net::Mac> mac;
  std::vector<net::Cidr> addresses;   // each a /32 or /128
  std::vector<std::string> profiles;  // in order; missing ones are as if they had no rules
  bool operator==(const Endpoint&) const = default;
};

// A side of a rule after selectors have become IP sets. All given criteria must hold.
struct EntityMatch {
  std::vector<net::Cidr> nets, not_nets;
  std::vector<std::string> ip_sets;      // must be in every one
  std::vector<std::string> not_ip_sets;  // must be in none
  std::vector<net::PortRange> ports, not_ports;
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
// Rules of one profile that a local endpoint uses.
struct ProfileRules {
  std::vector<Rule> ingress, egress;
  bool operator==(const ProfileRules&) const = default;
};

// Single addresses only (both families in one set; the dataplane splits them).
struct IpSet {
  std::set<net::Ip> members;
  bool operator==(const IpSet&) const = default;
};

// Facts of the whole host.
struct HostSettings {
  std::vector<std::string> interface_prefixes{"cali"};
  enum class EndpointToHost : std::uint8_t {
    kDrop,
    kReturn,
    kAccept
  } endpoint_to_host = EndpointToHost::kDrop;
  std::vector<net::Cidr> nat_pools;  // sources to masquerade …
  std::vector<net::Cidr> all_pools;  // … unless the destination is in here; disabled pools count
  std::set<net::Cidr> own_blocks;    // black-holed, except /32 and /128
  bool operator==(const HostSettings&) const = default;
};

struct Batch {
  // nullopt = removed. Shared, because an IP set may be large and is sent whole only once.
  std::map<std::string, std::optional<Endpoint>> endpoints;     // by workload endpoint name
  std::map<std::string, std::optional<ProfileRules>> profiles;  // by profile name
  // Whole set on creation, nullopt when nothing uses it any more.
  std::map<std::string, std::shared_ptr<const IpSet>> ip_sets;  // nullptr = removed
  struct IpSetDelta {
    std::set<net::Ip> added, removed;
  };
  std::map<std::string, IpSetDelta> ip_set_deltas;  // for sets already sent
  std::optional<HostSettings> host;
  bool in_sync = false;

  bool empty() const;
  void MergeFrom(Batch later);
};

}  // namespace calico::dataplane_api
