// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/commands.h"

namespace calico::calicoctl {

const std::vector<Command>& AllCommands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all;
    for (const auto group : {WriteCommands, GetCommands, ConvertCommands, IpamCommands, DatastoreCommands,
                             ClusterCommands, NodeRunCommands, NodeStatusCommands, NodeDiagsCommands,
                             NodeChecksystemCommands, VersionCommands, CompletionCommands, ManCommands}) {
      for (Command& command : group()) all.push_back(std::move(command));
    }
    return all;
  }();
  return kCommands;
}

}  // namespace calico::calicoctl
