// SPDX-License-Identifier: Apache-2.0
#include "bgp/daemon.h"

#include <algorithm>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <poll.h>

#include "base/file.h"
#include "base/text.h"

namespace calico::bgp {
namespace {

constexpr Duration kStopTimeout = std::chrono::seconds(5);

}  // namespace

Result<StartedProcess> FindDaemon(const std::string& pid_path, const std::string& program,
                                  const std::string& word) {
  ASSIGN_OR_RETURN(const std::string text, ReadFile(pid_path));
  const pid_t pid = static_cast<pid_t>(std::atol(text.c_str()));
  if (pid <= 1) return Error(ErrorCode::kNotFound, pid_path + ": no pid");
  ASSIGN_OR_RETURN(const std::string name, ReadFile(fmt::format("/proc/{}/comm", pid)));
  if (Trim(name) != program) return Error(ErrorCode::kNotFound, fmt::format("pid {} is no {}", pid, program));
  ASSIGN_OR_RETURN(const std::string command, ReadFile(fmt::format("/proc/{}/cmdline", pid)));
  const auto words = Split(command, '\0');
  if (std::find(words.begin(), words.end(), word) == words.end())
    return Error(ErrorCode::kNotFound, fmt::format("pid {} is another {}", pid, program));
  return AdoptProcess(pid);
}

Status StopDaemon(const StartedProcess& process, const std::string& program) {
  if (::kill(process.pid, SIGTERM) != 0) return Error::FromErrno(errno, "end " + program);
  pollfd ended{process.pidfd.get(), POLLIN, 0};
  if (::poll(&ended, 1, static_cast<int>(kStopTimeout / std::chrono::milliseconds(1))) == 1) return Ok();
  return Error(ErrorCode::kUnavailable, fmt::format("{} (pid {}) does not end", program, process.pid));
}

std::string LastLineOf(const std::string& text) {
  const std::string_view trimmed = Trim(text);
  return trimmed.empty() ? "" : ": " + std::string(trimmed.substr(trimmed.rfind('\n') + 1));
}

std::string DirectoryOf(const std::string& path) {
  return path.substr(0, path.rfind('/'));
}

}  // namespace calico::bgp
