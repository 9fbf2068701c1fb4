// SPDX-License-Identifier: Apache-2.0
#include "model/validate/names.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <optional>

#include "base/text.h"
#include "net/ip.h"

namespace calico::model::validate {
namespace {

bool IsDigit(char c) {
  return c >= '0' && c <= '9';
}
bool IsLower(char c) {
  return c >= 'a' && c <= 'z';
}
bool IsAlphanumeric(char c) {
  return IsDigit(c) || IsLower(c) || (c >= 'A' && c <= 'Z');
}
bool IsOneOf(char c, std::string_view set) {
  return set.find(c) != std::string_view::npos;
}
// Alphanumeric characters and those of `marks`, as many as allowed.
bool Consists(std::string_view text, std::string_view marks, std::size_t longest) {
  return !text.empty() && text.size() <= longest && std::all_of(text.begin(), text.end(), [&](char c) {
    return IsAlphanumeric(c) || IsOneOf(c, marks);
  });
}
template <typename Number>
std::optional<Number> Whole(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}
int HexValue(char c) {
  if (IsDigit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

bool IsNameLabel(std::string_view text) {
  if (text.empty() || text.front() == '-' || text.back() == '-') return false;
  return std::all_of(text.begin(), text.end(), [](char c) { return IsLower(c) || IsDigit(c) || c == '-'; });
}

bool IsName(std::string_view text) {
  for (std::size_t dot = text.find('.'); dot != std::string_view::npos; dot = text.find('.')) {
    if (!IsNameLabel(text.substr(0, dot))) return false;
    text.remove_prefix(dot + 1);
  }
  return IsNameLabel(text);
}

bool IsContainerId(std::string_view text) {
  return Consists(text, "-", text.size()) && text.front() != '-' && text.back() != '-';
}
bool IsInterface(std::string_view text) {
  return text == "*" || Consists(text, "_.-", 15);
}
bool IsInterfacePattern(std::string_view text) {
  return Consists(text, "_.*-", 15);
}
bool IsInterfaceFilter(std::string_view text) {
  return Consists(text, ":._+-", 15);
}
bool IsPrometheusHost(std::string_view text) {
  return Consists(text, ":._+-", 64);
}
bool IsNamedPort(std::string_view text) {
  return Consists(text, "_.-", 128);
}

bool IsEndpointPort(std::string_view text) {
  return IsNameLabel(text) && text.size() <= 15 && std::any_of(text.begin(), text.end(), IsLower) &&
         text.find("--") == std::string_view::npos;
}

bool IsMac(std::string_view text) {
  // "0000.5e00.5301" groups four digits, the others two.
  const bool dotted = text.size() > 4 && text[4] == '.';
  const std::size_t group = dotted ? 4 : 2;
  if (text.size() <= group || (!dotted && text[2] != ':' && text[2] != '-')) return false;
  const char separator = text[group];
  std::size_t digits = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool at_separator = i % (group + 1) == group;
    if (at_separator ? text[i] != separator : HexValue(text[i]) < 0) return false;
    if (!at_separator) ++digits;
  }
  return text.size() % (group + 1) == group && (digits == 12 || digits == 16 || digits == 40);
}

bool IsWireguardKey(std::string_view text) {
  // 32 bytes are 43 characters and one "="; the last character carries four bits.
  if (text.size() != 44 || text.back() != '=') return false;
  if (!Consists(text.substr(0, 43), "+/", 43)) return false;
  return IsOneOf(text[42], "AEIMQUYcgkosw048");
}

bool IsKeyValueList(std::string_view text) {
  for (const std::string& entry : Split(text, ',')) {
    const std::string_view item = Trim(entry);
    if (item.empty()) continue;
    const std::size_t equals = item.find('=');
    if (equals == std::string_view::npos || !Consists(item.substr(0, equals), "_", item.size())) return false;
  }
  return true;
}

bool IsCommunity(std::string_view text) {
  const std::vector<std::string> parts = Split(text, ':');
  if (parts.size() == 2)
    return std::all_of(parts.begin(), parts.end(),
                       [](const auto& part) { return Whole<std::uint16_t>(part); });
  return parts.size() == 3 &&
         std::all_of(parts.begin(), parts.end(), [](const auto& part) { return Whole<std::uint32_t>(part); });
}

bool IsDscp(std::string_view text) {
  constexpr std::array<std::string_view, 21> kNames{"DF",   "EF",   "AF11", "AF12", "AF13", "AF21", "AF22",
                                                    "AF23", "AF31", "AF32", "AF33", "AF41", "AF42", "AF43",
                                                    "CS0",  "CS1",  "CS2",  "CS3",  "CS4",  "CS5",  "CS6"};
  if (const auto number = Whole<int>(text)) return *number >= 0 && *number <= 63;
  return std::any_of(kNames.begin(), kNames.end(), [&](auto name) { return EqualsIgnoreCase(name, text); });
}

std::string_view AddressOfPeer(std::string_view text) {
  if (text.starts_with('[')) return text.substr(1, text.find(']') == text.npos ? 0 : text.find(']') - 1);
  const std::size_t colon = text.find(':');
  const bool has_port = colon != text.npos && text.find(':', colon + 1) == text.npos;
  return has_port ? text.substr(0, colon) : text;
}

bool IsPeerAddress(std::string_view text) {
  const std::string_view address = AddressOfPeer(text);
  const auto ip = net::Ip::Parse(address);
  if (!ip) return false;
  if (address == text) return true;
  const bool bracketed = text.starts_with('[');
  if (bracketed != (ip->family() == net::Family::kV6)) return false;
  std::string_view rest = text.substr(address.size() + (bracketed ? 2 : 0));
  if (!rest.starts_with(':')) return false;
  const auto port = Whole<std::uint16_t>(rest.substr(1));
  return port && *port > 0;
}

namespace {

constexpr char kQualifiedForm[] =
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric "
    "character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
    "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";

bool IsQualifiedPart(std::string_view text) {
  return Consists(text, "-_.", text.size()) && IsAlphanumeric(text.front()) && IsAlphanumeric(text.back());
}
void SubdomainFaults(std::string_view text, std::vector<std::string>& faults) {
  if (text.size() > 253) faults.emplace_back("prefix part must be no more than 253 bytes");
  if (!IsName(text)) {
    faults.emplace_back(
        "prefix part a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' "
        "or "
        "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
        "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')");
  }
}

}  // namespace

std::vector<std::string> QualifiedNameFaults(std::string_view text) {
  std::vector<std::string> faults;
  std::string_view name = text;
  if (const std::size_t slash = text.find('/'); slash != std::string_view::npos) {
    const std::string_view prefix = text.substr(0, slash);
    name = text.substr(slash + 1);
    if (name.find('/') != std::string_view::npos) {
      return {std::string("a qualified name ") + kQualifiedForm +
              " with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"};
    }
    if (prefix.empty())
      faults.emplace_back("prefix part must be non-empty");
    else
      SubdomainFaults(prefix, faults);
  }
  if (name.empty())
    faults.emplace_back("name part must be non-empty");
  else if (name.size() > 63)
    faults.emplace_back("name part must be no more than 63 bytes");
  if (!IsQualifiedPart(name)) faults.push_back(std::string("name part ") + kQualifiedForm);
  return faults;
}

std::vector<std::string> LabelValueFaults(std::string_view text) {
  std::vector<std::string> faults;
  if (text.size() > 63) faults.emplace_back("must be no more than 63 bytes");
  if (!text.empty() && !IsQualifiedPart(text)) {
    faults.emplace_back(
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and "
        "must "
        "start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex "
        "used "
        "for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')");
  }
  return faults;
}

bool IsQualifiedName(std::string_view text) {
  return QualifiedNameFaults(text).empty();
}
bool IsLabelValue(std::string_view text) {
  return text.size() <= 63 && (text.empty() || IsQualifiedPart(text));
}

}  // namespace calico::model::validate
