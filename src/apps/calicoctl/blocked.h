// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/codec/document.h"
#include "model/key.h"

namespace calico::calicoctl {

enum class Operation { kCreate, kApply, kReplace, kDelete, kPatch };

// What calicoctl leaves to others (reference calicoctl B.1, D.4): the cluster's own record, policies made
// from those of Kubernetes, and Docker's networks, which may only be deleted.
Status CheckAllowed(Operation operation, const model::Key& key, model::ApiVersion dialect);

}  // namespace calico::calicoctl
