// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>

#include "apps/calicoctl/system_check.h"

namespace calico::calicoctl {

// The result lines and the verdict, which is also the exit code.
int CheckSystem(const KernelFacts& facts, std::ostream& out, std::ostream& err);

}  // namespace calico::calicoctl
