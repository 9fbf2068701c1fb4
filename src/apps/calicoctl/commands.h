// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "apps/calicoctl/command_spec.h"

namespace calico::calicoctl {

// Every command, in the order of the help. Each group of verbs specifies its own in a file of its own.
const std::vector<Command>& AllCommands();

std::vector<Command> WriteCommands();       // create, apply, replace
std::vector<Command> ChangeCommands();      // patch, label
std::vector<Command> DeleteCommands();      // delete
std::vector<Command> GetCommands();         // get
std::vector<Command> ConvertCommands();     // convert
std::vector<Command> ValidateCommands();    // validate
std::vector<Command> ConfigCommands();      // config set, get, unset
std::vector<Command> IpamCommands();        // ipam show, configure, release, check, split
std::vector<Command> DatastoreCommands();   // datastore migrate …
std::vector<Command> ClusterCommands();     // cluster diags
std::vector<Command> NodeStatusCommands();  // node status
std::vector<Command> NodeRunCommands();
std::vector<Command> NodeDiagsCommands();
std::vector<Command> NodeChecksystemCommands();
std::vector<Command> TraceCommands();       // trace
std::vector<Command> VersionCommands();     // version
std::vector<Command> CompletionCommands();  // completion
std::vector<Command> ManCommands();         // man, hidden

}  // namespace calico::calicoctl
