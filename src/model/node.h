// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

struct NodeBgp {
  std::optional<std::uint32_t> as_number;
  std::string ipv4_address;  // "10.20.0.7/24": host bits kept, the prefix says "same subnet"
  std::string ipv6_address;
  std::string ipv4_ipip_tunnel_addr;
  std::string route_reflector_cluster_id;
  bool operator==(const NodeBgp&) const = default;
};
struct NodeAddress {
  std::string address;
  std::string type;  // "CalicoNodeIP", "InternalIP", "ExternalIP"
  bool operator==(const NodeAddress&) const = default;
};
struct OrchRef {
  std::string node_name;
  std::string orchestrator;
  bool operator==(const OrchRef&) const = default;
};
// Reference datastore-model A.8, C.4.11. Members of later issues (VXLAN, WireGuard, interfaces) live in
// `unknown`.
struct Node {
  Metadata metadata;
  std::optional<NodeBgp> bgp;
  std::vector<OrchRef> orch_refs;
  std::vector<NodeAddress> addresses;
  UnknownMembers unknown;
  bool operator==(const Node&) const = default;
};

}  // namespace calico::model
