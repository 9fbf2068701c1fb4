// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "net/cidr.h"
#include "net/mac.h"

// The other hosts and the ways to them, as calc tells the dataplane. Plain values.
namespace calico::dataplane_api {

// How an IP pool's packets travel between hosts.
enum class Encapsulation : std::uint8_t { kNone, kIpip, kVxlan };

// A host's end of a VXLAN.
struct Vtep {
  net::Ip ip;  // of the device, out of the host's blocks
  net::Mac mac;
  bool operator==(const Vtep&) const = default;
};

// Another host of the cluster, as its Node object describes it.
struct RemoteHost {
  std::optional<net::Ip> ipv4, ipv6;  // that it is reached at
  std::optional<Vtep> vxlan_v4, vxlan_v6;
  std::string wireguard_v4, wireguard_v6;  // its public keys in base64; empty: none
  bool operator==(const RemoteHost&) const = default;
};

// Where a block of another host is, or an address that a host has out of somebody else's block, and how
// packets get there.
struct RemoteRoute {
  enum class Way : std::uint8_t {
    kDirect,
    kIpip,
    kVxlan,
    kNotOurs,  // BIRD programs the route, or nobody does; told with WireGuard only
    kHere      // it is this host's, out of another one's block; likewise
  } way = Way::kDirect;
  net::Ip via;       // the host's address; with VXLAN that of its device
  std::string node;  // whose it is
  bool operator==(const RemoteRoute&) const = default;
};

// A tunnel device of this host.
struct TunnelDevice {
  std::optional<net::Ip> address;  // none yet: the device is not used
  std::optional<net::Mac> mac;     // VXLAN
  int mtu_bytes = 0;               // 0: from the uplink
  bool operator==(const TunnelDevice&) const = default;
};
// WireGuard between hosts, of one family (reference felix 3.9).
struct WireguardDevice {
  bool enabled = false;
  std::string interface;  // known also when it is not enabled: then it must not be there
  std::uint16_t port = 0;
  int mtu_bytes = 0;               // 0: from the uplink
  std::optional<net::Ip> address;  // of the device
  bool operator==(const WireguardDevice&) const = default;
};
struct Wireguard {
  WireguardDevice v4, v6;
  bool host_encryption = false;  // what hosts send to each other, too
  std::uint32_t rule_priority = 99;
  std::uint32_t table = 1;
  std::uint16_t keepalive_seconds = 0;
  bool operator==(const Wireguard&) const = default;
};

// What this host needs to send and receive tunnelled packets; nullopt: no such device.
struct Tunnels {
  std::optional<TunnelDevice> ipip, vxlan_v4, vxlan_v6;
  std::uint32_t vxlan_vni = 4096;
  bool operator==(const Tunnels&) const = default;
};

}  // namespace calico::dataplane_api
