// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace calico {

// The candidate that the writer of `word` most likely meant: at most two letters wrong, missing, too many or
// swapped (fewer in short words), in any letter case. For "did you mean …?".
std::optional<std::string> Closest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace calico
