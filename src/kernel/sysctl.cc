// SPDX-License-Identifier: Apache-2.0
#include "kernel/sysctl.h"

#include <cerrno>

#include <fcntl.h>
#include <unistd.h>

#include "base/unique_fd.h"

namespace calico::kernel {
namespace {

class ProcSysctl final : public Sysctl {
 public:
  Result<std::string> Read(const std::string& key) override {
    ASSIGN_OR_RETURN(const UniqueFd fd, Open(key, O_RDONLY));
    char buffer[4096];
    const ssize_t size = ::read(fd.get(), buffer, sizeof buffer);
    if (size < 0) return Error::FromErrno(errno, "sysctl " + key);
    std::string text(buffer, static_cast<std::size_t>(size));
    if (text.ends_with('\n')) text.pop_back();
    return text;
  }
  Status Write(const std::string& key, const std::string& value) override {
    ASSIGN_OR_RETURN(const UniqueFd fd, Open(key, O_WRONLY));
    if (::write(fd.get(), value.data(), value.size()) < 0)
      return Error::FromErrno(errno, "sysctl " + key + "=" + value);
    return Ok();
  }

 private:
  static Result<UniqueFd> Open(const std::string& key, int flags) {
    // An interface's name is part of a key: it must not lead out of /proc/sys.
    if (key.find("..") != std::string::npos)
      return Error(ErrorCode::kInvalidArgument, "sysctl " + key + ": bad key");
    UniqueFd fd(::open(("/proc/sys/" + key).c_str(), flags | O_CLOEXEC));
    if (!fd.valid()) return Error::FromErrno(errno, "sysctl " + key);
    return fd;
  }
};

}  // namespace

std::unique_ptr<Sysctl> OpenSysctl() {
  return std::make_unique<ProcSysctl>();
}

}  // namespace calico::kernel
