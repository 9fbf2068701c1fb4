// SPDX-License-Identifier: Apache-2.0
#include "model/codec/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <regex>
#include <string>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::model::codec {
namespace {

template <std::size_t N>
bool OneOf(std::string_view text, const std::array<std::string_view, N>& words) {
  for (std::string_view word : words) {
    if (text == word) return true;
  }
  return false;
}

template <typename T>
std::optional<T> Whole(std::string_view text, int base) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

// [-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?
bool IsFloat(std::string_view text) {
  const auto sign = [&] {
    if (!text.empty() && (text.front() == '+' || text.front() == '-')) text.remove_prefix(1);
  };
  const auto digits = [&] {
    const std::size_t count = std::min(text.find_first_not_of("0123456789"), text.size());
    text.remove_prefix(count);
    return count;
  };
  sign();
  const std::size_t before = digits();
  std::size_t after = 0;
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    after = digits();
  }
  if (before + after == 0) return false;
  if (text.empty()) return true;
  if (text.front() != 'e' && text.front() != 'E') return false;
  text.remove_prefix(1);
  sign();
  return digits() > 0 && text.empty();
}

// Spares most words a closer look.
bool StartsLikeANumber(std::string_view text) {
  return !text.empty() &&
         (text[0] == '+' || text[0] == '-' || text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
}

}  // namespace

std::optional<bool> ParseYamlBool(std::string_view text) {
  constexpr std::array<std::string_view, 11> kTrue{"true", "True", "TRUE", "yes", "Yes", "YES",
                                                   "on",   "On",   "ON",   "y",   "Y"};
  constexpr std::array<std::string_view, 11> kFalse{"false", "False", "FALSE", "no", "No", "NO",
                                                    "off",   "Off",   "OFF",   "n",  "N"};
  if (OneOf(text, kTrue)) return true;
  if (OneOf(text, kFalse)) return false;
  return std::nullopt;
}

std::optional<std::int64_t> ParseYamlInt(std::string_view text) {
  if (!StartsLikeANumber(text)) return std::nullopt;
  const std::string plain = ReplaceAll(std::string(text), "_", "");
  std::string_view digits = plain;
  const bool negative = digits.starts_with('-');
  if (negative || digits.starts_with('+')) digits.remove_prefix(1);
  std::optional<std::int64_t> value;
  if (digits.starts_with("0x"))
    value = Whole<std::int64_t>(digits.substr(2), 16);
  else if (digits.starts_with("0o"))
    value = Whole<std::int64_t>(digits.substr(2), 8);
  else if (digits.starts_with("0b"))
    value = Whole<std::int64_t>(digits.substr(2), 2);
  else if (digits.size() > 1 && digits[0] == '0')
    value = Whole<std::int64_t>(digits.substr(1), 8);
  else
    value = Whole<std::int64_t>(digits, 10);
  if (value) return negative ? -*value : *value;
  // 1e3 and 1.0 are integers where one is wanted.
  const auto real = ParseYamlFloat(text);
  if (real && std::trunc(*real) == *real && std::abs(*real) < 9e15) return static_cast<std::int64_t>(*real);
  return std::nullopt;
}

std::optional<double> ParseYamlFloat(std::string_view text) {
  if (!IsFloat(text)) return std::nullopt;
  return std::strtod(std::string(text).c_str(), nullptr);
}

std::string PlainAsText(const std::string& text) {
  if (const auto value = ParseYamlBool(text)) return *value ? "true" : "false";
  if (const auto value = ParseYamlInt(text)) return std::to_string(*value);
  // Ours: of digits too many for a number (a container's ID) nothing is lost.
  const bool digits = text.find_first_not_of("0123456789") == std::string::npos;
  if (const auto value = ParseYamlFloat(text); value && !digits) return fmt::format("{}", *value);
  return text;
}

bool IsYamlNull(std::string_view text) {
  constexpr std::array<std::string_view, 5> kNull{"", "~", "null", "Null", "NULL"};
  return OneOf(text, kNull);
}

std::optional<std::uint32_t> ParseAsNumber(std::string_view text) {
  while (!text.empty() && text.front() == '\x01') text.remove_prefix(1);
  const std::size_t dot = text.find('.');
  if (dot == std::string_view::npos) return Whole<std::uint32_t>(text, 10);
  const auto high = Whole<std::uint16_t>(text.substr(0, dot), 10);
  const auto low = Whole<std::uint16_t>(text.substr(dot + 1), 10);
  if (!high || !low) return std::nullopt;
  return (static_cast<std::uint32_t>(*high) << 16) + *low;
}

bool ReadsAsAnotherType(std::string_view text) {
  static const std::regex kTime(R"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2}([Tt ].*)?)");
  static const std::regex kSexagesimal(R"([-+]?[0-9]+(:[0-5]?[0-9])+(\.[0-9]*)?)");
  static const std::regex kSpecial(R"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))");
  constexpr std::size_t kLongest = 64;  // of all these forms; also keeps the matcher's recursion short
  if (text.size() > kLongest && text.find_first_not_of("0123456789_.eE+-") != std::string_view::npos)
    return false;
  if (IsYamlNull(text) || ParseYamlBool(text) || text == "<<") return true;
  if (!StartsLikeANumber(text)) return false;
  const std::string word(text);
  const std::string digits = ReplaceAll(word, "_", "");
  return ParseYamlFloat(digits) || ParseYamlInt(text) ||
         (text.find_first_of("iInN") != std::string_view::npos && std::regex_match(word, kSpecial)) ||
         (text.find('-', 1) != std::string_view::npos && std::regex_match(word, kTime)) ||
         (text.find(':') != std::string_view::npos && std::regex_match(word, kSexagesimal));
}

}  // namespace calico::model::codec
