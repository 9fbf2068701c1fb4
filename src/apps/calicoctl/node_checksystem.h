// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <vector>

#include "apps/calicoctl/system_check.h"
#include "kernel/foreign_firewall.h"

namespace calico::calicoctl {

// The result lines and the verdict, which is also the exit code. `firewalls`: of this host, in the forward
// hook.
int CheckSystem(const KernelFacts& facts, const std::vector<kernel::ForeignChain>& firewalls,
                std::ostream& out, std::ostream& err);

}  // namespace calico::calicoctl
