// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/command_spec.h"

// Scripts that complete command lines in a shell, and man pages, made from the commands' specifications.
namespace calico::calicoctl {

std::string BashCompletion(const std::vector<Command>& commands);
std::string ZshCompletion(const std::vector<Command>& commands);
std::string FishCompletion(const std::vector<Command>& commands);

// One spelling of every kind, lower case: "bgppeer", "ippool", ….
std::vector<std::string> KindWords();
// Names of groups ("ipam", "datastore migrate"), the program's own ({}) first.
std::vector<std::vector<std::string>> GroupsOf(const std::vector<Command>& commands);
// The command with that path, or nullptr.
const Command* FindCommand(const std::vector<Command>& commands, const std::vector<std::string>& path);
// What `name` inside a group does, in a few words.
std::string SummaryOf(const std::vector<Command>& commands, const std::vector<std::string>& path);

}  // namespace calico::calicoctl
