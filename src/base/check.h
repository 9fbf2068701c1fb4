// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <source_location>
#include <string_view>

namespace calico {

// Logs and aborts, in release builds too.
[[noreturn]] void CheckFailed(std::string_view condition, std::string_view text,
                              std::source_location where = std::source_location::current());

}  // namespace calico

// For broken invariants of this program only; never for what a kernel, a store or a user can cause.
#define CHECK(condition, text)                 \
  do {                                         \
    if (!(condition)) {                        \
      ::calico::CheckFailed(#condition, text); \
    }                                          \
  } while (false)
