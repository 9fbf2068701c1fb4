// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

inline constexpr std::uint32_t kDefaultAsNumber = 64512;

// A value that a Kubernetes secret holds.
struct SecretKeyRef {
  std::string name;
  std::string key;
  bool optional = false;
  bool operator==(const SecretKeyRef&) const = default;
};
struct BGPPassword {
  std::optional<SecretKeyRef> secret_key_ref;
  bool operator==(const BGPPassword&) const = default;
};
struct Community {
  std::string name;
  std::string value;  // "aa:nn" or "aa:nn:mm"
  bool operator==(const Community&) const = default;
};
struct PrefixAdvertisement {
  std::string cidr;
  std::vector<std::string> communities;  // values, or names of Community
  bool operator==(const PrefixAdvertisement&) const = default;
};
struct CidrItem {
  std::string cidr;
  bool operator==(const CidrItem&) const = default;
};

// Reference datastore-model C.4.13; name "default" or "node.<name>".
struct BGPConfiguration {
  Metadata metadata;
  std::string log_severity_screen;
  std::optional<bool> node_to_node_mesh_enabled;  // unset = true
  std::optional<std::uint32_t> as_number;         // unset = kDefaultAsNumber
  std::vector<CidrItem> service_load_balancer_ips;
  std::vector<CidrItem> service_external_ips;
  std::vector<CidrItem> service_cluster_ips;
  std::string service_load_balancer_aggregation;
  std::vector<Community> communities;
  std::vector<PrefixAdvertisement> prefix_advertisements;
  std::optional<int> listen_port;  // unset = 179
  std::optional<BGPPassword> node_mesh_password;
  std::string node_mesh_max_restart_time;  // Go duration
  std::string bind_mode;                   // "None", "NodeIP"
  std::vector<std::string> ignored_interfaces;
  std::string local_workload_peering_ipv4;
  std::string local_workload_peering_ipv6;
  std::string program_cluster_routes;  // "Enabled", "Disabled"
  std::optional<int> ipv4_normal_route_priority;
  std::optional<int> ipv6_normal_route_priority;
  UnknownMembers unknown;
  bool operator==(const BGPConfiguration&) const = default;
};

// Reference datastore-model C.4.12.
struct BGPPeer {
  Metadata metadata;
  std::string node;
  std::string node_selector;
  std::string peer_ip;  // "10.0.0.1", "10.0.0.1:1179", "[fd00::1]:1179"
  std::optional<std::uint32_t> as_number;
  std::optional<std::uint32_t> local_as_number;
  std::string peer_selector;
  std::string local_workload_selector;
  bool keep_original_next_hop = false;  // deprecated: next_hop_mode
  std::string next_hop_mode;            // "Auto", "Self", "Keep"
  std::optional<BGPPassword> password;
  std::string source_address;    // "UseNodeIP", "None"
  std::string max_restart_time;  // Go duration
  std::string keepalive_time;    // Go duration
  std::optional<int> num_allowed_local_as_numbers;
  std::optional<int> ttl_security;  // hops
  std::string reachable_by;
  std::vector<std::string> filters;  // names of BGPFilter
  std::string reverse_peering;       // "Auto", "Manual"
  UnknownMembers unknown;
  bool operator==(const BGPPeer&) const = default;
};

struct BGPFilterPrefixLength {
  std::optional<int> min;
  std::optional<int> max;
  bool operator==(const BGPFilterPrefixLength&) const = default;
};
struct BGPFilterCommunities {
  std::vector<std::string> values;
  bool operator==(const BGPFilterCommunities&) const = default;
};
struct BGPFilterAddCommunity {
  std::string value;
  bool operator==(const BGPFilterAddCommunity&) const = default;
};
struct BGPFilterPrependAsPath {
  std::vector<std::uint32_t> prefix;
  bool operator==(const BGPFilterPrependAsPath&) const = default;
};
struct BGPFilterSetPriority {
  int value = 0;
  bool operator==(const BGPFilterSetPriority&) const = default;
};
// Exactly one is set.
struct BGPFilterOperation {
  std::optional<BGPFilterAddCommunity> add_community;
  std::optional<BGPFilterPrependAsPath> prepend_as_path;
  std::optional<BGPFilterSetPriority> set_priority;
  bool operator==(const BGPFilterOperation&) const = default;
};
struct BGPFilterRule {
  std::string cidr;
  std::optional<BGPFilterPrefixLength> prefix_length;
  std::string source;  // "RemotePeers"
  std::string interface;
  std::string match_operator;  // "Equal", "In", "NotEqual", "NotIn"
  std::string peer_type;       // "eBGP", "iBGP"
  std::optional<BGPFilterCommunities> communities;
  std::vector<std::uint32_t> as_path_prefix;
  std::optional<int> priority;
  std::string action;  // "Accept", "Reject"
  std::vector<BGPFilterOperation> operations;
  bool operator==(const BGPFilterRule&) const = default;
};
// Reference datastore-model C.4.14.
struct BGPFilter {
  Metadata metadata;
  std::vector<BGPFilterRule> export_v4;
  std::vector<BGPFilterRule> import_v4;
  std::vector<BGPFilterRule> export_v6;
  std::vector<BGPFilterRule> import_v6;
  UnknownMembers unknown;
  bool operator==(const BGPFilter&) const = default;
};

}  // namespace calico::model
