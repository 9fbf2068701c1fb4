// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// `create`, `apply`, `replace` and `delete` (reference calicoctl B.1, B.2). All input is parsed before the
// first write; a resource that fails does not keep the others from being written; every failure is reported.
int RunCreate(const Session& session);
int RunApply(const Session& session);
int RunReplace(const Session& session);
int RunDelete(const Session& session);

}  // namespace calico::calicoctl
