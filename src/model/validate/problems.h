// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: what failed, and the forms that several kinds share.

#include <algorithm>
#include <initializer_list>
#include <regex>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/result.h"
#include "model/selector/selector.h"

namespace calico::model::validate {

// Collects failing fields; upstream reports all of them at once (reference datastore-model A.16).
class Problems {
 public:
  void Add(const std::string& field, const std::string& value, const std::string& reason) {
    fields_.push_back(
        fmt::format("{}{} ({})", field, value.empty() ? "" : fmt::format(" = '{}'", value), reason));
  }
  void Tag(const std::string& field, const std::string& value, const std::string& tag) {
    Add(field, value, fmt::format("Reason: failed to validate Field: {} because of Tag: {} ", field, tag));
  }
  void Match(const std::string& field, const std::string& value, const std::regex& form,
             const std::string& tag) {
    constexpr std::size_t kLongest = 253;  // of any such name; keeps the matcher's recursion short
    if (!value.empty() && (value.size() > kLongest || !std::regex_match(value, form))) Tag(field, value, tag);
  }
  void OneOf(const std::string& field, const std::string& value,
             std::initializer_list<std::string_view> allowed, const std::string& tag) {
    if (!value.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      Tag(field, value, tag);
  }
  void SelectorText(const std::string& field, const std::string& value) {
    if (const auto parsed = Selector::Parse(value); !parsed.has_value())
      Add(field, value, parsed.error().message());
  }
  Status Summary() const {
    if (fields_.empty()) return Ok();
    if (fields_.size() == 1) return Error(ErrorCode::kInvalidArgument, "error with field " + fields_[0]);
    std::string text = "error with the following fields:";
    for (const std::string& field : fields_) text += "\n-  " + field;
    return Error(ErrorCode::kInvalidArgument, text);
  }

 private:
  std::vector<std::string> fields_;
};

inline const std::regex& NameForm() {
  static const std::regex form(R"([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*)");
  return form;
}
inline const std::regex& InterfaceForm() {
  static const std::regex form(R"(\*|[a-zA-Z0-9_.-]{1,15})");
  return form;
}
inline const std::regex& LabelValueForm() {
  static const std::regex form(R"(([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?)");
  return form;
}
inline bool IsQualifiedName(const std::string& text) {
  static const std::regex form(
      R"(([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)");
  constexpr std::size_t kLongest = 253 + 1 + 63;  // also keeps the matcher's recursion short
  return text.size() <= kLongest && std::regex_match(text, form);
}

}  // namespace calico::model::validate
