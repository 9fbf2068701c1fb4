// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <sys/types.h>

#include "base/clock.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace calico {

struct ProcessOutput {
  int exit_code = 0;  // 128 + signal when killed by one
  std::string out;
  std::string err;
};

// Runs a program to its end, without a shell, stdin from `input`. kNotFound if it does not exist,
// kUnavailable after `timeout` (the process is killed).
Result<ProcessOutput> RunProcess(const std::vector<std::string>& argv, Duration timeout,
                                 const std::string& input = {});

// Runs a program without input and gives what it writes, stdout and stderr as they come, to `on_output`,
// which says whether to go on. The exit code, or nothing when the program was killed because `on_output` said
// no or `timeout` (none: no limit) had passed.
Result<std::optional<int>> FollowProcess(const std::vector<std::string>& argv,
                                         std::optional<Duration> timeout,
                                         const std::function<bool(std::string_view)>& on_output);

// A started program that outlives this object: BIRD must survive a restart of the agent.
struct StartedProcess {
  pid_t pid = -1;
  UniqueFd pidfd;  // readable once the process has ended (pidfd_open(2))
};
// Starts `argv` in a session of its own, stdout and stderr appended to `log_path`; empty: they are our
// stderr.
Result<StartedProcess> StartDetached(const std::vector<std::string>& argv, const std::string& log_path);
// The same handle for a process somebody else started. kNotFound if it is gone.
Result<StartedProcess> AdoptProcess(pid_t pid);

}  // namespace calico
