// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/command_spec.h"

// The help texts, made from the commands' specifications. They say "calicoctl"; see NamedAs().
namespace calico::calicoctl {

// All there is to know of one command: usage, what it does, examples, options.
std::string CommandHelp(const Command& command);
// "Usage:\n  calicoctl ipam show [--ip=<IP>] …\n", for mistakes.
std::string UsageSection(const Command& command);
// The words behind the command's name, one list per way to use it: what may not be broken at a line's end is
// one word. Options and positionals that exclude each other (a kind, or a file) are different ways.
std::vector<std::vector<std::string>> UsageWords(const Command& command);
// The commands of a group ("ipam"), or of the program when `group` is empty.
std::string GroupHelp(const std::vector<Command>& commands, const std::vector<std::string>& group);
// The two lines of the program itself.
std::string TopUsage();
// What may stand behind the group's name: "show", "release", …, each once, without hidden ones.
std::vector<std::string> NamesIn(const std::vector<Command>& commands, const std::vector<std::string>& group);
// "calicoctl ipam show"
std::string FullName(const std::vector<std::string>& path);
// The options before the command.
const std::vector<Option>& TopOptions();

// The text for a program of that base name: as `kubectl-…`, a plugin of kubectl, it calls itself
// kubectl-calico (reference calicoctl A.1). File names are no names of the program.
std::string NamedAs(const std::string& program, std::string text);

}  // namespace calico::calicoctl
