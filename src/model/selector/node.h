// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

namespace calico::model {

// A selector's expression, for those who want more than Selector::Matches().
struct SelectorNode {
  enum class Type {
    kAll,
    kGlobal,
    kHas,
    kEqual,
    kNotEqual,
    kIn,
    kNotIn,
    kContains,
    kStarts,
    kEnds,
    kNot,
    kAnd,
    kOr
  };
  Type type = Type::kAll;
  std::string label;
  std::vector<std::string> values;  // one, or the sorted set of in / not in
  std::vector<std::shared_ptr<const SelectorNode>> children;
};

}  // namespace calico::model
