// SPDX-License-Identifier: Apache-2.0
#include "base/file.h"

#include <atomic>
#include <cerrno>
#include <filesystem>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace calico {

Result<std::string> ReadFile(const std::string& path) {
  const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd.valid()) return Error::FromErrno(errno, "open " + path);
  std::string content;
  char buffer[16384];
  for (;;) {
    const ssize_t n = ::read(fd.get(), buffer, sizeof buffer);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return Error::FromErrno(errno, "read " + path);
    if (n == 0) return content;
    content.append(buffer, static_cast<std::size_t>(n));
  }
}

Status WriteFileAtomically(const std::string& path, std::string_view content, unsigned mode) {
  static std::atomic<unsigned> serial = 0;  // two threads may write the same file
  const std::string temporary = fmt::format("{}.{}.{}.tmp", path, ::getpid(), ++serial);
  const auto failed = [&](const char* doing) {
    Error error = Error::FromErrno(errno, fmt::format("{} {}", doing, temporary));
    ::unlink(temporary.c_str());
    return error;
  };
  {
    const UniqueFd fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode));
    if (!fd.valid()) return failed("create");
    if (::fchmod(fd.get(), mode) != 0) return failed("chmod");
    while (!content.empty()) {
      const ssize_t n = ::write(fd.get(), content.data(), content.size());
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return failed("write");
      content.remove_prefix(static_cast<std::size_t>(n));
    }
  }
  if (::rename(temporary.c_str(), path.c_str()) != 0) return failed("rename");
  return Ok();
}

bool PathExists(const std::string& path) {
  return ::access(path.c_str(), F_OK) == 0;
}

Status MakeDirectories(const std::string& path) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return Error::FromErrno(error.value(), "create directory " + path);
  return Ok();
}

}  // namespace calico
