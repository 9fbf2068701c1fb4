// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

// Reference datastore-model A.8 (CalicoNodeStatus), C.4.15: what an agent reports about itself when asked.
namespace calico::model {

struct BgpDaemonStatus {
  std::string state;  // "Ready", "NotReady"
  std::string version;
  std::string router_id;
  std::string last_boot_time;
  std::string last_reconfiguration_time;
  bool operator==(const BgpDaemonStatus&) const = default;
};
struct AgentStatus {
  BgpDaemonStatus bird_v4;
  BgpDaemonStatus bird_v6;
  bool operator==(const AgentStatus&) const = default;
};
struct BgpPeerStatus {
  std::string peer_ip;
  std::string type;   // "NodeMesh", "NodePeer", "GlobalPeer"
  std::string state;  // "Established", …
  std::string since;
  bool operator==(const BgpPeerStatus&) const = default;
};
struct BgpStatus {
  int number_established_v4 = 0;
  int number_not_established_v4 = 0;
  int number_established_v6 = 0;
  int number_not_established_v6 = 0;
  std::vector<BgpPeerStatus> peers_v4;
  std::vector<BgpPeerStatus> peers_v6;
  bool operator==(const BgpStatus&) const = default;
};
struct RouteSourceStatus {
  std::string source_type;  // "Kernel", "Static", "Direct", "NodeMesh", "BGPPeer"
  std::string peer_ip;
  bool operator==(const RouteSourceStatus&) const = default;
};
struct RouteStatus {
  std::string type;  // "FIB", "RIB"
  std::string destination;
  std::string gateway;
  std::string interface;
  RouteSourceStatus learned_from;
  bool operator==(const RouteStatus&) const = default;
};
struct RoutesStatus {
  std::vector<RouteStatus> routes_v4;
  std::vector<RouteStatus> routes_v6;
  bool operator==(const RoutesStatus&) const = default;
};
struct CalicoNodeStatus {
  Metadata metadata;
  std::string node;
  std::vector<std::string> classes;  // "Agent", "BGP", "Routes"
  std::optional<int> update_period_seconds;
  std::string last_updated;  // in status, like all that follows; stored as null when empty
  AgentStatus agent;
  BgpStatus bgp;
  RoutesStatus routes;
  UnknownMembers unknown;
  bool operator==(const CalicoNodeStatus&) const = default;
};

}  // namespace calico::model
