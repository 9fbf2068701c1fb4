// SPDX-License-Identifier: Apache-2.0
#include "model/codec/yaml_reader.h"

#include <sstream>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

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

Place ToPlace(const YAML::Mark& mark) {
  return mark.is_null() ? Place{} : Place{mark.line + 1, mark.column + 1};
}

struct Refusal {  // thrown through yaml-cpp, which has no other way to stop
  YamlProblem problem;
};
[[noreturn]] void Refuse(const YAML::Mark& mark, std::string text) {
  throw Refusal{{ToPlace(mark), std::move(text)}};
}

std::size_t CountNodes(const Json& json) {
  std::size_t nodes = 1;
  if (json.is_structured()) {
    for (const Json& item : json) nodes += CountNodes(item);
  }
  return nodes;
}

class Builder final : public YAML::EventHandler {
 public:
  explicit Builder(Places* places) : places_(places) {}

  Json Take() { return std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t anchor) override { Add(mark, anchor, nullptr, false); }
  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t anchor,
                const std::string& value) override {
    const bool plain = tag == "?";
    if (plain && IsYamlNull(value)) return OnNull(mark, anchor);
    Add(mark, anchor, plain ? std::string(1, kPlainScalar) + value : value, plain && value == "<<");
  }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t anchor) override {
    const auto found = anchors_.find(anchor);
    if (found == anchors_.end()) Refuse(mark, "an anchor's value contains itself");
    aliased_nodes_ += found->second.second;
    if (aliased_nodes_ > kMostAliasedNodes) Refuse(mark, "document contains excessive aliasing");
    Add(mark, YAML::NullAnchor, found->second.first, false);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                       YAML::EmitterStyle::value) override {
    Open(mark, anchor, Json::array());
  }
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t anchor,
                  YAML::EmitterStyle::value) override {
    Open(mark, anchor, Json::object());
  }
  void OnSequenceEnd() override { Close(); }
  void OnMapEnd() override {
    Merge(open_.back());
    Close();
  }

 private:
  // A list or map that has not ended yet.
  struct Container {
    Json json;
    YAML::Mark mark;
    YAML::anchor_t anchor = YAML::NullAnchor;
    std::optional<std::string> key = std::nullopt;  // of the value that comes next
    bool merges = false;                            // its key is "<<"
    std::vector<Json> merged = {};
    std::unordered_set<std::string> keys = {};  // of a large map
  };

  void Open(const YAML::Mark& mark, YAML::anchor_t anchor, Json json) {
    if (AwaitsKey()) Refuse(mark, "a key must be a word");
    if (open_.size() >= kDeepest) Refuse(mark, "the document is nested too deeply");
    Enter(mark);
    open_.push_back({std::move(json), mark, anchor});
  }

  void Close() {
    Container done = std::move(open_.back());
    open_.pop_back();
    Finish(done.mark, done.anchor, std::move(done.json));
  }

  bool AwaitsKey() const { return !open_.empty() && open_.back().json.is_object() && !open_.back().key; }

  void Add(const YAML::Mark& mark, YAML::anchor_t anchor, Json json, bool is_merge_key) {
    if (!AwaitsKey()) {
      Enter(mark);
      Finish(mark, anchor, std::move(json));
      return;
    }
    if (!json.is_string()) Refuse(mark, "a key must be a word");
    Remember(anchor, json);
    key_mark_ = mark;
    Container& map = open_.back();
    map.merges = is_merge_key;
    map.key = IsPlain(json) ? PlainAsText(Shown(json)) : json.get<std::string>();
    if (!is_merge_key) CheckNewKey(mark, map);
  }

  static void CheckNewKey(const YAML::Mark& mark, Container& map) {
    bool is_new = true;
    if (map.json.size() < kFewMembers) {
      is_new = !map.json.contains(*map.key);
    } else {
      if (map.keys.empty()) {
        for (const auto& [key, value] : map.json.items()) map.keys.insert(key);
      }
      is_new = map.keys.insert(*map.key).second;
    }
    if (!is_new) Refuse(mark, fmt::format("key \"{}\" already set in map", *map.key));
  }

  // A value begins: it becomes the step of the pointer that its place is kept under.
  void Enter(const YAML::Mark& mark) {
    if (places_ == nullptr) return;
    std::string pointer;
    for (const Container& around : open_) {
      pointer += '/';
      pointer += around.key ? EscapePointer(*around.key) : std::to_string(around.json.size());
    }
    places_->emplace(pointer, ToPlace(KeyMark(mark)));
  }
  // Errors point at a member's name, not at its value.
  YAML::Mark KeyMark(const YAML::Mark& value) const {
    return open_.empty() || !open_.back().key ? value : key_mark_;
  }

  void Finish(const YAML::Mark& mark, YAML::anchor_t anchor, Json json) {
    Remember(anchor, json);
    if (open_.empty()) {
      root_ = std::move(json);
      return;
    }
    Container& around = open_.back();
    if (around.json.is_array()) {
      around.json.push_back(std::move(json));
      return;
    }
    if (around.merges) {
      AddMerge(mark, around, std::move(json));
    } else {
      // Past the look-up of operator[], which is linear; CheckNewKey has looked.
      around.json.get_ref<Json::object_t&>().emplace_back(std::move(*around.key), std::move(json));
    }
    around.key.reset();
    around.merges = false;
  }

  void Remember(YAML::anchor_t anchor, const Json& json) {
    if (anchor != YAML::NullAnchor) anchors_[anchor] = {json, CountNodes(json)};
  }

  // "<<: *defaults", or a list of such: members that the map does not have itself (YAML 1.1's merge keys).
  static void AddMerge(const YAML::Mark& mark, Container& map, Json json) {
    if (json.is_object()) {
      map.merged.push_back(std::move(json));
      return;
    }
    if (json.is_array()) {
      for (Json& item : json) {
        if (!item.is_object()) Refuse(mark, "map merge requires map or sequence of maps as the value");
        map.merged.push_back(std::move(item));
      }
      return;
    }
    Refuse(mark, "map merge requires map or sequence of maps as the value");
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
  YAML::Mark key_mark_;
  std::unordered_map<YAML::anchor_t, std::pair<Json, std::size_t>> anchors_;  // value and its number of nodes
  std::size_t aliased_nodes_ = 0;
};

// yaml-cpp stops at the first error but takes any bytes for text.
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
  try {
    std::istringstream stream(text);
    YAML::Parser parser(stream);
    Builder builder(places);
    const bool any = parser.HandleNextDocument(builder);
    out = builder.Take();
    // A second document, that no line of "---" separates. (yaml-cpp 0.7 reads "," as endlessly many of them.)
    Builder second(nullptr);
    if (any && parser.HandleNextDocument(second))
      return YamlProblem{{}, "unexpected text outside the document"};
  } catch (const Refusal& refusal) {
    return refusal.problem;
  } catch (const YAML::Exception& error) {
    return YamlProblem{ToPlace(error.mark), error.msg};
  }
  return std::nullopt;
}

}  // namespace calico::model::codec
