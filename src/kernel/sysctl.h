// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>

#include "base/result.h"

namespace calico::kernel {

// /proc/sys of the calling thread's network namespace. Keys with slashes, "net/ipv4/ip_forward",
// because interface names may hold dots.
class Sysctl {
 public:
  virtual ~Sysctl() = default;
  virtual Result<std::string> Read(const std::string& key) = 0;  // without the final newline; kNotFound
  virtual Status Write(const std::string& key, const std::string& value) = 0;
};
std::unique_ptr<Sysctl> OpenSysctl();

}  // namespace calico::kernel
