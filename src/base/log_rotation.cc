// SPDX-License-Identifier: Apache-2.0
#include <cerrno>
#include <cstdio>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log_files.h"

namespace calico {

Status RotateByCopy(const std::string& path, std::size_t most_bytes) {
  struct stat found {};
  if (::stat(path.c_str(), &found) != 0 || static_cast<std::size_t>(found.st_size) < most_bytes) return Ok();
  const auto old = [&](std::size_t number) { return fmt::format("{}.{}", path, number); };
  for (std::size_t number = kOldLogs; number > 1; --number)
    ::rename(old(number - 1).c_str(), old(number).c_str());  // fails as long as there are fewer
  ASSIGN_OR_RETURN(const std::string content, ReadFile(path));
  RETURN_IF_ERROR(WriteFileAtomically(old(1), content));
  if (::truncate(path.c_str(), 0) != 0) return Error::FromErrno(errno, "empty " + path);
  return Ok();
}

}  // namespace calico
