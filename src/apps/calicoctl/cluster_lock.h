// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/session.h"
#include "base/result.h"
#include "model/cluster_information.h"

namespace calico::calicoctl {

// The cluster's ClusterInformation; an empty one when nothing has been started on the store yet.
Result<model::ClusterInformation> ReadClusterInformation(const Session& session);
// Somebody said `datastore migrate lock`: nodes attach and detach no containers meanwhile.
bool IsLocked(const model::ClusterInformation& information);

// Makes what a new store needs (reference datastore-model A.13), and then locks or unlocks it.
Status SetLocked(const Session& session, bool locked);

}  // namespace calico::calicoctl
