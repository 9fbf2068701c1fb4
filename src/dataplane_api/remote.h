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
  bool operator==(const RemoteHost&) const = default;
};

// A route to another host that the agent programs: a block of that host, or an address that it has out of
// somebody else's. Routes that BIRD programs are not among them.
struct RemoteRoute {
  enum class Way : std::uint8_t { kDirect, kIpip, kVxlan } way = Way::kDirect;
  net::Ip via;       // the host's address; with VXLAN that of its device
  std::string node;  // for logs
  bool operator==(const RemoteRoute&) const = default;
};

// A tunnel device of this host.
struct TunnelDevice {
  std::optional<net::Ip> address;  // none yet: the device is not used
  std::optional<net::Mac> mac;     // VXLAN
  int mtu_bytes = 0;               // 0: from the uplink
  bool operator==(const TunnelDevice&) const = default;
};
// What this host needs to send and receive tunnelled packets; nullopt: no such device.
struct Tunnels {
  std::optional<TunnelDevice> ipip, vxlan_v4, vxlan_v6;
  std::uint32_t vxlan_vni = 4096;
  bool operator==(const Tunnels&) const = default;
};

}  // namespace calico::dataplane_api
