// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace calico::model {

struct SelectorNode;  // node.h

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

  // How namespace and service account selectors become selectors of endpoints (reference felix 2.7): each
  // label gets the prefix, and all() and global() become what is given for them.
  struct Rewriting {
    std::string label_prefix;
    const Selector* all = nullptr;
    const Selector* global = nullptr;
  };
  Selector Rewritten(const Rewriting& rewriting) const;
  // `(a && b)`; one alone stays as it is, none is all().
  static Selector AllOf(const std::vector<Selector>& selectors);
  Selector Negated() const;

  const SelectorNode& root() const { return *root_; }

 private:
  explicit Selector(std::shared_ptr<const SelectorNode> root);
  std::shared_ptr<const SelectorNode> root_;
  std::string text_;
};

}  // namespace calico::model
