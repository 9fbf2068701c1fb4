// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "apps/calicoctl/command_spec.h"

// Man pages of section 1 in the macros of man(7), made from the commands' specifications.
namespace calico::calicoctl {

// calicoctl-ipam-show(1)
std::string ManPage(const Command& command);
// calicoctl(1), with the list of commands.
std::string ProgramManPage(const std::vector<Command>& commands);
// "calicoctl-ipam-show"
std::string ManPageName(const std::vector<std::string>& path);

}  // namespace calico::calicoctl
