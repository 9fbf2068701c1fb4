// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// The first lines of `calicoctl version`: this program.
void PrintClientVersion(std::ostream& out);
// The others: the cluster, and which store was chosen and why.
int PrintClusterVersion(const Session& session, const std::string& reason);

}  // namespace calico::calicoctl
