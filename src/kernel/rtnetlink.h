// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "base/result.h"
#include "net/cidr.h"
#include "net/mac.h"

namespace calico::kernel {

// Route protocol numbers (linux/rtnetlink.h and reference felix 3.3). 81 is our own: see
// apps/node/bird_routes.h.
inline constexpr std::uint8_t kAnyProtocol = 0, kProtoKernel = 2, kProtoBoot = 3, kProtoStatic = 4,
                              kProtoBird = 12, kProtoCalico = 80, kProtoHeld = 81;
inline constexpr std::uint32_t kMainTable = 254;

enum class RouteType : std::uint8_t {
  kUnicast = 1,
  kLocal = 2,
  kBroadcast = 3,
  kMulticast = 5,
  kBlackhole = 6,
  kUnreachable = 7,
  kProhibit = 8,
  kThrow = 9
};
enum class RouteScope : std::uint8_t { kUniverse = 0, kLink = 253, kHost = 254 };

// The kernel's FIB key within one table: two routes coexist iff their keys differ.
// IPv6 calls a metric of 0 "1024"; callers say 1024 there to read back what they wrote.
struct RouteKey {
  net::Cidr dst;
  std::uint32_t metric = 0;
  // As the kernel has a route that is written without a metric.
  static RouteKey To(const net::Cidr& dst) { return {dst, dst.family() == net::Family::kV4 ? 0U : 1024U}; }
  auto operator<=>(const RouteKey&) const = default;
};
struct NextHop {
  int ifindex = 0;
  std::optional<net::Ip> gateway;
  bool onlink = false;
  auto operator<=>(const NextHop&) const = default;
};
struct Route {
  RouteType type = RouteType::kUnicast;
  RouteScope scope = RouteScope::kUniverse;
  std::uint8_t protocol = 0;
  int ifindex = 0;  // 0 for blackholes
  std::optional<net::Ip> gateway;
  bool onlink = false;
  std::vector<NextHop> next_hops =
      {};  // two or more: packets are spread over them, and those above are unset
  bool operator==(const Route&) const = default;
};

// What makes a VXLAN device (RFC 7348) the one it is: none of this can be changed later.
struct Vxlan {
  std::uint32_t vni = 0;
  std::uint16_t port = 0;
  std::optional<net::Ip> local;  // source of what it sends
  int parent_ifindex = 0;
  bool learning = false;  // of MAC addresses, from what it receives
  bool external = false;  // "flow-based": somebody else's way to use it
  bool checksum = false;  // of the outer packet over IPv4, which RFC 7348 wants to be none
  bool operator==(const Vxlan&) const = default;
};
struct Link {
  int ifindex = 0;
  std::string name;
  std::string kind;       // "veth", "bridge", …; empty for physical ones
  bool admin_up = false;  // IFF_UP
  bool running = false;   // IFF_RUNNING: also has a carrier
  bool loopback = false;
  int mtu_bytes = 0;
  net::Mac mac;
  int peer_ifindex = 0;     // veth: IFLA_LINK, index in the peer's namespace
  std::uint32_t group = 0;  // IFLA_GROUP: a number that says whose it is, or what goes together
  std::optional<Vxlan> vxlan;
  bool operator==(const Link&) const = default;
};
// A device that is no veth, to be made down.
struct NewLink {
  std::string name;
  std::string kind;  // "ipip", "vxlan", "wireguard", "bridge", "dummy"
  std::optional<net::Mac> mac;
  int mtu_bytes = 0;           // 0: kernel default
  std::optional<Vxlan> vxlan;  // of kind "vxlan"
};
struct Address {
  int ifindex = 0;
  net::Cidr address;       // host bits kept
  bool temporary = false;  // IPv6: not to stay (RFC 8981), or deprecated. No part of which one it is
  bool operator==(const Address& other) const { return ifindex == other.ifindex && address == other.address; }
  auto operator<=>(const Address& other) const {
    return std::tie(ifindex, address) <=> std::tie(other.ifindex, other.address);
  }
};
struct NeighbourKey {
  int ifindex = 0;
  net::Ip ip;
  auto operator<=>(const NeighbourKey&) const = default;
};
struct Neighbour {
  net::Mac mac;
  bool permanent = false;
  bool operator==(const Neighbour&) const = default;
};
// Forwarding database of a VXLAN device: packets for this MAC go to that host.
struct FdbKey {
  int ifindex = 0;
  net::Mac mac;
  auto operator<=>(const FdbKey&) const = default;
};
// A rule that says by the packet's mark which table is asked (`ip rule`).
struct RoutingRule {
  net::Family family = net::Family::kV4;
  std::uint32_t priority = 0;
  std::uint32_t mark = 0, mask = 0;
  bool invert = false;  // for packets that do NOT have the mark
  std::uint32_t table = 0;
  auto operator<=>(const RoutingRule&) const = default;
};
struct VethPair {
  std::string host_name;  // both ends are created in the caller's namespace
  std::string peer_name;
  int mtu_bytes = 0;  // 0: kernel default
  std::optional<net::Mac> peer_mac;
  bool host_up = true;  // set the host end up in the same request
  std::uint32_t host_group = 0;
};

// One rtnetlink socket of the calling thread's network namespace. Each call blocks for one exchange
// (bounded by a 5 s socket time-out). Not thread-safe; open one per thread. EINTR and interrupted
// dumps are retried inside; everything else is an Error with the errno.
class Rtnetlink {
 public:
  virtual ~Rtnetlink() = default;

  virtual Result<std::map<RouteKey, Route>> ListRoutes(net::Family family, std::uint32_t table) = 0;
  virtual Status ReplaceRoute(std::uint32_t table, const RouteKey& key, const Route& route) = 0;
  // kNotFound. IPv4 takes a metric of 0 as "any": if no route has 0, the one of the lowest metric goes, were
  // it not for the protocol, which keeps others' routes out of it.
  virtual Status DeleteRoute(std::uint32_t table, const RouteKey& key, std::uint8_t protocol) = 0;

  virtual Result<std::vector<Link>> ListLinks() = 0;
  virtual Result<Link> GetLink(const std::string& name) = 0;  // kNotFound
  virtual Result<std::vector<Address>> ListAddresses() = 0;
  virtual Status AddAddress(const Address& address) = 0;     // kAlreadyExists
  virtual Status DeleteAddress(const Address& address) = 0;  // EADDRNOTAVAIL: it is not there
  virtual Status CreateVeth(const VethPair& pair) = 0;       // kAlreadyExists
  // kAlreadyExists; kUnsupported: the kernel has no such kind. Loads the kind's module if it must.
  virtual Status CreateLink(const NewLink& link) = 0;
  // Whether the kernel can make links of this kind: "ipip", "vxlan". Makes none; may load the kind's module.
  virtual Result<bool> HasLinkKind(const std::string& kind) = 0;
  virtual Status DeleteLink(const std::string& name) = 0;  // kNotFound
  // All links of a group at once: the kernel waits for its readers once a request, 20 ms, not once a link.
  // kNotFound: there are none. Never group 0, in which is what nobody has put elsewhere: kInvalidArgument.
  virtual Status DeleteLinkGroup(std::uint32_t group) = 0;
  virtual Status SetLinkGroup(const std::string& name, std::uint32_t group) = 0;  // kNotFound
  virtual Status SetLinkUp(int ifindex, bool up) = 0;
  virtual Status SetLinkMtu(int ifindex, int mtu_bytes) = 0;
  virtual Status SetLinkMac(int ifindex, const net::Mac& mac) = 0;

  virtual Result<std::map<NeighbourKey, Neighbour>> ListNeighbours(net::Family family) = 0;
  virtual Status ReplaceNeighbour(const NeighbourKey& key, const Neighbour& neighbour) = 0;
  virtual Status DeleteNeighbour(const NeighbourKey& key) = 0;

  // Only entries that name one other host.
  virtual Result<std::map<FdbKey, net::Ip>> ListFdb(int ifindex) = 0;
  virtual Status ReplaceFdb(const FdbKey& key, const net::Ip& remote_host) = 0;
  virtual Status DeleteFdb(const FdbKey& key) = 0;  // kNotFound

  // Only rules of RoutingRule's form, without any further condition.
  virtual Result<std::set<RoutingRule>> ListRules(net::Family family) = 0;
  virtual Status AddRule(const RoutingRule& rule) = 0;     // kAlreadyExists
  virtual Status DeleteRule(const RoutingRule& rule) = 0;  // kNotFound
};

Result<std::unique_ptr<Rtnetlink>> OpenRtnetlink();

// What changed, from the kernel's notifications. `kOverrun` (ENOBUFS): some were lost, resync everything.
struct LinkChanged {
  Link link;
};
struct LinkRemoved {
  int ifindex = 0;
  std::string name;
};
struct AddressChanged {
  Address address;
  bool removed = false;
};
struct RouteChanged {
  net::Family family;
  std::uint32_t table = 0;
  RouteKey key;
  Route route;
  bool removed = false;
};
struct Overrun {};

class RtnetlinkMonitor {
 public:
  struct Events {
    std::vector<LinkChanged> links;
    std::vector<LinkRemoved> links_removed;
    std::vector<AddressChanged> addresses;
    std::vector<RouteChanged> routes;
    bool overrun = false;
  };
  virtual ~RtnetlinkMonitor() = default;
  virtual int fd() const = 0;         // watch for reading
  virtual Result<Events> Read() = 0;  // everything pending, in one go; never blocks
};
Result<std::unique_ptr<RtnetlinkMonitor>> OpenRtnetlinkMonitor();
// Of links only.
Result<std::unique_ptr<RtnetlinkMonitor>> OpenLinkMonitor();

}  // namespace calico::kernel
