// SPDX-License-Identifier: Apache-2.0
// How calicoctl prints objects (reference calicoctl B.3).
#include "model/codec/print.h"

#include <algorithm>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/document.h"
#include "model/codec/fields.h"
#include "model/codec/json.h"
#include "model/codec/scalar.h"
#include "model/codec/v1.h"
#include "model/v1_convert.h"

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

// Length of the character at `at` if YAML 1.1 takes it for a line break, drops it or refuses it; else 0.
std::size_t Unprintable(const std::string& text, std::size_t at) {
  const auto byte = [&](std::size_t i) {
    return at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0;
  };
  if (byte(0) == 0x7f) return 1;
  if (byte(0) == 0xc2 && byte(1) >= 0x80 && byte(1) <= 0x9f) return 2;                       // C1 controls
  if (byte(0) == 0xe2 && byte(1) == 0x80 && (byte(2) == 0xa8 || byte(2) == 0xa9)) return 3;  // U+2028, U+2029
  if (byte(0) == 0xef && byte(1) == 0xbb && byte(2) == 0xbf) return 3;                       // U+FEFF
  return byte(0) == 0xef && byte(1) == 0xbf && (byte(2) == 0xbe || byte(2) == 0xbf) ? 3
                                                                                    : 0;  // U+FFFE, U+FFFF
}

bool NeedsEscapes(const std::string& text) {
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (static_cast<unsigned char>(text[at]) < 0x20 || Unprintable(text, at) != 0) return true;
  }
  return false;
}

// A JSON text in which such characters, and those of `also`, are written as \u escapes, which both JSON and
// YAML's double quotes know. They stand only inside strings of a JSON text.
std::string Escaped(const std::string& json, std::string_view also) {
  const std::string candidates = std::string("\x7f\xc2\xe2\xef") + std::string(also);  // first bytes
  std::string out;
  std::size_t done = 0;
  for (std::size_t at = json.find_first_of(candidates); at != std::string::npos;
       at = json.find_first_of(candidates, at + 1)) {
    const std::size_t length = also.find(json[at]) != std::string_view::npos ? 1 : Unprintable(json, at);
    if (length == 0) continue;
    unsigned code = static_cast<unsigned char>(json[at]);
    if (length == 2) code = (code & 0x1f) << 6 | (static_cast<unsigned char>(json[at + 1]) & 0x3f);
    if (length == 3) {
      code = (code & 0x0f) << 12 | (static_cast<unsigned char>(json[at + 1]) & 0x3fu) << 6 |
             (static_cast<unsigned char>(json[at + 2]) & 0x3f);
    }
    out.append(json, done, at - done);
    out += fmt::format("\\u{:04x}", code);
    done = at + length;
  }
  return done == 0 ? json : out.append(json, done);
}

// The escapes of JSON are also those of YAML's double quotes.
std::string DoubleQuoted(const std::string& text) {
  return Escaped(Json(text).dump(), "");
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
  std::vector<const Json::object_t::value_type*> members;
  for (const auto& member : json.get_ref<const Json::object_t&>()) members.push_back(&member);
  std::sort(members.begin(), members.end(), [](const auto* a, const auto* b) { return a->first < b->first; });
  for (const auto* member : members) {
    const std::string name = indent + Scalar(member->first) + ":";
    out += name;
    PrintValue(member->second, indent, name.size(), out);
  }
}

bool IsUtf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = Utf8Length(text, at);
    if (length == 0) return false;
    at += length;
  }
  return true;
}
bool IsClean(const Json& json) {
  if (json.is_string()) return IsUtf8(json.get_ref<const std::string&>());
  if (json.is_array()) return std::all_of(json.begin(), json.end(), IsClean);
  if (!json.is_object()) return true;
  const auto& members = json.get_ref<const Json::object_t&>();
  return std::all_of(members.begin(), members.end(),
                     [](const auto& member) { return IsUtf8(member.first) && IsClean(member.second); });
}
// Bytes that are no UTF-8 become U+FFFD, as in the stored form.
Json CleanText(Json json) {
  if (IsClean(json)) return json;
  return Json::parse(json.dump(-1, ' ', false, Json::error_handler_t::replace));
}
Json Shown(const Object& object) {
  return CleanText(codec::EncodeObject(object, false));
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

Result<Json> V1Array(const std::vector<Object>& items) {
  Json json = Json::array();
  for (const Object& item : items) {
    auto v1 = V3ToV1(item);
    if (!v1.has_value()) {
      const Key key = KeyOf(item);
      const std::string name = key.ns.empty() ? key.name : key.ns + "/" + key.name;
      return std::move(v1).error().WithContext(fmt::format("{}({})", KindName(key.kind), name));
    }
    json.push_back(CleanText(codec::WriteV1(*v1)));
  }
  return json;
}

Json Array(const std::vector<Object>& items) {
  Json json = Json::array();
  for (const Object& item : items) json.push_back(Shown(item));
  return json;
}

}  // namespace

namespace codec {

std::string YamlText(const Json& json) {
  std::string out;
  if (json.is_structured() && json.empty()) return json.dump() + "\n";
  PrintYaml(json, "", out);
  return out;
}

std::string JsonText(const Json& json) {
  return Escaped(json.dump(2), "&<>");
}

}  // namespace codec

std::string PrintYaml(const Object& object) {
  return codec::YamlText(Shown(object));
}
std::string PrintJson(const Object& object) {
  return codec::JsonText(Shown(object));
}
std::string PrintListYaml(Kind kind, const std::vector<Object>& items, const std::string& revision) {
  return codec::YamlText(List(kind, items, revision));
}
std::string PrintListJson(Kind kind, const std::vector<Object>& items, const std::string& revision) {
  return codec::JsonText(List(kind, items, revision));
}
std::string PrintArrayYaml(const std::vector<Object>& items) {
  return codec::YamlText(Array(items));
}
std::string PrintArrayJson(const std::vector<Object>& items) {
  return codec::JsonText(Array(items));
}

Result<std::string> PrintV1Yaml(const std::vector<Object>& items) {
  ASSIGN_OR_RETURN(const Json json, V1Array(items));
  return codec::YamlText(json);
}
Result<std::string> PrintV1Json(const std::vector<Object>& items) {
  ASSIGN_OR_RETURN(const Json json, V1Array(items));
  return codec::JsonText(json);
}

}  // namespace calico::model
