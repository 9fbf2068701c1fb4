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
struct NodeWireguard {
  std::string interface_ipv4_address;
  std::string interface_ipv6_address;
  bool operator==(const NodeWireguard&) const = default;
};
struct NodeInterface {
  std::string name;
  std::vector<std::string> addresses;
  bool operator==(const NodeInterface&) const = default;
};
struct NodeStatus {
  std::string wireguard_public_key;  // base64 of 32 bytes
  std::string wireguard_public_key_v6;
  std::vector<std::string> pod_cidrs;
  bool operator==(const NodeStatus&) const = default;
};
// Reference datastore-model A.8, C.4.11.
struct Node {
  Metadata metadata;
  std::optional<NodeBgp> bgp;
  std::string ipv4_vxlan_tunnel_addr;
  std::string vxlan_tunnel_mac_addr;
  std::string ipv6_vxlan_tunnel_addr;
  std::string vxlan_tunnel_mac_addr_v6;
  std::vector<OrchRef> orch_refs;
  std::optional<NodeWireguard> wireguard;
  std::vector<NodeAddress> addresses;
  std::vector<NodeInterface> interfaces;
  NodeStatus status;  // always stored
  UnknownMembers unknown;
  bool operator==(const Node&) const = default;
};

}  // namespace calico::model
