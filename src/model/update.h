// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <variant>

#include "model/bgp.h"
#include "model/cluster_information.h"
#include "model/docker_network.h"
#include "model/felix_configuration.h"
#include "model/host_endpoint.h"
#include "model/ip_pool.h"
#include "model/ipam.h"
#include "model/ipam_resources.h"
#include "model/key.h"
#include "model/kube_controllers_configuration.h"
#include "model/live_migration.h"
#include "model/network_set.h"
#include "model/node.h"
#include "model/node_status.h"
#include "model/policy.h"
#include "model/profile.h"
#include "model/workload_endpoint.h"

namespace calico::model {

// In the order of enum Kind.
using Object =
    std::variant<IPPool, Node, WorkloadEndpoint, Profile, BGPConfiguration, BGPPeer, ClusterInformation,
                 FelixConfiguration, BGPFilter, BlockAffinityResource, CalicoNodeStatus, GlobalNetworkPolicy,
                 GlobalNetworkSet, HostEndpoint, IPAMConfigResource, IPAMConfiguration, IPReservation,
                 KubeControllersConfiguration, LiveMigration, NetworkPolicy, NetworkSet,
                 StagedGlobalNetworkPolicy, StagedKubernetesNetworkPolicy, StagedNetworkPolicy, Tier,
                 IpamBlock, BlockAffinity, IpamHandle, IpamConfig, DockerNetwork>;

// What the syncer tells calc: the latest value of each key that changed; a null pointer means the key is
// absent (deleted, or not decodable). Two batches merge by taking the later value per key.
struct UpdateBatch {
  std::map<Key, std::shared_ptr<const Object>> updates;
  bool in_sync = false;  // once true it stays true: everything listed at start has been sent

  bool empty() const { return updates.empty() && !in_sync; }
  void MergeFrom(UpdateBatch later) {
    for (auto& [key, value] : later.updates) updates.insert_or_assign(key, std::move(value));
    in_sync = in_sync || later.in_sync;
  }
};

}  // namespace calico::model
