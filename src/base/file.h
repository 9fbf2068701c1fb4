// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace calico {

// Whole-file operations. Errors carry the path and errno.
Result<std::string> ReadFile(const std::string& path);
// Writes a temporary file beside `path` and renames it, so that a reader never sees a half-written file.
Status WriteFileAtomically(const std::string& path, std::string_view content, unsigned mode = 0644);
bool PathExists(const std::string& path);
// mkdir -p
Status MakeDirectories(const std::string& path);

}  // namespace calico
