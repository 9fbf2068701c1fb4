// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: what failed, and how it is said.

#include <algorithm>
#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "base/result.h"
#include "model/selector/selector.h"

namespace calico::model::validate {

// "Nets", 2 -> "Nets[2]"
inline std::string Element(std::string_view field, std::size_t index) {
  return fmt::format("{}[{}]", field, index);
}

// " = 'value'", or nothing without one. A text of megabytes is cut: an error must stay readable.
inline std::string Shown(std::string_view value) {
  constexpr std::size_t kMost = 1000;
  if (value.empty()) return {};
  if (value.size() <= kMost) return fmt::format(" = '{}'", value);
  std::size_t end = kMost;
  while (end > 0 && (static_cast<unsigned char>(value[end]) & 0xc0) == 0x80) --end;  // not within a character
  return fmt::format(" = '{}...'", value.substr(0, end));
}

// Collects failing fields; upstream reports all of them at once (reference datastore-model A.16, C.1).
// Texts are only built for what fails: most objects are sound.
class Problems {
 public:
  void Add(std::string_view field, std::string_view value, std::string_view reason) {
    fields_.push_back(fmt::format("{}{} ({})", field, Shown(value), reason));
  }
  // A field that fails the named check. `detail` is ours: what exactly is wrong, where there is more to say.
  void Tag(std::string_view field, std::string_view value, std::string_view tag,
           std::string_view detail = {}) {
    Add(field, value,
        fmt::format("Reason: failed to validate Field: {} because of Tag: {} {}", field, tag,
                    detail.empty() ? "" : fmt::format("({})", detail)));
  }
  // Nothing to check where there is no text.
  template <typename Form>
  void Match(std::string_view field, std::string_view value, const Form& form, std::string_view tag) {
    if (!value.empty() && !form(value)) Tag(field, value, tag);
  }
  template <typename Form>
  void MatchAll(std::string_view field, const std::vector<std::string>& values, const Form& form,
                std::string_view tag) {
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (!form(values[i])) Tag(Element(field, i), values[i], tag);
    }
  }
  void OneOf(std::string_view field, std::string_view value, std::initializer_list<std::string_view> allowed,
             std::string_view tag) {
    if (!value.empty() && std::find(allowed.begin(), allowed.end(), value) == allowed.end())
      Tag(field, value, tag);
  }
  template <typename Number>
  void Range(std::string_view field, Number value, Number low, Number high) {
    if (value < low) Tag(field, fmt::format("{}", value), "gte", fmt::format("must be at least {}", low));
    if (value > high) Tag(field, fmt::format("{}", value), "lte", fmt::format("must be at most {}", high));
  }
  void SelectorText(std::string_view field, std::string_view value) {
    if (value.empty()) return;
    if (const auto parsed = Selector::Parse(value); !parsed.has_value())
      Tag(field, value, "selector", parsed.error().message());
  }

  bool empty() const { return fields_.empty(); }
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

}  // namespace calico::model::validate
