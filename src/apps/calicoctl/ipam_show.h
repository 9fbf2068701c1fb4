// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// `calicoctl ipam show [--show-blocks | --ip=IP]` (reference calicoctl C.1.1).
int RunIpamShow(const Session& session);

}  // namespace calico::calicoctl
