// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dataplane_api/ip_set.h"
#include "dataplane_api/policy.h"
#include "dataplane_api/remote.h"
#include "net/cidr.h"
#include "net/mac.h"
#include "net/ports.h"

// All that calc may say to the dataplane. Plain values; two batches merge by taking the later value per key.
namespace calico::dataplane_api {

// An address by which a workload is reached from outside (reference felix 3.5).
struct FloatingIp {
  net::Ip external, internal;
  bool operator==(const FloatingIp&) const = default;
  auto operator<=>(const FloatingIp&) const = default;
};

// One workload endpoint of this host.
struct Endpoint {
  std::string id;  // "orchestrator/workload/endpoint", for logs
  std::string interface_name;
  std::optional<net::Mac> mac;
  std::vector<net::Cidr> addresses;  // each a /32 or /128
  std::vector<net::Cidr> spoofable;  // sources that it may use besides its own addresses
  std::vector<FloatingIp> floating_ips;
  BothDirections policies;
  std::vector<std::string> profiles;  // in order; keys of Batch::profiles
  bool operator==(const Endpoint&) const = default;
};

// Interfaces of this host under policy (reference felix 2.11). Which interfaces: the named one, or those that
// have one of the addresses, or "*" for all that nobody else claims. The smallest name wins an interface.
struct HostEndpoint {
  std::string interface_name;
  std::vector<net::Ip> expected_ips;
  BothDirections normal;     // what this host's own programs receive and send
  BothDirections forwarded;  // applyOnForward
  BothDirections untracked;  // doNotTrack
  Tiers before_dnat;         // preDNAT; ingress
  std::vector<std::string> profiles;
  bool operator==(const HostEndpoint&) const = default;
};

// A port that stays open on host endpoints whatever policy says.
struct FailsafePort {
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  std::optional<net::Cidr> net;  // of the other side
  bool operator==(const FailsafePort&) const = default;
};

// How packets of pools become the host's own when they leave for elsewhere (reference felix 3.6).
struct OutgoingNat {
  std::vector<net::Cidr> pools;         // sources to translate …
  bool except_hosts = false;            // … unless they go to a pool or, so asked, to a host of the cluster
  std::optional<net::Ip> address;       // instead of that of the interface; IPv4
  std::optional<net::PortRange> ports;  // of TCP and UDP
  std::string out_interface;            // only packets that leave by this one; empty: all
  bool operator==(const OutgoingNat&) const = default;
};

// Facts of the whole host, most of them from FelixConfiguration (reference felix 4.4).
struct HostSettings {
  std::vector<std::string> interface_prefixes{"cali"};
  enum class EndpointToHost : std::uint8_t {
    kDrop,
    kReturn,
    kAccept
  } endpoint_to_host = EndpointToHost::kDrop;
  bool ip_forwarding = true;  // the host is to be a router: ip_forward and its IPv6 counterpart are set
  bool edit_foreign_firewalls = false;  // so that they let through what policy allows
  bool reject_denied = false;           // instead of a silent drop
  bool drop_invalid = true;             // packets that conntrack cannot place
  bool recheck_flows = true;            // a changed policy is asked again about flows that are already there
  bool allow_spoofing = false;          // workloads may be given foreign sources (Endpoint::spoofable)
  bool floating_ips = false;            // Endpoint::floating_ips of any orchestrator are in force
  bool allow_vxlan_from_workloads = false;
  bool allow_ipip_from_workloads = false;
  std::uint16_t vxlan_port = 4789;
  std::string log_prefix = "calico-packet";
  std::vector<FailsafePort> failsafe_inbound, failsafe_outbound;
  OutgoingNat nat;
  std::vector<net::Cidr> all_pools;     // disabled ones too, not those of load balancers only
  std::set<net::Cidr> own_blocks;       // black-holed, except /32 and /128
  std::optional<net::Cidr> ipv4, ipv6;  // of this host, with its subnet
  Tunnels tunnels;
  Wireguard wireguard;
  // Addresses that stand for services: a packet that still has one when it would be forwarded would come back
  // for ever (reference felix 2.14). Empty: not looked at.
  std::vector<net::Cidr> service_addresses;
  bool reject_looping = false;            // instead of a silent drop
  std::string mtu_interfaces;             // regular expression over names: whose MTU counts
  std::vector<net::Cidr> external_hosts;  // that may send us tunnelled packets although they are no nodes
  bool operator==(const HostSettings&) const = default;
};

struct Batch {
  // nullopt = removed. Shared, because an IP set may be large and is sent whole only once.
  std::map<std::string, std::optional<Endpoint>> endpoints;           // by "namespace/name"
  std::map<std::string, std::optional<HostEndpoint>> host_endpoints;  // by name
  std::map<std::string, std::optional<Rules>> policies;               // by short kind and name: "np/ns/name"
  std::map<std::string, std::optional<Rules>> profiles;               // by name
  // Whole set on creation, nullopt when nothing uses it any more.
  std::map<std::string, std::shared_ptr<const IpSet>> ip_sets;  // nullptr = removed
  std::map<std::string, IpSetDelta> ip_set_deltas;              // for sets already sent
  std::map<std::string, std::optional<RemoteHost>> hosts;       // by node name; not this one
  std::map<net::Cidr, std::optional<RemoteRoute>> routes;
  std::optional<HostSettings> host;
  bool in_sync = false;

  bool empty() const;
  void MergeFrom(Batch later);
};

}  // namespace calico::dataplane_api
