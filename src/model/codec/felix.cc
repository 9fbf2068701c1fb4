// SPDX-License-Identifier: Apache-2.0
#include "model/codec/felix.h"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/felix_v1.h"
#include "model/codec/value.h"

namespace calico::model {
namespace codec {
namespace {

using Type = FelixParameterType;

template <typename T>
Json Reread(const Json& json, const Step& at) {
  T value{};
  Read(json, value, at);
  return Write(value);
}

template <typename Item>
Json List(const Json& json, const Step& at, const Item& item) {
  if (!json.is_array()) Fail(at, "must be a list");
  Json list = Json::array();
  for (std::size_t i = 0; i < json.size(); ++i) list.push_back(item(json[i], Step(at, i)));
  return list;
}

const Json* Member(const Json& json, const char* name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

Json ProtoPort(const Json& json, const Step& at) {
  if (!json.is_object()) Fail(at, "must be a map");
  Json port = Json::object();
  if (const Json* net = Member(json, "net")) port["net"] = Reread<std::string>(*net, Step(at, "net"));
  if (const Json* protocol = Member(json, "protocol"))
    port["protocol"] = Reread<std::string>(*protocol, Step(at, "protocol"));
  if (const Json* number = Member(json, "port")) port["port"] = Reread<int>(*number, Step(at, "port"));
  Json ordered = Json::object();
  for (const char* name : {"protocol", "port", "net"}) {
    if (port.contains(name)) ordered[name] = port[name];
  }
  return ordered;
}

Json Range(const Json& json, const Step& at) {
  if (!json.is_object()) Fail(at, "must be a map");
  Json range = Json::object();
  for (const char* name : {"min", "max"}) {
    const Json* value = Member(json, name);
    range[name] = value == nullptr ? Json(0) : Reread<std::uint64_t>(*value, Step(at, name));
  }
  return range;
}

Json DurationValue(const Json& json, const Step& at) {
  if (!json.is_string() || !ParseGoDuration(Shown(json)))
    Fail(at, fmt::format("cannot parse '{}' as a duration such as 1m30s", Shown(json)));
  return NormalDuration(Shown(json));
}

Json HealthTimeout(const Json& json, const Step& at) {
  if (!json.is_object()) Fail(at, "must be a map");
  Json timeout = Json::object();
  if (const Json* name = Member(json, "name")) timeout["name"] = Reread<std::string>(*name, Step(at, "name"));
  if (const Json* value = Member(json, "timeout"))
    timeout["timeout"] = DurationValue(*value, Step(at, "timeout"));
  return timeout;
}

}  // namespace

std::string NormalDuration(const std::string& text) {
  const auto parsed = ParseGoDuration(text);
  if (!parsed) return text;
  const bool negative = *parsed < 0;
  const auto total = static_cast<unsigned long long>(negative ? -*parsed : *parsed);
  constexpr unsigned long long kSecond = 1'000'000'000;
  if (total == 0) return "0s";
  const auto fraction = [](unsigned long long value, unsigned long long unit, int digits) {
    std::string number = std::to_string(value / unit);
    if (value % unit != 0) {
      number += fmt::format(".{:0{}}", value % unit, digits);
      number.erase(number.find_last_not_of('0') + 1);
    }
    return number;
  };
  std::string result;
  if (total < 1'000) {
    result = std::to_string(total) + "ns";
  } else if (total < 1'000'000) {
    result = fraction(total, 1'000, 3) + "\u00b5s";
  } else if (total < kSecond) {
    result = fraction(total, 1'000'000, 6) + "ms";
  } else {
    const unsigned long long hours = total / (3600 * kSecond), minutes = total / (60 * kSecond) % 60;
    if (hours > 0) result += fmt::format("{}h", hours);
    if (hours > 0 || minutes > 0) result += fmt::format("{}m", minutes);
    result += fraction(total % (60 * kSecond), kSecond, 9) + "s";
  }
  return negative ? "-" + result : result;
}

Json NumberWhenDigits(const std::string& text) {
  int number = 0;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, number);
  if (stop == end && error == std::errc() && !text.empty()) return number;
  return text;
}

Json NormalFelixValue(const Json& json, const FelixParameter& parameter, const Step& at) {
  switch (parameter.type) {
    case Type::kBool:
      return Reread<bool>(json, at);
    case Type::kInt: {
      std::int64_t value = 0;
      Read(json, value, at);
      return value;
    }
    case Type::kUint32: {
      std::uint32_t value = 0;
      ReadUint32(json, value, at);
      return value;
    }
    case Type::kString:
      return Reread<std::string>(json, at);
    case Type::kDuration:
      return DurationValue(json, at);
    case Type::kStringList:
      return List(json, at, Reread<std::string>);
    case Type::kStringMap:
      return Reread<std::map<std::string, std::string>>(json, at);
    case Type::kDscp: {
      std::string text;
      Read(json, text, at);
      return NumberWhenDigits(text);
    }
    case Type::kPort:
      return Reread<Port>(json, at);
    case Type::kPortList:
      return List(json, at, Reread<Port>);
    case Type::kProtoPortList:
      return List(json, at, ProtoPort);
    case Type::kRouteTableRange:
      return Range(json, at);
    case Type::kRouteTableRanges:
      return List(json, at, Range);
    case Type::kHealthTimeouts:
      return List(json, at, HealthTimeout);
  }
  return json;
}

}  // namespace codec

namespace {

using codec::Json;
using Type = FelixParameterType;

// Reference datastore-model A.14: durations are seconds, except one that is milliseconds.
double UnitSeconds(const FelixParameter& parameter) {
  return parameter.v1_name.ends_with("Millis") ? 1e-3 : 1.0;
}

std::string ProtoPortText(const Json& port) {
  std::string net = port.value("net", "");
  if (net.find(':') != std::string::npos) net = "[" + net + "]";
  return fmt::format("{}:{}{}", ToLower(port.value("protocol", "tcp")), net.empty() ? "" : net + ":",
                     port.value("port", 0));
}

Result<Json> ProtoPortsFromText(const std::string& text) {
  Json list = Json::array();
  if (text == "none") return list;
  for (const std::string& item : Split(text, ',')) {
    const std::string entry(Trim(item));
    if (entry.empty()) continue;
    const std::size_t first = entry.find(':'), last = entry.rfind(':');
    int number = 0;
    const std::string digits = entry.substr(last == std::string::npos ? 0 : last + 1);
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc() || end != digits.data() + digits.size() || number < 1 || number > 65535)
      return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no <protocol>:<port>", entry));
    std::string protocol = "TCP";  // a bare port number meant TCP to Felix
    if (first != std::string::npos) {
      protocol = ToLower(entry.substr(0, first)) == "udp" ? "UDP" : "TCP";
      if (ToLower(entry.substr(0, first)) == "sctp") protocol = "SCTP";
    }
    Json port{{"protocol", protocol}, {"port", number}};
    if (first != last) {
      std::string net = entry.substr(first + 1, last - first - 1);
      if (net.starts_with('[') && net.ends_with(']')) net = net.substr(1, net.size() - 2);
      port["net"] = net;
    }
    list.push_back(std::move(port));
  }
  return list;
}

// "1-250,300-400" (reference felix 4.2).
Result<Json> TableRangesFromText(const std::string& text) {
  Json list = Json::array();
  for (const std::string& item : Split(text, ',')) {
    Json range = Json::object();
    const auto parts = Split(Trim(item), '-');
    for (std::size_t i = 0; i < 2; ++i) {
      std::uint32_t number = 0;
      const std::string& digits = parts[std::min(i, parts.size() - 1)];
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error != std::errc() || end != digits.data() + digits.size() || parts.size() > 2)
        return Error(ErrorCode::kInvalidArgument, fmt::format("'{}' is no <first>-<last>", item));
      range[i == 0 ? "min" : "max"] = number;
    }
    list.push_back(std::move(range));
  }
  return list;
}

// "debug" -> "Debug"; reference datastore-model D.4.
std::string LogLevelFromText(const std::string& text) {
  const std::string lower = ToLower(text);
  if (lower.empty()) return "";
  for (const char* level : {"Debug", "Info", "Warning", "Error", "Fatal"}) {
    if (lower == ToLower(level)) return level;
  }
  return lower == "panic" ? "Fatal" : "Info";
}

bool IsLogLevel(const FelixParameter& parameter) {
  return parameter.field.starts_with("logSeverity");
}

Result<Json> FromText(const FelixParameter& parameter, const std::string& text) {
  const auto bad = [&](const char* what) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("{}: '{}' is no {}", parameter.v1_name, text, what));
  };
  switch (parameter.type) {
    case Type::kBool: {
      for (const char* word : {"1", "t", "T", "TRUE", "true", "True"}) {
        if (text == word) return Json(true);
      }
      for (const char* word : {"0", "f", "F", "FALSE", "false", "False"}) {
        if (text == word) return Json(false);
      }
      return bad("boolean");
    }
    case Type::kInt:
    case Type::kUint32: {
      std::int64_t number = 0;
      const bool hex = text.starts_with("0x");
      const char* begin = text.data() + (hex ? 2 : 0);
      const auto [end, error] = std::from_chars(begin, text.data() + text.size(), number, hex ? 16 : 10);
      if (error != std::errc() || end != text.data() + text.size()) return bad("integer");
      return Json(number);
    }
    case Type::kDuration: {
      double number = 0;
      const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
      if (error != std::errc() || end != text.data() + text.size()) return bad("number of seconds");
      return Json(codec::NormalDuration(
          fmt::format("{}ns", static_cast<long long>(number * UnitSeconds(parameter) * 1e9))));
    }
    case Type::kProtoPortList:
      return ProtoPortsFromText(text);
    case Type::kStringList: {
      Json list = Json::array();
      for (const std::string& item : Split(text, ',')) {
        if (!Trim(item).empty()) list.push_back(std::string(Trim(item)));
      }
      return list;
    }
    case Type::kPortList: {
      Json list = Json::array();
      for (const std::string& item : Split(text, ',')) list.push_back(codec::NumberWhenDigits(item));
      return list;
    }
    case Type::kRouteTableRanges:
      return TableRangesFromText(text);
    case Type::kRouteTableRange: {
      ASSIGN_OR_RETURN(Json list, TableRangesFromText(text));
      if (list.size() != 1) return bad("range");
      return std::move(list[0]);
    }
    case Type::kPort:
    case Type::kDscp:
      return codec::NumberWhenDigits(text);
    case Type::kString: {
      if (IsLogLevel(parameter)) return Json(LogLevelFromText(text));
      // Upper-case actions are spelt the v3 way: "RETURN" -> "Return".
      std::string accepted(parameter.accepted);
      if (accepted.starts_with("(?i)")) accepted.erase(0, 4);
      for (const std::string& word : Split(accepted, ',')) {
        if (EqualsIgnoreCase(word, text)) return Json(word);
      }
      return Json(text);
    }
    default:
      return bad("value that can be converted");
  }
}

}  // namespace

std::string FelixValueToV1(const FelixParameter& parameter, const std::string& json_text) {
  const Json json = Json::parse(json_text, nullptr, false);
  if (json.is_discarded()) return {};
  const auto text = [](const Json& item) { return item.is_string() ? item.get<std::string>() : item.dump(); };
  std::vector<std::string> parts;
  switch (parameter.type) {
    case Type::kDuration: {
      const auto nanoseconds = ParseGoDuration(text(json));
      return fmt::format("{}", static_cast<double>(nanoseconds.value_or(0)) / 1e9 / UnitSeconds(parameter));
    }
    case Type::kProtoPortList:
      for (const Json& port : json) parts.push_back(ProtoPortText(port));
      return parts.empty() ? "none" : Join(parts, ",");
    case Type::kStringList:
    case Type::kPortList:
      for (const Json& item : json) parts.push_back(text(item));
      return Join(parts, ",");
    case Type::kStringMap:
      for (const auto& [key, value] : json.items()) parts.push_back(key + "=" + text(value));
      return Join(parts, ",");
    case Type::kRouteTableRange:
      return fmt::format("{}-{}", text(json["min"]), text(json["max"]));
    case Type::kRouteTableRanges:
      for (const Json& range : json)
        parts.push_back(fmt::format("{}-{}", text(range["min"]), text(range["max"])));
      return Join(parts, ",");
    case Type::kHealthTimeouts:
      for (const Json& item : json) parts.push_back(text(item["name"]) + "=" + text(item["timeout"]));
      return Join(parts, ",");
    case Type::kString:
      // Calico 2.6 wrote levels in lower case and actions in upper case (datastore-model B.7).
      if (IsLogLevel(parameter)) return ToLower(text(json));
      if (parameter.accepted.starts_with("(?i)") && parameter.field != "chainInsertMode") {
        std::string upper = text(json);
        for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
        return upper;
      }
      return parameter.field == "chainInsertMode" ? ToLower(text(json)) : text(json);
    default:
      return text(json);
  }
}

Result<std::string> FelixValueFromV1(const FelixParameter& parameter, const std::string& v1_text) {
  ASSIGN_OR_RETURN(const Json json, FromText(parameter, v1_text));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace calico::model
