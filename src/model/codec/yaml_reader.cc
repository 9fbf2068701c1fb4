// SPDX-License-Identifier: Apache-2.0
#include "model/codec/yaml_reader.h"

#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <yaml.h>

#include "base/text.h"
#include "model/codec/scalar.h"
#include "model/codec/value.h"

namespace calico::model::codec {
namespace {

// Anchors can make a small text endless: lists of lists of the same list.
constexpr std::size_t kMostAliasedNodes = 100'000;
constexpr std::size_t kDeepest = 100;
// Members of a map up to here are looked up one by one.
constexpr std::size_t kFewMembers = 16;

Place ToPlace(const yaml_mark_t& mark) {
  return {static_cast<int>(mark.line) + 1, static_cast<int>(mark.column) + 1};
}

// libyaml's parser of one text. Events are valid until the next one is asked for.
class Parser {
 public:
  explicit Parser(const std::string& text) {
    yaml_parser_initialize(&parser_);
    yaml_parser_set_encoding(&parser_, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&parser_, reinterpret_cast<const unsigned char*>(text.data()), text.size());
  }
  ~Parser() {
    yaml_event_delete(&event_);
    yaml_parser_delete(&parser_);
  }
  Parser(const Parser&) = delete;
  Parser& operator=(const Parser&) = delete;

  const yaml_event_t* Next() {
    yaml_event_delete(&event_);
    return yaml_parser_parse(&parser_, &event_) == 0 ? nullptr : &event_;
  }
  YamlProblem problem() const {
    std::string text = parser_.problem == nullptr ? "no memory" : parser_.problem;
    if (parser_.error == YAML_READER_ERROR) return {{}, text};
    // What libyaml means by that is nearly always a page's or an editor's lost indentation.
    if (parser_.error == YAML_PARSER_ERROR && parser_.context != nullptr &&
        std::string_view(parser_.context).starts_with("while parsing a block ")) {
      text += fmt::format(": its indentation does not fit the block that begins at line {}, column {}",
                          parser_.context_mark.line + 1, parser_.context_mark.column + 1);
    }
    return {ToPlace(parser_.problem_mark), text};
  }

 private:
  yaml_parser_t parser_{};
  yaml_event_t event_{};
};

std::size_t CountNodes(const Json& json) {
  std::size_t nodes = 1;
  if (json.is_structured()) {
    for (const Json& item : json) nodes += CountNodes(item);
  }
  return nodes;
}

std::string Text(const yaml_char_t* text) {
  return text == nullptr ? std::string() : reinterpret_cast<const char*>(text);
}

// Builds JSON from events. Each function returns the problem that ends the reading, or nothing.
using Refused = std::optional<YamlProblem>;

class Builder {
 public:
  explicit Builder(Places* places) : places_(places) {}

  Json Take() { return std::move(root_); }

  Refused Accept(const yaml_event_t& event) {
    switch (event.type) {
      case YAML_SCALAR_EVENT:
        return OnScalar(event);
      case YAML_ALIAS_EVENT:
        return OnAlias(event);
      case YAML_SEQUENCE_START_EVENT:
        return Open(event.start_mark, Text(event.data.sequence_start.anchor), Json::array());
      case YAML_MAPPING_START_EVENT:
        return Open(event.start_mark, Text(event.data.mapping_start.anchor), Json::object());
      case YAML_MAPPING_END_EVENT:
        Merge(open_.back());
        return Close();
      case YAML_SEQUENCE_END_EVENT:
        return Close();
      default:
        return std::nullopt;
    }
  }

 private:
  // A list or map that has not ended yet.
  struct Container {
    Json json;
    yaml_mark_t mark{};
    std::string anchor = {};
    std::optional<std::string> key = std::nullopt;  // of the value that comes next
    bool merges = false;                            // its key is "<<"
    std::vector<Json> merged = {};
    std::unordered_set<std::string> keys = {};  // of a large map
  };

  static YamlProblem Problem(const yaml_mark_t& mark, std::string text) {
    return {ToPlace(mark), std::move(text)};
  }

  Refused OnScalar(const yaml_event_t& event) {
    const auto& scalar = event.data.scalar;
    const std::string value(reinterpret_cast<const char*>(scalar.value), scalar.length);
    const bool plain = scalar.style == YAML_PLAIN_SCALAR_STYLE && scalar.tag == nullptr;
    if (plain && IsYamlNull(value)) return Add(event.start_mark, Text(scalar.anchor), nullptr, false);
    return Add(event.start_mark, Text(scalar.anchor), plain ? std::string(1, kPlainScalar) + value : value,
               plain && value == "<<");
  }
  Refused OnAlias(const yaml_event_t& event) {
    const std::string name = Text(event.data.alias.anchor);
    const auto found = anchors_.find(name);
    if (found == anchors_.end()) {
      for (const Container& around : open_) {
        if (around.anchor == name)
          return Problem(event.start_mark, fmt::format("anchor '{}' value contains itself", name));
      }
      return Problem(event.start_mark, fmt::format("unknown anchor '{}' referenced", name));
    }
    aliased_nodes_ += found->second.second;
    if (aliased_nodes_ > kMostAliasedNodes)
      return Problem(event.start_mark, "document contains excessive aliasing");
    return Add(event.start_mark, "", found->second.first, false);
  }

  Refused Open(const yaml_mark_t& mark, const std::string& anchor, Json json) {
    if (AwaitsKey()) return Problem(mark, "a key must be a word");
    if (open_.size() >= kDeepest) return Problem(mark, "the document is nested too deeply");
    Enter(mark);
    open_.push_back({std::move(json), mark, anchor});
    return std::nullopt;
  }

  Refused Close() {
    Container done = std::move(open_.back());
    open_.pop_back();
    return Finish(done.mark, done.anchor, std::move(done.json));
  }

  bool AwaitsKey() const { return !open_.empty() && open_.back().json.is_object() && !open_.back().key; }

  Refused Add(const yaml_mark_t& mark, const std::string& anchor, Json json, bool is_merge_key) {
    if (!AwaitsKey()) {
      Enter(mark);
      return Finish(mark, anchor, std::move(json));
    }
    if (!json.is_string()) return Problem(mark, "a key must be a word");
    Remember(anchor, json);
    key_mark_ = mark;
    Container& map = open_.back();
    map.merges = is_merge_key;
    map.key = IsPlain(json) ? PlainAsText(Shown(json)) : json.get<std::string>();
    if (is_merge_key || IsNewKey(map)) return std::nullopt;
    return Problem(mark, fmt::format("key \"{}\" already set in map", *map.key));
  }

  static bool IsNewKey(Container& map) {
    if (map.json.size() < kFewMembers) return !map.json.contains(*map.key);
    if (map.keys.empty()) {
      for (const auto& [key, value] : map.json.items()) map.keys.insert(key);
    }
    return map.keys.insert(*map.key).second;
  }

  // A value begins: it becomes the step of the pointer that its place is kept under.
  void Enter(const yaml_mark_t& mark) {
    if (places_ == nullptr) return;
    std::string pointer;
    for (const Container& around : open_) {
      pointer += '/';
      pointer += around.key ? EscapePointer(*around.key) : std::to_string(around.json.size());
    }
    places_->emplace(pointer, ToPlace(KeyMark(mark)));
  }
  // Errors point at a member's name, not at its value.
  const yaml_mark_t& KeyMark(const yaml_mark_t& value) const {
    return open_.empty() || !open_.back().key ? value : key_mark_;
  }

  Refused Finish(const yaml_mark_t& mark, const std::string& anchor, Json json) {
    Remember(anchor, json);
    if (open_.empty()) {
      root_ = std::move(json);
      return std::nullopt;
    }
    Container& around = open_.back();
    if (around.json.is_array()) {
      around.json.push_back(std::move(json));
      return std::nullopt;
    }
    if (!around.merges) {
      // Past the look-up of operator[], which is linear; IsNewKey has looked.
      around.json.get_ref<Json::object_t&>().emplace_back(std::move(*around.key), std::move(json));
    } else if (!AddMerge(around, std::move(json))) {
      return Problem(mark, "map merge requires map or sequence of maps as the value");
    }
    around.key.reset();
    around.merges = false;
    return std::nullopt;
  }

  void Remember(const std::string& anchor, const Json& json) {
    if (!anchor.empty()) anchors_[anchor] = {json, CountNodes(json)};
  }

  // "<<: *defaults", or a list of such: members that the map does not have itself (YAML 1.1's merge keys).
  static bool AddMerge(Container& map, Json json) {
    if (json.is_object()) json = Json::array({std::move(json)});
    if (!json.is_array()) return false;
    for (Json& item : json) {
      if (!item.is_object()) return false;
      map.merged.push_back(std::move(item));
    }
    return true;
  }
  static void Merge(Container& map) {
    for (const Json& from : map.merged) {
      for (const auto& [key, value] : from.items()) {
        if (!map.json.contains(key)) map.json[key] = value;
      }
    }
  }

  Places* places_;
  Json root_ = nullptr;
  std::vector<Container> open_;
  yaml_mark_t key_mark_{};
  std::unordered_map<std::string, std::pair<Json, std::size_t>> anchors_;  // value and its number of nodes
  std::size_t aliased_nodes_ = 0;
};

// libyaml would say so as well, but with an offset instead of a place.
std::optional<YamlProblem> CheckCharacters(const std::string& text) {
  int line = 1;
  std::size_t line_start = 0;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    if (byte == '\n') {
      ++line;
      line_start = at + 1;
    }
    const std::size_t length = Utf8Length(text, at);
    const bool control = byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
    if (length == 0 || control) {
      return YamlProblem{{line, static_cast<int>(at - line_start) + 1},
                         length == 0 ? "the text is not valid UTF-8" : "control characters are not allowed"};
    }
    at += length;
  }
  return std::nullopt;
}

}  // namespace

std::optional<YamlProblem> ReadYaml(const std::string& text, Json& out, Places* places) {
  if (auto problem = CheckCharacters(text)) return problem;
  Parser parser(text);
  Builder builder(places);
  for (bool ended = false; !ended;) {
    const yaml_event_t* event = parser.Next();
    if (event == nullptr) return parser.problem();
    if (auto refused = builder.Accept(*event)) return refused;
    ended = event->type == YAML_DOCUMENT_END_EVENT || event->type == YAML_STREAM_END_EVENT;
  }
  // A second document, that no line of "---" separates.
  const yaml_event_t* event = parser.Next();
  if (event == nullptr) return parser.problem();
  if (event->type == YAML_DOCUMENT_START_EVENT)
    return YamlProblem{ToPlace(event->start_mark), "unexpected text outside the document"};
  out = builder.Take();
  return std::nullopt;
}

}  // namespace calico::model::codec
