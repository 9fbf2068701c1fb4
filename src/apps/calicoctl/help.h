// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/command_spec.h"

// The help texts, made from the commands' specifications.
namespace calico::calicoctl {

// All there is to know of one command: usage, what it does, examples, options.
std::string CommandHelp(const Command& command);
// "Usage:\n  calicoctl ipam show [--ip=<IP>] …\n", for mistakes.
std::string UsageSection(const Command& command);
// The commands of a group ("ipam"), or of the program when `group` is empty.
std::string GroupHelp(const std::vector<Command>& commands, const std::vector<std::string>& group);
// The two lines of the program itself.
std::string TopUsage();
// What may stand behind the group's name: "show", "release", …, each once.
std::vector<std::string> NamesIn(const std::vector<Command>& commands, const std::vector<std::string>& group);

}  // namespace calico::calicoctl
