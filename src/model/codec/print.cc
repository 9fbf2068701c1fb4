// SPDX-License-Identifier: Apache-2.0
// How calicoctl prints objects (reference calicoctl B.3).
#include <algorithm>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/document.h"
#include "model/codec/fields.h"
#include "model/codec/scalar.h"

namespace calico::model {
namespace {

using codec::Json;

constexpr std::size_t kFoldAt = 80;  // columns of plain text before it is folded

bool StartsWithIndicator(const std::string& text) {
  constexpr std::string_view kIndicators = "!&*@%{}[]|>'\"#,`";
  if (kIndicators.find(text.front()) != std::string_view::npos) return true;
  const bool blank_follows = text.size() == 1 || text[1] == ' ';
  return (text.front() == '-' || text.front() == '?' || text.front() == ':') && blank_follows;
}

// Characters that YAML 1.1 takes for line breaks, or drops.
constexpr std::pair<std::string_view, std::string_view> kEscaped[] = {
    {"\x7f", "\\u007f"},         {"\xc2\x85", "\\u0085"},     {"\xe2\x80\xa8", "\\u2028"},
    {"\xe2\x80\xa9", "\\u2029"}, {"\xef\xbb\xbf", "\\ufeff"},
};

bool NeedsEscapes(const std::string& text) {
  if (std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < 0x20; })) return true;
  return std::any_of(std::begin(kEscaped), std::end(kEscaped),
                     [&](const auto& pair) { return text.find(pair.first) != std::string::npos; });
}

// The escapes of JSON are also those of YAML's double quotes.
std::string DoubleQuoted(const std::string& text) {
  std::string quoted = Json(text).dump();
  for (const auto& [from, to] : kEscaped) quoted = ReplaceAll(std::move(quoted), from, to);
  return quoted;
}

std::string Scalar(const std::string& text) {
  if (text.empty() || codec::ReadsAsAnotherType(text)) return "\"" + text + "\"";
  if (NeedsEscapes(text)) return DoubleQuoted(text);
  const bool quote = StartsWithIndicator(text) || text.find(": ") != std::string::npos ||
                     text.find(" #") != std::string::npos || text.back() == ':' || text.front() == ' ' ||
                     text.back() == ' ' || text.starts_with("---") || text.starts_with("...");
  return quote ? "'" + ReplaceAll(text, "'", "''") + "'" : text;
}

// Whether text with line feeds can stand line by line: its first and last lines tell the indentation and the
// end.
bool FitsLiteral(const std::string& text) {
  const std::string body = text.back() == '\n' ? text.substr(0, text.size() - 1) : text;
  if (body.empty() || body.front() == ' ' || body.front() == '\n' || NeedsEscapes(ReplaceAll(body, "\n", "")))
    return false;
  return body.find_last_not_of(' ') != std::string::npos && body.back() != '\n' && body.back() != ' ';
}

// Folds a long plain or single-quoted text at blanks; continuation lines are indented two more. Only a single
// blank is the same as a line feed to the reader.
std::string Folded(const std::string& text, std::size_t column, const std::string& indent) {
  if (text.starts_with('"')) return text;
  std::string result;
  std::string_view rest = text;
  while (column + rest.size() > kFoldAt) {
    std::size_t at = rest.find(' ', column >= kFoldAt ? 1 : std::max<std::size_t>(1, kFoldAt - column));
    while (at != std::string_view::npos && at + 1 < rest.size() &&
           (rest[at + 1] == ' ' || rest[at - 1] == ' '))
      at = rest.find(' ', at + 1);
    if (at == std::string_view::npos || at + 2 >= rest.size()) break;
    result += std::string(rest.substr(0, at)) + "\n" + indent + "  ";
    rest.remove_prefix(at + 1);
    column = indent.size() + 2;
  }
  return result + std::string(rest);
}

void PrintYaml(const Json& json, const std::string& indent, std::string& out);

void PrintValue(const Json& value, const std::string& indent, std::size_t column, std::string& out) {
  if (value.is_string()) {
    const std::string& text = value.get_ref<const std::string&>();
    if (text.find('\n') != std::string::npos && FitsLiteral(text)) {
      out += text.back() == '\n' ? " |\n" : " |-\n";
      for (const std::string& line :
           Split(text.back() == '\n' ? text.substr(0, text.size() - 1) : text, '\n'))
        out += indent + "  " + line + "\n";
      return;
    }
    out += " " + Folded(Scalar(text), column + 1, indent) + "\n";
  } else if (value.is_object() && !value.empty()) {
    out += "\n";
    PrintYaml(value, indent + "  ", out);
  } else if (value.is_array() && !value.empty()) {
    out += "\n";
    PrintYaml(value, indent, out);  // list items are not indented relative to their key
  } else {
    out += " " + value.dump() + "\n";
  }
}

void PrintYaml(const Json& json, const std::string& indent, std::string& out) {
  if (json.is_array()) {
    for (const Json& item : json) {
      if (!item.is_structured() || item.empty()) {
        out += indent + "-";
        PrintValue(item, indent, indent.size() + 1, out);
        continue;
      }
      std::string inner;
      PrintYaml(item, indent + "  ", inner);
      inner[indent.size()] = '-';
      out += inner;
    }
    return;
  }
  const nlohmann::json sorted = json;  // plain nlohmann::json sorts its keys
  for (const auto& [key, value] : sorted.items()) {
    const std::string name = indent + Scalar(key) + ":";
    out += name;
    PrintValue(Json(json[key]), indent, name.size(), out);
  }
}

std::string Yaml(const Json& json) {
  std::string out;
  if (json.is_structured() && json.empty()) return json.dump() + "\n";
  PrintYaml(json, "", out);
  return out;
}

std::string Text(const Json& json) {
  std::string text = json.dump(2);
  for (const auto& [from, to] : {std::pair{"&", "\\u0026"}, {"<", "\\u003c"}, {">", "\\u003e"}})
    text = ReplaceAll(std::move(text), from, to);
  return text;
}

// Bytes that are no UTF-8 have become U+FFFD, as in the stored form.
Json Shown(const Object& object) {
  return Json::parse(codec::EncodeObject(object, false).dump(-1, ' ', false, Json::error_handler_t::replace));
}

Json List(Kind kind, const std::vector<Object>& items, const std::string& revision) {
  Json json{{"kind", std::string(KindName(kind)) + "List"},
            {"apiVersion", "projectcalico.org/v3"},
            {"metadata", Json::object()},
            {"items", Json::array()}};
  if (!revision.empty()) json["metadata"]["resourceVersion"] = revision;  // an export has none
  for (const Object& item : items) json["items"].push_back(Shown(item));
  return json;
}

Json Array(const std::vector<Object>& items) {
  Json json = Json::array();
  for (const Object& item : items) json.push_back(Shown(item));
  return json;
}

}  // namespace

std::string PrintYaml(const Object& object) {
  return Yaml(Shown(object));
}
std::string PrintJson(const Object& object) {
  return Text(Shown(object));
}
std::string PrintListYaml(Kind kind, const std::vector<Object>& items, const std::string& revision) {
  return Yaml(List(kind, items, revision));
}
std::string PrintListJson(Kind kind, const std::vector<Object>& items, const std::string& revision) {
  return Text(List(kind, items, revision));
}
std::string PrintArrayYaml(const std::vector<Object>& items) {
  return Yaml(Array(items));
}
std::string PrintArrayJson(const std::vector<Object>& items) {
  return Text(Array(items));
}

}  // namespace calico::model
