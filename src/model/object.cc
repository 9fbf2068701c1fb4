// SPDX-License-Identifier: Apache-2.0
#include <utility>

#include "model/update.h"

namespace calico::model {

Object::Object() = default;
Object::Object(const Object& other) = default;
Object::Object(Object&& other) noexcept = default;
Object& Object::operator=(const Object& other) = default;
Object& Object::operator=(Object&& other) noexcept = default;
Object::~Object() = default;

bool operator==(const Object& a, const Object& b) {
  return static_cast<const ObjectVariant&>(a) == static_cast<const ObjectVariant&>(b);
}

template <typename T>
  requires std::constructible_from<ObjectVariant, T>
Object::Object(T value) : ObjectVariant(std::move(value)) {}

template Object::Object(IPPool);
template Object::Object(Node);
template Object::Object(WorkloadEndpoint);
template Object::Object(Profile);
template Object::Object(BGPConfiguration);
template Object::Object(BGPPeer);
template Object::Object(ClusterInformation);
template Object::Object(FelixConfiguration);
template Object::Object(BGPFilter);
template Object::Object(BlockAffinityResource);
template Object::Object(CalicoNodeStatus);
template Object::Object(GlobalNetworkPolicy);
template Object::Object(GlobalNetworkSet);
template Object::Object(HostEndpoint);
template Object::Object(IPAMConfigResource);
template Object::Object(IPAMConfiguration);
template Object::Object(IPReservation);
template Object::Object(KubeControllersConfiguration);
template Object::Object(LiveMigration);
template Object::Object(NetworkPolicy);
template Object::Object(NetworkSet);
template Object::Object(StagedGlobalNetworkPolicy);
template Object::Object(StagedKubernetesNetworkPolicy);
template Object::Object(StagedNetworkPolicy);
template Object::Object(Tier);
template Object::Object(IpamBlock);
template Object::Object(BlockAffinity);
template Object::Object(IpamHandle);
template Object::Object(IpamConfig);
template Object::Object(DockerNetwork);
template Object::Object(DockerNetworkName);
template Object::Object(DockerNetworkHost);

}  // namespace calico::model
