// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "calc/felix_settings.h"
#include "dataplane_api/bgp_view.h"
#include "dataplane_api/updates.h"
#include "model/selector/selector.h"
#include "model/update.h"

namespace calico::calc {

// The objects that are few, and from which whole answers are computed anew when one of them changes.
struct ClusterState {
  std::string node_name;
  model::FelixConfiguration overrides;  // FELIX_* variables of this process: they win
  std::map<std::string, model::IPPool> pools;
  std::map<std::string, model::Node> nodes;
  std::map<std::string, model::FelixConfiguration> felix_configurations;
  std::map<std::string, model::BGPConfiguration> bgp_configurations;
  std::map<std::string, model::BGPPeer> bgp_peers;
  std::map<std::string, model::BGPFilter> bgp_filters;
  std::set<net::Cidr> own_blocks;                          // confirmed affinities of this node
  std::map<net::Cidr, std::set<std::string>> block_hosts;  // confirmed affinities of all nodes; none is empty
  bool speaker = true;                                     // BIRD runs here
  bool beyond_subnet = false;                              // GoBGP does, and leads where we cannot
  // Those of this host, while a BGPPeer selects among them.
  struct LocalWorkload {
    model::Labels labels;  // with its profiles'
    std::vector<net::Cidr> addresses;
  };
  std::vector<LocalWorkload> local_workloads;

  bool HasWorkloadPeers() const;

  // Takes the change if it is of one of these kinds. False: answers that are computed whole stay as they are.
  bool Apply(const model::Key& key, const model::Object* object);
};

// Felix's parameters of this host. The state must outlive them.
FelixSettings SettingsOf(const ClusterState& state);
dataplane_api::HostSettings ComputeHostSettings(const ClusterState& state);
dataplane_api::BgpView ComputeBgpView(const ClusterState& state);

}  // namespace calico::calc
