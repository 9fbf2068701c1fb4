// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <charconv>
#include <optional>

#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

// Walks over an expression once, without building anything.
class Syntax {
 public:
  explicit Syntax(std::string_view text) : rest_(text) {}

  bool IsSound() {
    while (sound_ && !rest_.empty()) Step();
    return sound_ && depth_ == 0;
  }

 private:
  char Next() {
    const char c = rest_.front();
    rest_.remove_prefix(1);
    return c;
  }
  void Step() {
    const char c = Next();
    switch (c) {
      case '(':
        return Open();
      case ')':
        sound_ = depth_-- > 0;
        repeatable_ = true;
        return;
      case '|':
        repeatable_ = false;
        return;
      case '*':
      case '+':
      case '?':
        return Repeat();
      case '{':
        return Braces();
      case '[':
        return Class();
      case '\\':
        Escape(/*in_class=*/false);
        return;
      default:
        repeatable_ = true;
    }
  }
  void Open() {
    ++depth_;
    repeatable_ = false;
    if (!rest_.starts_with('?')) return;
    Next();
    if (rest_.starts_with("P<") || rest_.starts_with('<')) {
      rest_.remove_prefix(rest_.front() == 'P' ? 2 : 1);
      const std::size_t end = rest_.find('>');
      const std::string_view name = rest_.substr(0, end);
      const auto is_word = [](char c) {
        return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
      };
      sound_ =
          end != std::string_view::npos && !name.empty() && std::all_of(name.begin(), name.end(), is_word);
      if (sound_) rest_.remove_prefix(end + 1);
      return;
    }
    const std::size_t end = rest_.find_first_of(":)");
    const std::string_view flags = rest_.substr(0, end);
    sound_ = end != std::string_view::npos && flags.find_first_not_of("imsU-") == std::string_view::npos;
    if (!sound_) return;
    if (rest_[end] == ')') --depth_;  // "(?i)" is no group
    rest_.remove_prefix(end + 1);
  }
  void Repeat() {
    sound_ = repeatable_;
    if (rest_.starts_with('?')) Next();  // as few as possible
    repeatable_ = false;
  }
  // "{2}", "{2,}", "{2,3}"; anything else is a text.
  void Braces() {
    const auto number = [this]() -> std::optional<int> {
      int value = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), value);
      if (error != std::errc() || value < 0) return std::nullopt;
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      return value;
    };
    const std::string_view before = rest_;
    const auto low = number();
    auto high = low;
    if (low && rest_.starts_with(',')) {
      Next();
      high = rest_.starts_with('}') ? std::optional(*low) : number();
    }
    if (!low || !high || !rest_.starts_with('}')) {
      rest_ = before;
      repeatable_ = true;
      return;
    }
    Next();
    constexpr int kMostRepeats = 1000;  // RE2's
    sound_ = *low <= *high && *high <= kMostRepeats;
    if (sound_) Repeat();
  }
  void Class() {
    if (rest_.starts_with('^')) Next();
    constexpr int kNone = -1;
    int last = kNone;  // a character that a range may start with
    bool range = false;
    for (bool first = true; sound_; first = false) {
      if (rest_.empty()) {
        sound_ = false;
        return;
      }
      const char c = Next();
      if (c == ']' && !first) break;
      if (c == '[' && rest_.starts_with(':')) {
        const std::size_t end = rest_.find(":]");
        sound_ = end != std::string_view::npos;
        if (sound_) rest_.remove_prefix(end + 2);
        last = kNone;
      } else if (c == '-' && last != kNone && !range && !rest_.starts_with(']')) {
        range = true;
      } else {
        int literal = static_cast<unsigned char>(c);
        if (c == '\\') {
          const std::optional<char> escaped = Escape(/*in_class=*/true);
          literal = escaped ? static_cast<unsigned char>(*escaped) : kNone;
        }
        if (range && literal != kNone) sound_ = sound_ && last <= literal;
        last = range ? kNone : literal;
        range = false;
      }
    }
    repeatable_ = true;
  }
  // The character meant, when it is one.
  std::optional<char> Escape(bool in_class) {
    repeatable_ = true;
    if (rest_.empty()) {
      sound_ = false;
      return std::nullopt;
    }
    const char c = Next();
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '1' && c <= '9')) {
      const std::string_view known = in_class ? "dDwWsSpPxafnrtv" : "dDwWsSpPxafnrtvbBAzCQE";
      sound_ = known.find(c) != std::string_view::npos;
      return std::nullopt;
    }
    return c;
  }

  std::string_view rest_;
  bool sound_ = true;
  bool repeatable_ = false;
  int depth_ = 0;
};

}  // namespace

bool IsRegularExpression(std::string_view text) {
  return Syntax(text).IsSound();
}

}  // namespace calico::model::validate
