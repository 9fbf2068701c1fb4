// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "dataplane_api/remote.h"
#include "net/cidr.h"

// What calc hands to bgp: everything a speaker's configuration depends on. Plain values, sorted, so that
// equal state gives equal text.
namespace calico::dataplane_api {

struct BgpPeerView {
  enum class Type : std::uint8_t { kMesh, kGlobal, kNode } type = Type::kMesh;
  net::Ip ip;
  std::uint16_t port = 179;
  std::uint32_t as_number = 0;
  std::string node;  // mesh: the peer's node name
  bool operator==(const BgpPeerView&) const = default;
  auto operator<=>(const BgpPeerView&) const = default;
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
  std::string log_severity;        // "Info", "Debug", …
  std::vector<BgpPeerView> peers;  // without ourselves
  std::vector<BgpPoolView> pools;
  std::vector<net::Cidr> own_blocks;  // confirmed ones
  bool operator==(const BgpView&) const = default;
};

}  // namespace calico::dataplane_api
