// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// `calicoctl get` (reference calicoctl B.1 to B.3): results on stdout, then each error on a line of stderr.
int RunGet(const Session& session);

}  // namespace calico::calicoctl
