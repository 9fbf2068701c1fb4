// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace calico {

std::vector<std::string> Split(std::string_view text,
                               char separator);  // "a,,b" gives three parts; "" gives none
std::string Join(const std::vector<std::string>& parts, std::string_view separator);
std::string_view Trim(std::string_view text);
std::string ToLower(std::string_view text);
bool EqualsIgnoreCase(std::string_view a, std::string_view b);
std::string ReplaceAll(std::string text, std::string_view from, std::string_view to);
// Length in bytes of the UTF-8 character that begins at `at`; 0 if none does (RFC 3629: no overlong forms, no
// surrogates).
std::size_t Utf8Length(std::string_view text, std::size_t at);
// "90s", "1m30s", "100ms" (Go's duration syntax) in nanoseconds.
std::optional<long long> ParseGoDuration(std::string_view text);
// Random version 4 UUID, lower case, with dashes.
std::string RandomUuid();
std::string Sha1Hex(std::string_view data);
std::string Sha256Hex(std::string_view data);

}  // namespace calico
