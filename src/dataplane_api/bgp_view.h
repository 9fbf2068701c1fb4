// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "dataplane_api/remote.h"
#include "net/cidr.h"

// What calc hands to bgp: everything a speaker's configuration depends on. Plain values, sorted, so that
// equal state gives equal text.
namespace calico::dataplane_api {

// Where a password stands; the text itself is not in the store.
struct BgpSecret {
  std::string name, key;
  bool operator==(const BgpSecret&) const = default;
  auto operator<=>(const BgpSecret&) const = default;
};
enum class BgpNextHop : std::uint8_t { kAuto, kSelf, kKeep };  // kAuto: what BGP says
// One session of this node (reference bgp-and-node B4).
struct BgpPeerView {
  enum class Type : std::uint8_t { kMesh, kGlobal, kNode, kLocalWorkload } type = Type::kMesh;
  net::Ip ip;
  std::uint16_t port = 179;
  std::uint32_t as_number = 0;
  std::string node;                   // the peer's, if it is a node of the cluster
  std::uint32_t local_as_number = 0;  // 0: the node's
  bool passive = false;               // the other side calls
  bool reflect = false;               // it is our route reflector client
  bool reflects_us = false;           // we are its client
  BgpNextHop next_hop = BgpNextHop::kAuto;
  bool keep_next_hop_of_other_as = false;  // kKeep, only if the peer is of another AS
  bool from_node_ip = true;                // false: from whichever address routing chooses
  std::optional<int> restart_seconds = std::nullopt, keepalive_seconds = std::nullopt;
  std::optional<int> allowed_local_as = std::nullopt;  // how often our own AS may stand in a path
  std::optional<int> ttl_hops = std::nullopt;          // TTL security: the peer is so many hops away at most
  std::optional<net::Ip> reachable_by = std::nullopt;  // the gateway to it
  std::optional<BgpSecret> password = std::nullopt;
  std::optional<net::Ip> local_ip = std::nullopt;  // our end, if it is not the node's address
  std::vector<std::string> filters = {};           // in order; names of BgpView::filters
  bool operator==(const BgpPeerView&) const = default;
  auto operator<=>(const BgpPeerView&) const = default;
};
// A rule of a BGPFilter (reference bgp-and-node B7). What is not set matches everything.
struct BgpFilterRule {
  enum class Match : std::uint8_t { kEqual, kNotEqual, kIn, kNotIn };
  std::optional<net::Cidr> cidr;
  Match match = Match::kIn;
  std::optional<int> shortest, longest;  // length of the route's prefix
  bool from_peers = false;               // learned by BGP
  std::string interface;                 // pattern
  std::optional<bool> same_as;           // of the session: iBGP, or eBGP
  std::string community;                 // "65000:100", "65000:1:2"
  std::vector<std::uint32_t> as_path_begin;
  std::optional<int> priority;
  bool accept = false;
  // On acceptance.
  std::vector<std::string> add_communities;
  std::vector<std::uint32_t> prepend;  // the path begins with these, in this order
  std::optional<int> set_priority;
  bool operator==(const BgpFilterRule&) const = default;
};
struct BgpFilterView {
  std::vector<BgpFilterRule> import_v4, export_v4, import_v6, export_v6;
  bool operator==(const BgpFilterView&) const = default;
};
struct BgpPoolView {
  net::Cidr cidr;
  std::string name;
  Encapsulation encapsulation = Encapsulation::kNone;
  bool cross_subnet = false;
  bool speaker_routes = true;  // false: the agent programs this pool's routes, or nobody does
  bool disable_bgp_export = false;
  bool operator==(const BgpPoolView&) const = default;
};
struct BgpView {
  bool node_exists = false;             // without our Node object there is nothing to configure
  std::optional<net::Cidr> ipv4, ipv6;  // our node's addresses with their prefix
  std::uint32_t as_number = 64512;
  std::uint16_t listen_port = 179;
  std::optional<net::Ip> router_id;              // if the node's IPv4 address is not to be it
  bool bfd = false;                              // watch every session with BFD (RFC 5880)
  std::string log_severity;                      // "Info", "Debug", …
  std::string cluster_id;                        // of this node as route reflector; empty: it is none
  std::vector<BgpPeerView> peers;                // without ourselves
  std::map<std::string, BgpFilterView> filters;  // those that sessions name
  std::vector<BgpPoolView> pools;
  // Announced as they are, and never programmed.
  std::vector<net::Cidr> services;
  // Communities that routes inside a prefix are given on export.
  std::vector<std::pair<net::Cidr, std::string>> communities;
  bool bind_to_node_ip = false;
  std::vector<std::string> ignored_interfaces;  // patterns
  std::vector<net::Cidr> own_blocks;            // confirmed ones
  bool operator==(const BgpView&) const = default;

  std::vector<net::Cidr> PoolCidrs() const {
    std::vector<net::Cidr> cidrs;
    for (const BgpPoolView& pool : pools) cidrs.push_back(pool.cidr);
    return cidrs;
  }
};

}  // namespace calico::dataplane_api
