// SPDX-License-Identifier: Apache-2.0
#include "calc/selector_index.h"

#include <algorithm>
#include <optional>

#include "base/check.h"
#include "model/selector/node.h"

namespace calico::calc {
namespace {

using ItemId = SelectorIndex::ItemId;
using SelectorId = SelectorIndex::SelectorId;
using Symbol = std::uint32_t;
using ShapeId = std::uint32_t;
using Type = model::SelectorNode::Type;

// Texts as numbers: labels and values repeat a lot. Never forgets one.
class Symbols {
 public:
  Symbol Of(std::string_view text) {
    if (const auto found = numbers_.find(text); found != numbers_.end()) return found->second;
    const auto number = static_cast<Symbol>(texts_.size());
    texts_.push_back(std::make_unique<std::string>(text));
    numbers_.emplace(*texts_.back(), number);
    return number;
  }
  const std::string& TextOf(Symbol symbol) const { return *texts_[symbol]; }

 private:
  std::vector<std::unique_ptr<std::string>> texts_;
  std::unordered_map<std::string_view, Symbol> numbers_;
};

struct Label {
  Symbol name = 0, value = 0;
  auto operator<=>(const Label&) const = default;
};
using LabelSet = std::vector<Label>;  // by name

std::optional<Symbol> Find(const LabelSet& labels, Symbol name) {
  const auto at = std::lower_bound(labels.begin(), labels.end(), Label{name, 0});
  if (at == labels.end() || at->name != name) return std::nullopt;
  return at->value;
}

// A selector over symbols.
struct Expression {
  Type type = Type::kAll;
  Symbol label = 0;
  std::vector<Symbol> values;  // sorted
  std::string text;            // contains, starts with, ends with
  std::vector<Expression> children;
};

Expression Compile(const model::SelectorNode& node, Symbols& symbols) {
  Expression out;
  out.type = node.type;
  if (!node.label.empty()) out.label = symbols.Of(node.label);
  if (node.type == Type::kContains || node.type == Type::kStarts || node.type == Type::kEnds) {
    out.text = node.values[0];
  } else {
    for (const std::string& value : node.values) out.values.push_back(symbols.Of(value));
    std::sort(out.values.begin(), out.values.end());
  }
  for (const auto& child : node.children) out.children.push_back(Compile(*child, symbols));
  return out;
}

bool Evaluate(const Expression& e, const LabelSet& labels, const Symbols& symbols) {
  const auto value = [&] { return Find(labels, e.label); };
  const auto is_one = [&] {
    const auto has = value();
    return has && std::binary_search(e.values.begin(), e.values.end(), *has);
  };
  const auto evaluate = [&](const Expression& child) { return Evaluate(child, labels, symbols); };
  switch (e.type) {
    case Type::kAll:
    case Type::kGlobal:
      return true;
    case Type::kHas:
      return value().has_value();
    case Type::kEqual:
    case Type::kIn:
      return is_one();
    case Type::kNotEqual:
    case Type::kNotIn:
      return !is_one();
    case Type::kContains: {
      const auto has = value();
      return has && symbols.TextOf(*has).find(e.text) != std::string::npos;
    }
    case Type::kStarts: {
      const auto has = value();
      return has && symbols.TextOf(*has).starts_with(e.text);
    }
    case Type::kEnds: {
      const auto has = value();
      return has && symbols.TextOf(*has).ends_with(e.text);
    }
    case Type::kNot:
      return !evaluate(e.children[0]);
    case Type::kAnd:
      return std::all_of(e.children.begin(), e.children.end(), evaluate);
    case Type::kOr:
      return std::any_of(e.children.begin(), e.children.end(), evaluate);
  }
  return false;
}

void CollectLabels(const Expression& e, std::vector<Symbol>& into) {
  if (e.type >= Type::kHas && e.type <= Type::kEnds) into.push_back(e.label);
  for (const Expression& child : e.children) CollectLabels(child, into);
}

// What an item must have to match: the label, with one of the values if there are some. nullopt: nothing
// that could be looked up.
struct Requirement {
  Symbol label = 0;
  std::vector<Symbol> values;
};
std::optional<Requirement> RequirementOf(const Expression& e);

// Few values tell more than many, and those more than just any.
std::size_t Width(const Requirement& requirement) {
  return requirement.values.empty() ? SIZE_MAX : requirement.values.size();
}
std::optional<Requirement> Narrowest(const std::vector<Expression>& children) {
  std::optional<Requirement> best;
  for (const Expression& child : children) {
    auto requirement = RequirementOf(child);
    if (requirement && (!best || Width(*requirement) < Width(*best))) best = std::move(requirement);
  }
  return best;
}
// Of alternatives only if all look at one label.
std::optional<Requirement> Common(const std::vector<Expression>& children) {
  std::optional<Requirement> all;
  for (const Expression& child : children) {
    const auto requirement = RequirementOf(child);
    if (!requirement || (all && all->label != requirement->label)) return std::nullopt;
    if (!all) {
      all = requirement;
    } else if (all->values.empty() || requirement->values.empty()) {
      all->values.clear();
    } else {
      all->values.insert(all->values.end(), requirement->values.begin(), requirement->values.end());
      std::sort(all->values.begin(), all->values.end());
      all->values.erase(std::unique(all->values.begin(), all->values.end()), all->values.end());
    }
  }
  return all;
}
std::optional<Requirement> RequirementOf(const Expression& e) {
  switch (e.type) {
    case Type::kEqual:
      return Requirement{e.label, e.values};
    case Type::kIn:
      if (e.values.empty()) return std::nullopt;  // matches nothing, which is rare enough
      return Requirement{e.label, e.values};
    case Type::kHas:
    case Type::kContains:
    case Type::kStarts:
    case Type::kEnds:
      return Requirement{e.label, {}};
    case Type::kAnd:
      return Narrowest(e.children);
    case Type::kOr:
      return Common(e.children);
    default:
      return std::nullopt;
  }
}

std::uint64_t Pair(Symbol name, Symbol value) {
  return (static_cast<std::uint64_t>(name) << 32) | value;
}

template <typename T>
void EraseOne(std::vector<T>& from, const T& what) {
  const auto at = std::find(from.begin(), from.end(), what);
  if (at == from.end()) return;
  *at = from.back();
  from.pop_back();
}

// Shapes that have had something in common. Those that are gone or have changed since stay for a while: who
// reads it looks at the shape itself.
struct Posting {
  std::vector<ShapeId> shapes;
  std::size_t stale = 0;
};

}  // namespace

struct SelectorIndex::Impl {
  struct Shape {
    LabelSet own;
    std::vector<Symbol> parents;
    LabelSet labels;                  // with the parents'
    std::vector<SelectorId> matched;  // sorted
    std::vector<ItemId> items;
  };
  struct Compiled {
    Expression expression;
    std::optional<Requirement> requirement;
    std::vector<Symbol> labels;  // that it looks at, sorted
  };
  static std::uint64_t HashOf(const LabelSet& own, const std::vector<Symbol>& parents) {
    std::uint64_t hash = 0;
    const auto mix = [&](std::uint64_t v) { hash = (hash ^ v) * 0x9E3779B97F4A7C15ULL + (hash >> 29); };
    for (const Label& label : own) mix(Pair(label.name, label.value));
    for (const Symbol parent : parents) mix(parent + 1);
    return hash;
  }
  static constexpr ShapeId kNone = 0;

  explicit Impl(OnTransition callback) : on_transition(std::move(callback)) {}

  // ---- labels ----

  LabelSet Intern(const model::Labels& labels) {
    LabelSet out;
    out.reserve(labels.size());
    for (const auto& [name, value] : labels) out.push_back({symbols.Of(name), symbols.Of(value)});
    std::sort(out.begin(), out.end());
    return out;
  }
  LabelSet WithParents(const Shape& shape) const {
    LabelSet out = shape.own;
    for (const Symbol parent : shape.parents) {
      const auto found = parent_labels.find(parent);
      if (found == parent_labels.end()) continue;
      const std::size_t before = out.size();
      for (const Label& label : found->second) {
        const bool known = std::any_of(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(before),
                                       [&](const Label& had) { return had.name == label.name; });
        if (!known) out.push_back(label);
      }
    }
    std::sort(out.begin(), out.end());
    return out;
  }
  static std::vector<Symbol> Changed(const LabelSet& a, const LabelSet& b) {
    std::vector<Label> differing;
    std::set_symmetric_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(differing));
    std::vector<Symbol> names;
    for (const Label& label : differing) names.push_back(label.name);
    names.erase(std::unique(names.begin(), names.end()), names.end());
    return names;
  }

  // ---- shapes ----

  ShapeId ShapeFor(LabelSet own, std::vector<Symbol> parents, ShapeId similar) {
    const std::uint64_t hash = HashOf(own, parents);
    for (auto [at, end] = shape_ids.equal_range(hash); at != end; ++at) {
      const Shape& known = shapes.at(at->second);
      if (known.own == own && known.parents == parents) return at->second;
    }
    const ShapeId id = next_shape++;
    shape_ids.emplace(hash, id);
    Shape& shape = shapes[id];
    shape.own = std::move(own);
    shape.parents = std::move(parents);
    shape.labels = WithParents(shape);
    Post(id, shape.labels);
    for (const Symbol parent : shape.parents) shapes_of_parents[parent].shapes.push_back(id);
    const auto like = shapes.find(similar);
    if (like == shapes.end())
      shape.matched = Match(shape.labels, nullptr, {});
    else
      shape.matched = Match(shape.labels, &like->second.matched, Changed(like->second.labels, shape.labels));
    return id;
  }
  void DropIfUnused(ShapeId id) {
    const auto found = shapes.find(id);
    if (found == shapes.end() || !found->second.items.empty()) return;
    Unpost(found->second.labels);
    const std::uint64_t hash = HashOf(found->second.own, found->second.parents);
    for (auto [at, end] = shape_ids.equal_range(hash); at != end; ++at) {
      if (at->second != id) continue;
      shape_ids.erase(at);
      break;
    }
    const std::vector<Symbol> parents = std::move(found->second.parents);
    shapes.erase(found);
    for (const Symbol parent : parents) {
      Posting& posting = shapes_of_parents[parent];
      if (++posting.stale * 2 <= posting.shapes.size()) continue;
      std::erase_if(posting.shapes, [&](ShapeId one) { return !shapes.contains(one); });
      posting.stale = 0;
      if (posting.shapes.empty()) shapes_of_parents.erase(parent);
    }
  }
  void Post(ShapeId id, const LabelSet& labels) {
    for (const Label& label : labels) {
      Posting& posting = postings[label.name][label.value];
      posting.shapes.push_back(id);
    }
  }
  void Unpost(const LabelSet& labels) {
    for (const Label& label : labels) {
      auto& of_label = postings[label.name];
      Posting& posting = of_label[label.value];
      if (++posting.stale * 2 <= posting.shapes.size()) continue;
      std::erase_if(posting.shapes, [&](ShapeId id) {
        const auto shape = shapes.find(id);
        return shape == shapes.end() || &shape->second.labels == &labels ||
               Find(shape->second.labels, label.name) != label.value;
      });
      std::sort(posting.shapes.begin(), posting.shapes.end());
      posting.shapes.erase(std::unique(posting.shapes.begin(), posting.shapes.end()), posting.shapes.end());
      posting.stale = 0;
      if (posting.shapes.empty()) of_label.erase(label.value);
      if (of_label.empty()) postings.erase(label.name);
    }
  }
  // Those that can match; a shape may come more than once.
  template <typename Visit>
  void ForEachCandidate(const Compiled& selector, const Visit& visit) const {
    const auto all = [&](const Posting& posting) {
      for (const ShapeId id : posting.shapes) {
        if (const auto shape = shapes.find(id); shape != shapes.end()) visit(id);
      }
    };
    if (!selector.requirement) {
      for (const auto& [id, shape] : shapes) visit(id);
      return;
    }
    const auto of_label = postings.find(selector.requirement->label);
    if (of_label == postings.end()) return;
    if (selector.requirement->values.empty()) {
      for (const auto& [value, posting] : of_label->second) all(posting);
      return;
    }
    for (const Symbol value : selector.requirement->values) {
      if (const auto posting = of_label->second.find(value); posting != of_label->second.end())
        all(posting->second);
    }
  }

  // ---- matching ----

  // The selectors that match these labels. `before`, if given, are those that matched when the labels
  // `changed` were different.
  std::vector<SelectorId> Match(const LabelSet& labels, const std::vector<SelectorId>* before,
                                const std::vector<Symbol>& changed) {
    std::vector<SelectorId> matched;
    const auto consider = [&](SelectorId id) {
      const Compiled& selector = selectors.at(id);
      bool matches = false;
      if (before != nullptr && !Intersect(selector.labels, changed)) {
        matches = std::binary_search(before->begin(), before->end(), id);
      } else {
        ++evaluated;
        matches = Evaluate(selector.expression, labels, symbols);
      }
      if (matches) matched.push_back(id);
    };
    for (const Label& label : labels) {
      if (const auto found = by_value.find(Pair(label.name, label.value)); found != by_value.end())
        std::for_each(found->second.begin(), found->second.end(), consider);
      if (const auto found = by_label.find(label.name); found != by_label.end())
        std::for_each(found->second.begin(), found->second.end(), consider);
    }
    std::for_each(unrestricted.begin(), unrestricted.end(), consider);
    std::sort(matched.begin(), matched.end());
    return matched;
  }
  static bool Intersect(const std::vector<Symbol>& a, const std::vector<Symbol>& b) {
    return std::any_of(b.begin(), b.end(),
                       [&](Symbol name) { return std::binary_search(a.begin(), a.end(), name); });
  }
  void Tell(const std::vector<SelectorId>& before, const std::vector<SelectorId>& after,
            std::span<const ItemId> items) {
    if (items.empty()) return;
    std::vector<SelectorId> only;
    // What comes before what goes, so that an address that stays is not taken out in between.
    std::set_difference(after.begin(), after.end(), before.begin(), before.end(), std::back_inserter(only));
    for (const SelectorId id : only) on_transition({id, true, items});
    only.clear();
    std::set_difference(before.begin(), before.end(), after.begin(), after.end(), std::back_inserter(only));
    for (const SelectorId id : only) on_transition({id, false, items});
  }

  // ---- changes ----

  void SetItem(ItemId item, const model::Labels& labels, const std::vector<std::string>& parents) {
    if (item >= shape_of_item.size()) shape_of_item.resize(item + 1, kNone);
    std::vector<Symbol> parent_symbols;
    for (const std::string& parent : parents) parent_symbols.push_back(symbols.Of(parent));
    const ShapeId old = shape_of_item[item];
    const ShapeId now = ShapeFor(Intern(labels), std::move(parent_symbols), old);
    if (old == now) return;
    if (old != kNone) EraseOne(shapes.at(old).items, item);
    shapes.at(now).items.push_back(item);
    shape_of_item[item] = now;
    Tell(old == kNone ? std::vector<SelectorId>() : shapes.at(old).matched, shapes.at(now).matched,
         {&item, 1});
    if (old != kNone) DropIfUnused(old);
  }
  void RemoveItem(ItemId item) {
    if (item >= shape_of_item.size() || shape_of_item[item] == kNone) return;
    const ShapeId old = std::exchange(shape_of_item[item], kNone);
    EraseOne(shapes.at(old).items, item);
    Tell(shapes.at(old).matched, {}, {&item, 1});
    DropIfUnused(old);
  }
  void SetParent(const std::string& parent, const model::Labels& labels) {
    const Symbol symbol = symbols.Of(parent);
    if (labels.empty())
      parent_labels.erase(symbol);
    else
      parent_labels[symbol] = Intern(labels);
    const auto found = shapes_of_parents.find(symbol);
    if (found == shapes_of_parents.end()) return;
    for (const ShapeId id : found->second.shapes) {
      const auto alive = shapes.find(id);
      if (alive == shapes.end()) continue;
      Shape& shape = alive->second;
      LabelSet now = WithParents(shape);
      const std::vector<Symbol> changed = Changed(shape.labels, now);
      if (changed.empty()) continue;
      Unpost(shape.labels);
      Post(id, now);
      std::vector<SelectorId> matched = Match(now, &shape.matched, changed);
      shape.labels = std::move(now);
      const std::vector<SelectorId> before = std::exchange(shape.matched, std::move(matched));
      Tell(before, shape.matched, shape.items);
    }
  }

  void AddSelector(SelectorId id, const model::Selector& selector) {
    Compiled compiled;
    compiled.expression = Compile(selector.root(), symbols);
    compiled.requirement = RequirementOf(compiled.expression);
    CollectLabels(compiled.expression, compiled.labels);
    std::sort(compiled.labels.begin(), compiled.labels.end());
    compiled.labels.erase(std::unique(compiled.labels.begin(), compiled.labels.end()), compiled.labels.end());
    Enlist(id, compiled, [](std::vector<SelectorId>& list, SelectorId which) { list.push_back(which); });
    const Compiled& stored = selectors.insert_or_assign(id, std::move(compiled)).first->second;
    ForEachCandidate(stored, [&](ShapeId shape_id) {
      Shape& shape = shapes.at(shape_id);
      const auto at = std::lower_bound(shape.matched.begin(), shape.matched.end(), id);
      if (at != shape.matched.end() && *at == id) return;  // seen already
      ++evaluated;
      if (!Evaluate(stored.expression, shape.labels, symbols)) return;
      shape.matched.insert(at, id);
      if (!shape.items.empty()) on_transition({id, true, shape.items});
    });
  }
  void RemoveSelector(SelectorId id) {
    const auto found = selectors.find(id);
    if (found == selectors.end()) return;
    ForEachCandidate(found->second, [&](ShapeId shape_id) {
      Shape& shape = shapes.at(shape_id);
      const auto at = std::lower_bound(shape.matched.begin(), shape.matched.end(), id);
      if (at == shape.matched.end() || *at != id) return;
      shape.matched.erase(at);
      if (!shape.items.empty()) on_transition({id, false, shape.items});
    });
    Enlist(id, found->second, [](std::vector<SelectorId>& list, SelectorId which) { EraseOne(list, which); });
    selectors.erase(found);
  }
  template <typename Change>
  void Enlist(SelectorId id, const Compiled& selector, const Change& change) {
    if (!selector.requirement) {
      change(unrestricted, id);
    } else if (selector.requirement->values.empty()) {
      change(by_label[selector.requirement->label], id);
    } else {
      for (const Symbol value : selector.requirement->values)
        change(by_value[Pair(selector.requirement->label, value)], id);
    }
  }

  const OnTransition on_transition;
  Symbols symbols;
  std::vector<ShapeId> shape_of_item;
  std::unordered_map<ShapeId, Shape> shapes;
  std::unordered_multimap<std::uint64_t, ShapeId> shape_ids;  // by hash of own labels and parents
  ShapeId next_shape = kNone + 1;
  std::unordered_map<Symbol, LabelSet> parent_labels;
  std::unordered_map<Symbol, Posting> shapes_of_parents;
  std::unordered_map<Symbol, std::unordered_map<Symbol, Posting>> postings;  // by label and value
  std::unordered_map<SelectorId, Compiled> selectors;
  std::unordered_map<std::uint64_t, std::vector<SelectorId>> by_value;  // that require the label's value
  std::unordered_map<Symbol, std::vector<SelectorId>> by_label;         // … the label
  std::vector<SelectorId> unrestricted;
  std::uint64_t evaluated = 0;
};

SelectorIndex::SelectorIndex(OnTransition on_transition)
    : impl_(std::make_unique<Impl>(std::move(on_transition))) {}
SelectorIndex::~SelectorIndex() = default;

void SelectorIndex::SetItem(ItemId item, const model::Labels& labels,
                            const std::vector<std::string>& parents) {
  impl_->SetItem(item, labels, parents);
}
void SelectorIndex::RemoveItem(ItemId item) {
  impl_->RemoveItem(item);
}
void SelectorIndex::SetParent(const std::string& parent, const model::Labels& labels) {
  impl_->SetParent(parent, labels);
}
void SelectorIndex::AddSelector(SelectorId id, const model::Selector& selector) {
  impl_->AddSelector(id, selector);
}
void SelectorIndex::RemoveSelector(SelectorId id) {
  impl_->RemoveSelector(id);
}

bool SelectorIndex::Matches(SelectorId selector, ItemId item) const {
  const auto matched = SelectorsOf(item);
  return std::binary_search(matched.begin(), matched.end(), selector);
}
std::span<const SelectorId> SelectorIndex::SelectorsOf(ItemId item) const {
  if (item >= impl_->shape_of_item.size() || impl_->shape_of_item[item] == Impl::kNone) return {};
  return impl_->shapes.at(impl_->shape_of_item[item]).matched;
}
void SelectorIndex::ForEachItem(SelectorId selector, const std::function<void(ItemId)>& visit) const {
  const auto found = impl_->selectors.find(selector);
  if (found == impl_->selectors.end()) return;
  std::unordered_set<ShapeId> seen;
  impl_->ForEachCandidate(found->second, [&](ShapeId id) {
    const Impl::Shape& shape = impl_->shapes.at(id);
    if (!std::binary_search(shape.matched.begin(), shape.matched.end(), selector)) return;
    if (seen.insert(id).second) std::for_each(shape.items.begin(), shape.items.end(), visit);
  });
}
std::uint64_t SelectorIndex::evaluations() const {
  return impl_->evaluated;
}

}  // namespace calico::calc
