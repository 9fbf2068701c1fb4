// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "model/selector/selector.h"

namespace calico::calc {

// Which items match which selectors, kept up to date. An item has labels of its own and inherits those of its
// parents: its own win, then the first parent's that has the label (reference felix 2.9).
//
// Items with equal labels and parents share one *shape*, and only shapes are compared with selectors. A
// selector is compared with the shapes that have a label or value which it requires, a changed shape with the
// selectors that look at the labels that changed and require none that it lacks (reference felix 1.4).
class SelectorIndex final {
 public:
  using ItemId = std::uint32_t;
  using SelectorId = std::uint32_t;

  // Some items, together, begin to match a selector or stop doing so.
  struct Transition {
    SelectorId selector = 0;
    bool matches = false;
    std::span<const ItemId> items;
  };
  // Called within the calls below. Must not change this index, but may ask it: all other items are as they
  // were, or already as they will be.
  using OnTransition = std::function<void(const Transition&)>;

  explicit SelectorIndex(OnTransition on_transition);
  ~SelectorIndex();

  void SetItem(ItemId item, const model::Labels& labels, const std::vector<std::string>& parents);
  void RemoveItem(ItemId item);
  void SetParent(const std::string& parent, const model::Labels& labels);
  void AddSelector(SelectorId id, const model::Selector& selector);
  void RemoveSelector(SelectorId id);

  bool Matches(SelectorId selector, ItemId item) const;
  std::span<const SelectorId> SelectorsOf(ItemId item) const;
  void ForEachItem(SelectorId selector, const std::function<void(ItemId)>& visit) const;

  // How often a selector has been compared with a shape; for tests of the cost.
  std::uint64_t evaluations() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace calico::calc
