// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "kernel/nftables.h"
#include "kernel/rtnetlink.h"
#include "net/ip.h"
#include "net/mac.h"

// What the kernel would do to a packet, read from what stands in our table: the table as it is, not as it
// should be. Pure. Semantics of the statements: nft(8), net/netfilter/nf_tables_core.c.
namespace calico::dataplane {

// The first packet of a new connection, at one host.
struct WalkedPacket {
  net::Ip source, destination;
  std::uint8_t protocol = 0;
  std::uint16_t source_port = 0, destination_port = 0;  // of protocols that have them
  std::uint8_t icmp_type = 0, icmp_code = 0;
  std::string in_interface;            // empty: a process of this host sends it
  std::string out_interface;           // empty: a process of this host gets it
  std::optional<net::Mac> source_mac;  // nullopt: that which a set says, if any does
  bool from_where_it_routes = true;    // the routes lead to the source by `in_interface`
};

// A rule in words.
struct WalkedRule {
  std::string chain;
  std::size_t number = 0;  // in its chain, from 1
  std::string comment;
};

struct Walk {
  bool dropped = false;
  // The rule that dropped it or, where a packet is marked first, the one that last said what becomes of it.
  // nullopt: no rule said anything of it.
  std::optional<WalkedRule> decided_by;
  // Rules on its way that are not of our making; what they do is not known.
  std::vector<WalkedRule> foreign;
  // A chain or set that a rule on its way leads to and that is not there.
  std::vector<std::string> missing;
};
Walk WalkTable(const kernel::nft::TableContent& table, const WalkedPacket& packet);

using RoutingTable = std::map<kernel::RouteKey, kernel::Route>;
// The interface that the most specific route to an address leads to; 0: there is none.
int InterfaceTo(const RoutingTable& routes, const net::Ip& ip);
// Whether packets from `source` come in where answers to them would go out, as the strict reverse path check
// has it.
bool RoutesBack(const RoutingTable& routes, const net::Ip& source, int ifindex);

}  // namespace calico::dataplane
