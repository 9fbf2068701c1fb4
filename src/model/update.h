// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <concepts>
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
using ObjectVariant =
    std::variant<IPPool, Node, WorkloadEndpoint, Profile, BGPConfiguration, BGPPeer, ClusterInformation,
                 FelixConfiguration, BGPFilter, BlockAffinityResource, CalicoNodeStatus, GlobalNetworkPolicy,
                 GlobalNetworkSet, HostEndpoint, IPAMConfigResource, IPAMConfiguration, IPReservation,
                 KubeControllersConfiguration, LiveMigration, NetworkPolicy, NetworkSet,
                 StagedGlobalNetworkPolicy, StagedKubernetesNetworkPolicy, StagedNetworkPolicy, Tier,
                 DockerNetwork, IpamBlock, BlockAffinity, IpamHandle, IpamConfig, DockerNetworkName,
                 DockerNetworkHost>;

// Any object of the model: std::visit, std::get_if and the like take it as they take the variant. A class, so
// that copying, comparing and destroying thirty structs is compiled once, in object.cc, and not wherever an
// object passes by.
class Object : public ObjectVariant {
 public:
  Object();  // an IPPool
  Object(const Object& other);
  Object(Object&& other) noexcept;
  Object& operator=(const Object& other);
  Object& operator=(Object&& other) noexcept;
  ~Object();

  // From one of the structs.
  template <typename T>
    requires std::constructible_from<ObjectVariant, T>
  Object(T value);  // NOLINT(google-explicit-constructor): as for the variant

  friend bool operator==(const Object& a, const Object& b);
};

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
