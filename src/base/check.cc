// SPDX-License-Identifier: Apache-2.0
#include "base/check.h"

#include <cstdlib>

#include "base/log.h"

namespace calico {

void CheckFailed(std::string_view condition, std::string_view text, std::source_location where) {
  LogLine(LogLevel::kFatal, "check",
          fmt::format("{}:{}: {} ({})", where.file_name(), where.line(), text, condition));
  std::abort();
}

}  // namespace calico
