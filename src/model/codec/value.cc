// SPDX-License-Identifier: Apache-2.0
#include "model/codec/value.h"

#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::model::codec {

std::string Step::Pointer() const {
  if (parent_ == nullptr) return std::string(name_);
  return parent_->Pointer() + "/" + (is_item_ ? std::to_string(item_) : EscapePointer(name_));
}

void Fail(const Step& at, const std::string& why) {
  const std::string pointer = at.Pointer();
  throw Bad{pointer,
            fmt::format("field {}: {}",
                        UnescapePointer(ReplaceAll(pointer.substr(pointer.empty() ? 0 : 1), "/", ".")), why)};
}

std::string Shown(const Json& json) {
  if (!json.is_string()) return json.dump(-1, ' ', false, Json::error_handler_t::replace);
  std::string text = json.get<std::string>();
  return text.starts_with(kPlainScalar) ? text.substr(1) : text;
}
bool IsPlain(const Json& json) {
  return json.is_string() && json.get_ref<const std::string&>().starts_with(kPlainScalar);
}

std::string EscapePointer(std::string_view name) {
  return ReplaceAll(ReplaceAll(std::string(name), "~", "~0"), "/", "~1");
}
std::string UnescapePointer(const std::string& step) {
  return ReplaceAll(ReplaceAll(step, "~1", "/"), "~0", "~");
}
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

// --- reading one value

namespace {

template <typename Number>
void ReadNumber(const Json& json, Number& out, const Step& at) {
  if (IsPlain(json)) {
    const auto value = ParseYamlInt(Shown(json));
    if (!value || !std::in_range<Number>(*value))
      Fail(at, fmt::format("cannot parse '{}' as an integer", Shown(json)));
    out = static_cast<Number>(*value);
  } else if (json.is_number_unsigned() && std::in_range<Number>(json.get<std::uint64_t>())) {
    out = static_cast<Number>(json.get<std::uint64_t>());
  } else if (json.is_number_integer() && std::in_range<Number>(json.get<std::int64_t>())) {
    out = static_cast<Number>(json.get<std::int64_t>());
  } else {
    Fail(at, fmt::format("cannot parse '{}' as an integer", Shown(json)));
  }
}

}  // namespace

void Read(const Json& json, std::string& out, const Step& at) {
  if (IsPlain(json))
    out = PlainAsText(Shown(json));
  else if (json.is_string())
    out = json.get<std::string>();
  else if (json.is_boolean() || json.is_number())
    out = json.dump();
  else
    Fail(at, fmt::format("cannot parse '{}' as a string", Shown(json)));
}
void Read(const Json& json, bool& out, const Step& at) {
  const auto value = IsPlain(json) ? ParseYamlBool(Shown(json)) : std::nullopt;
  if (value)
    out = *value;
  else if (json.is_boolean())
    out = json.get<bool>();
  else
    Fail(at, fmt::format("cannot parse '{}' as a bool", Shown(json)));
}
void Read(const Json& json, int& out, const Step& at) {
  ReadNumber(json, out, at);
}
void Read(const Json& json, std::int64_t& out, const Step& at) {
  ReadNumber(json, out, at);
}
void Read(const Json& json, double& out, const Step& at) {
  if (IsPlain(json)) {
    const auto integer = ParseYamlInt(Shown(json));
    const auto value = integer ? std::optional(static_cast<double>(*integer)) : ParseYamlFloat(Shown(json));
    if (!value) Fail(at, fmt::format("cannot parse '{}' as a number", Shown(json)));
    out = *value;
  } else if (json.is_number()) {
    out = json.get<double>();
  } else {
    Fail(at, fmt::format("cannot parse '{}' as a number", Shown(json)));
  }
}
void Read(const Json& json, std::uint64_t& out, const Step& at) {
  ReadNumber(json, out, at);
}
void ReadUint32(const Json& json, std::uint32_t& out, const Step& at) {
  ReadNumber(json, out, at);
}
void Read(const Json& json, std::uint32_t& out, const Step& at) {
  if (!json.is_string()) return ReadNumber(json, out, at);
  const std::string text = Shown(json);
  const auto value = ParseAsNumber(text);
  if (!value) Fail(at, fmt::format("'{}' is no AS number", text));
  out = *value;
}
void Read(const Json& json, net::Cidr& out, const Step& at) {
  std::string text;
  Read(json, text, at);
  const auto cidr = net::Cidr::ParsePrefix(text);
  if (!cidr) Fail(at, fmt::format("'{}' is no CIDR", text));
  out = *cidr;
}
void Read(const Json& json, Port& out, const Step& at) {
  std::string text;
  Read(json, text, at);
  const auto number = [](std::string_view digits, std::uint16_t& value) {
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return error == std::errc() && end == digits.data() + digits.size();
  };
  if (!text.empty() && text.find_first_not_of("0123456789") == std::string::npos) {
    std::uint16_t unused = 0;
    if (!number(text, unused)) Fail(at, "port range invalid, port number must be between 1 and 65535");
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
      Fail(at, fmt::format("minimum port number ({}) is greater than maximum port number ({}) in port range",
                           range.first, range.last));
    }
    out = range;
  } else {
    Fail(at, fmt::format("'{}' is no port", text));
  }
}

namespace {

template <typename T>
void ReadMap(const Json& json, std::map<std::string, T>& out, const Step& at) {
  if (!json.is_object()) Fail(at, "must be a map");
  for (const auto& [key, value] : json.items()) Read(value, out[key], Step(at, key));
}

}  // namespace

void Read(const Json& json, std::map<std::string, std::string>& out, const Step& at) {
  ReadMap(json, out, at);
}
void Read(const Json& json, std::map<std::string, int>& out, const Step& at) {
  ReadMap(json, out, at);
}
void Read(const Json& json, std::map<std::string, std::uint64_t>& out, const Step& at) {
  ReadMap(json, out, at);
}

// --- writing one value

Json Write(const std::string& value) {
  return value;
}
Json Write(bool value) {
  return value;
}
Json Write(int value) {
  return value;
}
Json Write(std::uint32_t value) {
  return value;
}
Json Write(std::int64_t value) {
  return value;
}
Json Write(double value) {
  constexpr double kExact = 1e15;
  if (std::trunc(value) == value && std::abs(value) < kExact) return static_cast<std::int64_t>(value);
  return value;
}
Json Write(std::uint64_t value) {
  return value;
}
Json Write(const net::Cidr& value) {
  return value.ToString();
}
Json Write(const Port& value) {
  if (const auto* name = std::get_if<std::string>(&value)) return *name;
  const auto& range = std::get<net::PortRange>(value);
  if (range.first == range.last) return range.first;
  return fmt::format("{}:{}", range.first, range.last);
}

namespace {

template <typename T>
Json WriteMap(const std::map<std::string, T>& value) {
  Json json = Json::object();
  auto& members = json.get_ref<Json::object_t&>();
  members.reserve(value.size());
  for (const auto& [key, item] : value) members.emplace_back(key, item);
  return json;
}

}  // namespace

Json Write(const std::map<std::string, std::string>& value) {
  return WriteMap(value);
}
Json Write(const std::map<std::string, int>& value) {
  return WriteMap(value);
}
Json Write(const std::map<std::string, std::uint64_t>& value) {
  return WriteMap(value);
}

}  // namespace calico::model::codec
