// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/commands.h"

namespace calico::calicoctl {

const std::vector<Command>& AllCommands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    for (const auto group :
         {WriteCommands, ChangeCommands, DeleteCommands, GetCommands, ValidateCommands, ConvertCommands,
          ConfigCommands, IpamCommands, NodeRunCommands, NodeStatusCommands, NodeDiagsCommands,
          NodeChecksystemCommands, DatastoreCommands, ClusterCommands, TraceCommands, VersionCommands,
          CompletionCommands, ManCommands}) {
      for (Command& command : group()) all.push_back(std::move(command));
    }
    return all;
  }();
  return kCommands;
}

}  // namespace calico::calicoctl
