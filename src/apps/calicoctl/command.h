// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

// The whole program: parses the words after its name, opens the store if the command needs it, runs the
// command. Returns the exit code: 0, or 1 after any failure (reference calicoctl A.2).
int RunCommand(const std::vector<std::string>& words, const Surroundings& surroundings);

// The store by the rule that all programs share (datastore/choice.h). `create`: for filling it; an embedded
// store that was asked for by name is made, and etcd may hold Calico 2.6's data only.
Result<OpenedStore> OpenChosenStore(const Environment& environment, const std::string& config_file,
                                    bool create = false);

}  // namespace calico::calicoctl
