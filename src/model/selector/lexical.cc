// SPDX-License-Identifier: Apache-2.0
#include "model/selector/lexical.h"

#include <array>

#include <fmt/format.h>

namespace calico::model {
namespace {

class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::optional<std::string> Fault() {
    for (SkipBlank(); !rest_.empty() && !fault_; SkipBlank()) Word();
    return fault_;
  }

 private:
  void SkipBlank() {
    while (!rest_.empty() && (rest_.front() == ' ' || rest_.front() == '\t')) rest_.remove_prefix(1);
  }
  bool Take(std::string_view token) {
    if (!rest_.starts_with(token)) return false;
    rest_.remove_prefix(token.size());
    return true;
  }
  void Word() {
    switch (rest_.front()) {
      case '(':
      case ')':
      case '{':
      case '}':
      case ',':
        rest_.remove_prefix(1);
        break;
      case '"':
      case '\'':
        String();
        break;
      case '=':
        Double("==");
        break;
      case '&':
        Double("&&");
        break;
      case '|':
        Double("||");
        break;
      case '!':
        if (!Take("!=")) rest_.remove_prefix(1);
        break;
      default:
        if (label_.empty())
          Name();
        else
          Operator();
        return;
    }
    label_ = {};
  }
  void Double(std::string_view token) {
    if (!Take(token)) fault_ = fmt::format("expected {}", token);
  }
  void String() {
    const std::size_t end = rest_.find(rest_.front(), 1);
    if (end == std::string_view::npos)
      fault_ = "unterminated string";
    else
      rest_.remove_prefix(end + 1);
  }
  // Directly after a label only an operator can be meant.
  void Operator() {
    const std::string_view label = label_;
    label_ = {};
    for (const auto& [first, second] : kOperators) {
      const std::string_view before = rest_;
      if (Take(first)) {
        if (!second.empty()) SkipBlank();
        if (Take(second) && (rest_.empty() || !IsLabelChar(rest_.front()))) return;
      }
      rest_ = before;
    }
    fault_ = fmt::format("expected operator after label \"{}\"", label);
  }
  void Name() {
    for (std::string_view function : {"has(", "all(", "global("}) {
      if (!Take(function)) continue;
      SkipBlank();
      if (function == "has(" && Label().empty() && !fault_) fault_ = "expected identifier";
      SkipBlank();
      if (!fault_ && !Take(")")) fault_ = fmt::format("no closing ')' after {}", function);
      return;
    }
    label_ = Label();
    if (label_.empty() && !fault_) fault_ = "expected identifier";
  }
  std::string_view Label() {
    std::size_t length = 0;
    while (length < rest_.size() && IsLabelChar(rest_[length])) ++length;
    const std::string_view label = rest_.substr(0, length);
    if (length > kMaxLabelOfSelector) fault_ = fmt::format("label too long: {}", label);
    rest_.remove_prefix(length);
    return label;
  }

  static constexpr std::array<std::pair<std::string_view, std::string_view>, 5> kOperators{
      {{"contains", ""}, {"starts", "with"}, {"ends", "with"}, {"not", "in"}, {"in", ""}}};

  std::string_view rest_;
  std::string_view label_;  // the word before, if it was a label
  std::optional<std::string> fault_;
};

}  // namespace

std::optional<std::string> LexicalFault(std::string_view text) {
  return Words(text).Fault();
}

}  // namespace calico::model
