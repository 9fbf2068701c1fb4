// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace calico {

inline constexpr std::size_t kMostLogBytes = 10 << 20;
inline constexpr std::size_t kOldLogs = 4;  // kept beside the current one: NAME.1 is the youngest

// From now on log lines (log.h) go to stderr and into <directory>/<part>/current, where `part_of` says which
// part a component belongs to. A file that has reached `most_bytes` becomes current.1. Before any thread;
// kSystem if `directory` cannot be written.
Status LogToFiles(const std::string& directory,
                  std::function<std::string(std::string_view component)> part_of,
                  std::size_t most_bytes = kMostLogBytes);

// For the log of another process, which appends to `path` and goes on doing so: from `most_bytes` on, its
// content becomes <path>.1, and the file is empty. Lines written while it is copied are lost. No file: Ok.
Status RotateByCopy(const std::string& path, std::size_t most_bytes = kMostLogBytes);

}  // namespace calico
