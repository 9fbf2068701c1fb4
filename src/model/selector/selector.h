// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace calico::model {

using Labels = std::map<std::string, std::string>;

// A parsed label selector (reference felix 2.8). Immutable, cheap to copy, safe to share between threads.
class Selector final {
 public:
  static Result<Selector> Parse(std::string_view text);  // empty text = all()

  bool Matches(const Labels& labels) const;
  // Canonical text: equal for selectors that differ only in spacing or quotes.
  const std::string& text() const { return text_; }
  // "s:" and a hash of the canonical text: how Felix names what is selected (reference datastore-model C.8).
  std::string Id() const;
  bool says_global() const;  // global() stands somewhere in it

  struct Node;  // selector.cc

 private:
  Selector(std::shared_ptr<const Node> root, std::string text)
      : root_(std::move(root)), text_(std::move(text)) {}
  std::shared_ptr<const Node> root_;
  std::string text_;
};

}  // namespace calico::model
