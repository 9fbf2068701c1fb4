// SPDX-License-Identifier: Apache-2.0
// The law of the index: whatever happened before, an item matches a selector exactly if the selector says so
// of its labels; and each change of that is told once.
#include "calc/selector_index.h"

#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace calico::calc {
namespace {

using model::Labels;
using model::Selector;

// All of it, computed the slow way.
struct Naive {
  std::map<std::uint32_t, std::pair<Labels, std::vector<std::string>>> items;
  std::map<std::string, Labels> parents;
  std::map<std::uint32_t, Selector> selectors;

  Labels LabelsOf(std::uint32_t item) const {
    Labels labels = items.at(item).first;
    for (const std::string& parent : items.at(item).second) {
      if (const auto found = parents.find(parent); found != parents.end())
        labels.insert(found->second.begin(), found->second.end());
    }
    return labels;
  }
  std::set<std::pair<std::uint32_t, std::uint32_t>> Matches() const {
    std::set<std::pair<std::uint32_t, std::uint32_t>> matches;
    for (const auto& [item, value] : items) {
      for (const auto& [id, selector] : selectors) {
        if (selector.Matches(LabelsOf(item))) matches.emplace(id, item);
      }
    }
    return matches;
  }
};

Labels AnyLabels() {
  Labels labels;
  for (const char* name : {"a", "b", "c"}) {
    if (*rc::gen::arbitrary<bool>()) labels[name] = *rc::gen::element<std::string>("", "x", "xy", "y");
  }
  return labels;
}
Selector AnySelector() {
  const std::function<std::string(int)> any = [&](int depth) -> std::string {
    const std::string label = *rc::gen::element<std::string>("a", "b", "c");
    const std::string value = *rc::gen::element<std::string>("", "x", "xy", "y");
    switch (*rc::gen::inRange(0, depth > 2 ? 9 : 12)) {
      case 0:
        return fmt::format("{} == '{}'", label, value);
      case 1:
        return fmt::format("{} != '{}'", label, value);
      case 2:
        return fmt::format("has({})", label);
      case 3:
        return fmt::format("{} in {{'{}', 'x'}}", label, value);
      case 4:
        return fmt::format("{} not in {{'{}'}}", label, value);
      case 5:
        return fmt::format("{} contains '{}'", label, value);
      case 6:
        return fmt::format("{} starts with '{}'", label, value);
      case 7:
        return fmt::format("{} ends with '{}'", label, value);
      case 8:
        return "all()";
      case 9:
        return fmt::format("({} && {})", any(depth + 1), any(depth + 1));
      case 10:
        return fmt::format("({} || {})", any(depth + 1), any(depth + 1));
      default:
        return fmt::format("!({})", any(depth + 1));
    }
  };
  return *Selector::Parse(any(0));
}

RC_GTEST_PROP(SelectorIndex, MatchesWhatTheSelectorsMatch, ()) {
  std::set<std::pair<std::uint32_t, std::uint32_t>> told;
  SelectorIndex index([&](const SelectorIndex::Transition& transition) {
    for (const std::uint32_t item : transition.items) {
      if (transition.matches)
        RC_ASSERT(told.emplace(transition.selector, item).second);
      else
        RC_ASSERT(told.erase({transition.selector, item}) == 1U);
    }
  });
  Naive naive;
  for (int step = *rc::gen::inRange(1, 80); step > 0; --step) {
    const auto number = static_cast<std::uint32_t>(*rc::gen::inRange(0, 5));
    switch (*rc::gen::inRange(0, 6)) {
      case 0:
      case 1: {
        std::vector<std::string> parents;
        for (const char* parent : {"p", "q"}) {
          if (*rc::gen::arbitrary<bool>()) parents.emplace_back(parent);
        }
        naive.items[number] = {AnyLabels(), parents};
        index.SetItem(number, naive.items[number].first, parents);
        break;
      }
      case 2:
        naive.items.erase(number);
        index.RemoveItem(number);
        break;
      case 3: {
        const std::string parent = *rc::gen::element<std::string>("p", "q");
        naive.parents[parent] = AnyLabels();
        index.SetParent(parent, naive.parents[parent]);
        break;
      }
      case 4: {
        const Selector selector = AnySelector();
        if (naive.selectors.contains(number)) index.RemoveSelector(number);
        naive.selectors.insert_or_assign(number, selector);
        index.AddSelector(number, selector);
        break;
      }
      default:
        naive.selectors.erase(number);
        index.RemoveSelector(number);
    }
    const auto expected = naive.Matches();
    RC_ASSERT(told == expected);
    for (std::uint32_t selector = 0; selector < 5; ++selector) {
      std::set<std::uint32_t> items;
      index.ForEachItem(selector, [&](std::uint32_t item) { RC_ASSERT(items.insert(item).second); });
      for (std::uint32_t item = 0; item < 5; ++item) {
        RC_ASSERT(index.Matches(selector, item) == expected.contains({selector, item}));
        RC_ASSERT(items.contains(item) == expected.contains({selector, item}));
      }
    }
  }
}

class SelectorIndexCost : public ::testing::Test {
 protected:
  std::uint64_t Cost(const std::function<void()>& change) {
    const std::uint64_t before = index_.evaluations();
    change();
    return index_.evaluations() - before;
  }
  SelectorIndex index_{[](const SelectorIndex::Transition&) {}};
};

TEST_F(SelectorIndexCost, OfALabelChangeIsThatOfTheSelectorsThatLookAtTheLabel) {
  for (std::uint32_t i = 0; i < 1000; ++i)
    index_.AddSelector(i, *Selector::Parse(fmt::format("app == 'a{}' && env == 'prod'", i)));
  index_.AddSelector(1000, *Selector::Parse("has(zone)"));
  index_.SetItem(0, {{"app", "a7"}, {"env", "prod"}}, {});
  EXPECT_EQ(Cost([&] { index_.SetItem(0, {{"app", "a7"}, {"env", "prod"}, {"zone", "1"}}, {}); }), 1U);
  EXPECT_EQ(Cost([&] { index_.SetItem(0, {{"app", "a8"}, {"env", "prod"}, {"zone", "1"}}, {}); }), 1U);
}

TEST_F(SelectorIndexCost, OfANewSelectorIsThatOfTheItemsThatItCanMatch) {
  for (std::uint32_t i = 0; i < 1000; ++i)
    index_.SetItem(i, {{"app", fmt::format("a{}", i)}, {"env", "prod"}}, {});
  EXPECT_EQ(Cost([&] { index_.AddSelector(0, *Selector::Parse("app == 'a7' && env == 'prod'")); }), 1U);
  EXPECT_EQ(Cost([&] { index_.AddSelector(1, *Selector::Parse("has(zone)")); }), 0U);
}

TEST_F(SelectorIndexCost, OfItemsThatAreLabelledAlikeIsThatOfOne) {
  index_.AddSelector(0, *Selector::Parse("env == 'prod'"));
  index_.SetItem(0, {{"env", "prod"}}, {"kns.a"});
  EXPECT_EQ(Cost([&] {
              for (std::uint32_t i = 1; i < 1000; ++i) index_.SetItem(i, {{"env", "prod"}}, {"kns.a"});
            }),
            0U);
}

}  // namespace
}  // namespace calico::calc
