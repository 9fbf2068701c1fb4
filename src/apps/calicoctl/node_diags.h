// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/session.h"

namespace calico::calicoctl {

struct DiagnosticCommand {
  std::string message;  // "Dumping ipsets", or empty
  std::vector<std::string> argv;
  std::string file;  // inside the bundle; empty: run for its effect
  int nothing = 0;   // exit code that says that there is nothing to tell, which is no failure
};
// In order. `has_netstat`: else ss tells about sockets.
std::vector<DiagnosticCommand> DiagnosticCommands(bool has_netstat);

// Collects into a directory made below `temporary` and packs it (reference calicoctl C.2.3). What fails is
// said and left out.
int CollectDiagnostics(const Session& session, const std::vector<DiagnosticCommand>& commands,
                       const std::string& log_directory, const std::string& temporary);

}  // namespace calico::calicoctl
