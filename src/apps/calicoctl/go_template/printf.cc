// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cstdio>
#include <optional>

#include <fmt/format.h>

#include "apps/calicoctl/go_template/functions.h"

namespace calico::calicoctl::go_template {
namespace {

using Type = Value::Type;

constexpr int kWidest = 1000;

// "%-8.3d"
struct Directive {
  bool left = false, plus = false, zero = false, sharp = false, blank = false;
  int width = 0;
  int precision = -1;
  char verb = 0;
};

int ReadNumber(const std::string& format, std::size_t& at) {
  int number = 0;
  for (; at < format.size() && format[at] >= '0' && format[at] <= '9'; ++at)
    number = std::min(kWidest, number * 10 + (format[at] - '0'));
  return number;
}

// `at` stands behind the "%"; behind the verb afterwards.
Directive Read(const std::string& format, std::size_t& at) {
  Directive directive;
  for (; at < format.size(); ++at) {
    const char c = format[at];
    if (c == '-')
      directive.left = true;
    else if (c == '+')
      directive.plus = true;
    else if (c == '0')
      directive.zero = true;
    else if (c == '#')
      directive.sharp = true;
    else if (c == ' ')
      directive.blank = true;
    else
      break;
  }
  directive.width = ReadNumber(format, at);
  if (at < format.size() && format[at] == '.') directive.precision = ReadNumber(format, ++at);
  if (at < format.size()) directive.verb = format[at++];
  return directive;
}

std::string Padded(std::string text, const Directive& directive) {
  const auto width = static_cast<std::size_t>(directive.width);
  if (text.size() >= width) return text;
  const std::size_t missing = width - text.size();
  if (directive.left) return text + std::string(missing, ' ');
  if (!directive.zero) return std::string(missing, ' ') + text;
  const std::size_t sign = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
  return text.insert(sign, missing, '0');
}

std::string Quoted(const std::string& text) {
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\')
      quoted += std::string("\\") + c;
    else if (c == '\n')
      quoted += "\\n";
    else if (c == '\t')
      quoted += "\\t";
    else if (static_cast<unsigned char>(c) < 0x20)
      quoted += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    else
      quoted += c;
  }
  return quoted + "\"";
}

std::string FloatText(const Directive& directive, double value) {
  const std::string format = fmt::format("%{}.*{}", directive.plus ? "+" : "", directive.verb);
  const int precision = directive.precision < 0 ? 6 : directive.precision;
  const int length = std::snprintf(nullptr, 0, format.c_str(), precision, value);
  std::string text(static_cast<std::size_t>(std::max(length, 0)) + 1, '\0');
  std::snprintf(text.data(), text.size(), format.c_str(), precision, value);
  text.pop_back();
  return text;
}

// nullopt: the verb does not fit the value.
std::optional<std::string> Formatted(const Directive& directive, const Value& value) {
  const bool number = value.is_number();
  switch (directive.verb) {
    case 'v':
    case 's': {
      if (directive.verb == 's' && (number || value.type() == Type::kBool)) return std::nullopt;
      std::string text = value.Shown();
      if (directive.precision >= 0 && value.type() == Type::kText)
        text = text.substr(0, static_cast<std::size_t>(directive.precision));
      return text;
    }
    case 'q':
      if (value.type() != Type::kText) return std::nullopt;
      return Quoted(value.text());
    case 'd':
      if (value.type() != Type::kInteger) return std::nullopt;
      return (directive.plus && value.integer() >= 0 ? "+" : "") + std::to_string(value.integer());
    case 'x':
    case 'X':
      if (value.type() != Type::kInteger) return std::nullopt;
      return directive.verb == 'x' ? fmt::format("{:x}", value.integer())
                                   : fmt::format("{:X}", value.integer());
    case 'c':
      if (value.type() != Type::kInteger || value.integer() < 0 || value.integer() > 0x7f)
        return std::nullopt;
      return std::string(1, static_cast<char>(value.integer()));
    case 't':
      if (value.type() != Type::kBool) return std::nullopt;
      return value.Shown();
    case 'g':
      if (value.type() != Type::kFloat) return std::nullopt;
      return directive.precision < 0 ? value.Shown() : FloatText(directive, value.number());
    case 'e':
    case 'f':
      if (value.type() != Type::kFloat) return std::nullopt;
      return FloatText(directive, value.number());
    default:
      return std::nullopt;
  }
}

std::string GoTypeName(const Value& value) {
  switch (value.type()) {
    case Type::kBool:
      return "bool";
    case Type::kInteger:
      return "int";
    case Type::kFloat:
      return "float64";
    case Type::kText:
      return "string";
    default:
      return "";
  }
}

}  // namespace

std::string GoPrintf(const std::string& format, const std::vector<Value>& arguments) {
  std::string out;
  std::size_t next = 0;
  for (std::size_t at = 0; at < format.size();) {
    if (format[at] != '%') {
      out += format[at++];
      continue;
    }
    const Directive directive = Read(format, ++at);
    if (directive.verb == '%') {
      out += '%';
    } else if (directive.verb == 0) {
      out += "%!(NOVERB)";
    } else if (next >= arguments.size()) {
      out += fmt::format("%!{}(MISSING)", directive.verb);
    } else {
      const Value& value = arguments[next++];
      const auto text = Formatted(directive, value);
      const std::string name = GoTypeName(value);
      out += text ? Padded(*text, directive)
                  : fmt::format("%!{}({}{}{})", directive.verb, name, name.empty() ? "" : "=", value.Shown());
    }
  }
  if (next < arguments.size()) {
    out += "%!(EXTRA ";
    for (std::size_t i = next; i < arguments.size(); ++i)
      out += fmt::format("{}{}={}", i == next ? "" : ", ", GoTypeName(arguments[i]), arguments[i].Shown());
    out += ")";
  }
  return out;
}

}  // namespace calico::calicoctl::go_template
