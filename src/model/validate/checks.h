// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: the steps of validation, one function a kind.

#include "model/update.h"
#include "model/validate/problems.h"

namespace calico::model::validate {

// Fields (reference datastore-model C.2, C.4, C.5).
void Check(const IPPool& pool, Problems& problems);
void Check(const Node& node, Problems& problems);
void Check(const WorkloadEndpoint& endpoint, Problems& problems);
void Check(const Profile& profile, Problems& problems);
void Check(const BGPConfiguration& configuration, Problems& problems);
void Check(const BGPPeer& peer, Problems& problems);
void Check(const FelixConfiguration& configuration, Problems& problems);
void Check(const BGPFilter& filter, Problems& problems);
void Check(const BlockAffinityResource& affinity, Problems& problems);
void Check(const CalicoNodeStatus& status, Problems& problems);
void Check(const GlobalNetworkPolicy& policy, Problems& problems);
void Check(const GlobalNetworkSet& set, Problems& problems);
void Check(const HostEndpoint& endpoint, Problems& problems);
void Check(const IPAMConfigResource& configuration, Problems& problems);
void Check(const IPAMConfiguration& configuration, Problems& problems);
void Check(const IPReservation& reservation, Problems& problems);
void Check(const KubeControllersConfiguration& configuration, Problems& problems);
void Check(const LiveMigration& migration, Problems& problems);
void Check(const NetworkPolicy& policy, Problems& problems);
void Check(const NetworkSet& set, Problems& problems);
void Check(const StagedGlobalNetworkPolicy& policy, Problems& problems);
void Check(const StagedKubernetesNetworkPolicy& policy, Problems& problems);
void Check(const StagedNetworkPolicy& policy, Problems& problems);
void Check(const Tier& tier, Problems& problems);
void Check(const DockerNetwork& network, Problems& problems);
bool IsDockerName(std::string_view text);

// C.3. `kind` has metadata.
void CheckMetadata(Kind kind, const Metadata& metadata, Problems& problems);
void CheckAnnotations(const std::map<std::string, std::string>& annotations, Problems& problems);
void CheckLabels(std::string_view field, const std::map<std::string, std::string>& labels,
                 Problems& problems);

// Rules of the resource definitions (C.7): a path instead of a field's name, and no value.
void CheckSchema(const Object& object, Problems& problems);
void CheckPolicySchema(const Object& object, Problems& problems);
void CheckFelixSchema(const FelixConfiguration& configuration, Problems& problems);

}  // namespace calico::model::validate
