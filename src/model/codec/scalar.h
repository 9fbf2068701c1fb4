// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// YAML 1.1 resolution of unquoted scalars (reference calicoctl A.5.1), and AS numbers.
namespace calico::model::codec {

std::optional<bool> ParseYamlBool(std::string_view text);         // true, yes, on, y, … and their opposites
std::optional<std::int64_t> ParseYamlInt(std::string_view text);  // 10, 0x1f, 010, 0b11, 1_000, 1e3
std::optional<double> ParseYamlFloat(std::string_view text);
// What an unquoted scalar says where text is wanted: "yes" -> "true", "010" -> "8", "1.50" -> "1.5".
std::string PlainAsText(const std::string& text);
bool IsYamlNull(std::string_view text);                             // "", ~, null
std::optional<std::uint32_t> ParseAsNumber(std::string_view text);  // "65000" or "1.10"
// Whether plain text would be read back as another type than string, so that a printer must quote it.
bool ReadsAsAnotherType(std::string_view text);

}  // namespace calico::model::codec
