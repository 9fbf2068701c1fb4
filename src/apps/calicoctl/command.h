// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <istream>
#include <ostream>
#include <string>
#include <vector>

#include "apps/calicoctl/session.h"
#include "base/environment.h"

namespace calico::calicoctl {

// The whole program: parses the words after its name, opens the store if the verb needs it, runs the verb.
// Returns the exit code: 0, or 1 after any failure (reference calicoctl A.2).
int RunCommand(const std::vector<std::string>& words, const Environment& environment, std::istream& in,
               std::ostream& out, std::ostream& err);

// The part of it that works on a store; `reason` is why this one was chosen. Not for `node status`.
int RunOnStore(const Session& session, const std::string& reason);

}  // namespace calico::calicoctl
