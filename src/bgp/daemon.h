// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "base/subprocess.h"

namespace calico::bgp {

// A daemon that outlives the agent and is found again by its pid file.

// The pid file's process, if it is a program of this name with this word in its command line. kNotFound
// otherwise.
Result<StartedProcess> FindDaemon(const std::string& pid_path, const std::string& program,
                                  const std::string& word);
// SIGTERM, and waits for the end.
Status StopDaemon(const StartedProcess& process, const std::string& program);
// ": <the last line>", or nothing.
std::string LastLineOf(const std::string& text);
std::string DirectoryOf(const std::string& path);

}  // namespace calico::bgp
