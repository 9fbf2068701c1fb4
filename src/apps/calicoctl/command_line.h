// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "apps/calicoctl/arguments.h"

namespace calico::calicoctl {

// What came of parsing: a command to run, or text to print and an exit code (help, or a mistake).
struct ParsedLine {
  std::optional<Arguments> arguments;
  int exit_code = 0;
  std::string out;
  std::string err;
  std::string log_level;  // of --log-level; empty: not given
};

// Parses the words after the program's name by upstream's rules (docopt's, reference calicoctl A.1), which no
// library of ours has: options anywhere among the arguments, long options by any prefix that is unambiguous
// within the command, "-fx" and stacked flags, "-o=json" is the value "=json", "--" is an ordinary argument.
// A mistake gives its reason, a hint and the usage, exit 1.
ParsedLine ParseCommandLine(const std::vector<std::string>& words, const std::vector<Command>& commands);

}  // namespace calico::calicoctl
