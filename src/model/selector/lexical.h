// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/selector only.

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace calico::model {

inline constexpr std::size_t kMaxLabelOfSelector = 512;

inline bool IsLabelChar(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

// The first fault of the words of a selector (reference datastore-model C.8), nullopt when they are sound.
// Upstream splits a text into words before it parses it, so these faults win over those of the grammar.
std::optional<std::string> LexicalFault(std::string_view text);

}  // namespace calico::model
