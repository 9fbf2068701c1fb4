// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/codec only: single JSON values as members of objects and back.

#include <charconv>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/fields.h"
#include "model/codec/scalar.h"
#include "model/rule.h"
#include "net/cidr.h"

namespace calico::model::codec {

// Thrown while decoding only; DecodeObject turns it into an Error.
struct Bad {
  std::string pointer;  // RFC 6901, of the member
  std::string text;
};
[[noreturn]] inline void Fail(const std::string& pointer, const std::string& why) {
  throw Bad{pointer,
            fmt::format("field {}: {}", ReplaceAll(pointer.substr(pointer.empty() ? 0 : 1), "/", "."), why)};
}

inline std::string Shown(const Json& json) {
  if (!json.is_string()) return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string text = json.get<std::string>();
  return text.starts_with(kPlainScalar) ? text.substr(1) : text;
}
inline bool IsPlain(const Json& json) {
  return json.is_string() && json.get_ref<const std::string&>().starts_with(kPlainScalar);
}

// RFC 6901: a member's name as one step of a pointer.
inline std::string EscapePointer(const std::string& name) {
  return ReplaceAll(ReplaceAll(name, "~", "~0"), "/", "~1");
}
inline std::string UnescapePointer(const std::string& step) {
  return ReplaceAll(ReplaceAll(step, "~1", "/"), "~0", "~");
}
// Like Go, writes U+FFFD for bytes that are no UTF-8.
inline std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// --- reading one value

inline void Read(const Json& json, std::string& out, const std::string& path) {
  if (IsPlain(json))
    out = PlainAsText(Shown(json));
  else if (json.is_string())
    out = json.get<std::string>();
  else if (json.is_boolean() || json.is_number())
    out = json.dump();
  else
    Fail(path, fmt::format("cannot parse '{}' as a string", Shown(json)));
}
inline void Read(const Json& json, bool& out, const std::string& path) {
  const auto value = IsPlain(json) ? ParseYamlBool(Shown(json)) : std::nullopt;
  if (value)
    out = *value;
  else if (json.is_boolean())
    out = json.get<bool>();
  else
    Fail(path, fmt::format("cannot parse '{}' as a bool", Shown(json)));
}
template <typename Number>
inline void ReadNumber(const Json& json, Number& out, const std::string& path) {
  if (IsPlain(json)) {
    const auto value = ParseYamlInt(Shown(json));
    if (!value || !std::in_range<Number>(*value))
      Fail(path, fmt::format("cannot parse '{}' as an integer", Shown(json)));
    out = static_cast<Number>(*value);
  } else if (json.is_number_unsigned() && std::in_range<Number>(json.get<std::uint64_t>())) {
    out = static_cast<Number>(json.get<std::uint64_t>());
  } else if (json.is_number_integer() && std::in_range<Number>(json.get<std::int64_t>())) {
    out = static_cast<Number>(json.get<std::int64_t>());
  } else {
    Fail(path, fmt::format("cannot parse '{}' as an integer", Shown(json)));
  }
}
inline void Read(const Json& json, int& out, const std::string& path) {
  ReadNumber(json, out, path);
}
inline void Read(const Json& json, std::int64_t& out, const std::string& path) {
  ReadNumber(json, out, path);
}
inline void Read(const Json& json, double& out, const std::string& path) {
  if (IsPlain(json)) {
    const auto integer = ParseYamlInt(Shown(json));
    const auto value = integer ? std::optional(static_cast<double>(*integer)) : ParseYamlFloat(Shown(json));
    if (!value) Fail(path, fmt::format("cannot parse '{}' as a number", Shown(json)));
    out = *value;
  } else if (json.is_number()) {
    out = json.get<double>();
  } else {
    Fail(path, fmt::format("cannot parse '{}' as a number", Shown(json)));
  }
}
inline void Read(const Json& json, std::uint64_t& out, const std::string& path) {
  ReadNumber(json, out, path);
}
// AS numbers: a number, its text, or "a.b" (reference datastore-model C.2).
inline void Read(const Json& json, std::uint32_t& out, const std::string& path) {
  if (!json.is_string()) return ReadNumber(json, out, path);
  const std::string text = Shown(json);
  const auto value = ParseAsNumber(text);
  if (!value) Fail(path, fmt::format("'{}' is no AS number", text));
  out = *value;
}
inline void Read(const Json& json, net::Cidr& out, const std::string& path) {
  std::string text;
  Read(json, text, path);
  const auto cidr = net::Cidr::ParsePrefix(text);
  if (!cidr) Fail(path, fmt::format("'{}' is no CIDR", text));
  out = *cidr;
}
inline void Read(const Json& json, Port& out, const std::string& path) {
  std::string text;
  Read(json, text, path);
  const auto number = [](std::string_view digits, std::uint16_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    std::uint16_t unused = 0;
    if (!number(text, unused)) Fail(path, "port range invalid, port number must be between 1 and 65535");
  }
  net::PortRange range;
  const std::size_t colon = text.find(':');
  if (colon == std::string::npos) {
    if (number(text, range.first)) {
      range.last = range.first;
      out = range;
    } else {
      out = text;
    }
  } else if (number(std::string_view(text).substr(0, colon), range.first) &&
             number(std::string_view(text).substr(colon + 1), range.last)) {
    if (range.first > range.last) {
      Fail(path,
           fmt::format("minimum port number ({}) is greater than maximum port number ({}) in port range",
                       range.first, range.last));
    }
    out = range;
  } else {
    Fail(path, fmt::format("'{}' is no port", text));
  }
}
inline void Read(const Json& json, std::map<std::string, std::string>& out, const std::string& path) {
  if (!json.is_object()) Fail(path, "must be a map");
  for (const auto& [key, value] : json.items()) Read(value, out[key], path + "/" + key);
}
template <typename T>
inline void ReadMap(const Json& json, std::map<std::string, T>& out, const std::string& path) {
  if (!json.is_object()) Fail(path, "must be a map");
  for (const auto& [key, value] : json.items()) Read(value, out[key], path + "/" + key);
}
inline void Read(const Json& json, std::map<std::string, int>& out, const std::string& path) {
  ReadMap(json, out, path);
}
inline void Read(const Json& json, std::map<std::string, std::uint64_t>& out, const std::string& path) {
  ReadMap(json, out, path);
}

// --- writing one value

inline Json Write(const std::string& value) {
  return value;
}
inline Json Write(bool value) {
  return value;
}
inline Json Write(int value) {
  return value;
}
inline Json Write(std::uint32_t value) {
  return value;
}
inline Json Write(std::int64_t value) {
  return value;
}
// As Go does: integral floats without a point.
inline Json Write(double value) {
  constexpr double kExact = 1e15;
  if (std::trunc(value) == value && std::abs(value) < kExact) return static_cast<std::int64_t>(value);
  return value;
}
inline Json Write(std::uint64_t value) {
  return value;
}
inline Json Write(const net::Cidr& value) {
  return value.ToString();
}
inline Json Write(const Port& value) {
  if (const auto* name = std::get_if<std::string>(&value)) return *name;
  const auto& range = std::get<net::PortRange>(value);
  if (range.first == range.last) return range.first;
  return fmt::format("{}:{}", range.first, range.last);
}
template <typename T>
inline Json Write(const std::map<std::string, T>& value) {
  Json json = Json::object();
  for (const auto& [key, item] : value) json[key] = item;
  return json;
}

}  // namespace calico::model::codec
