// SPDX-License-Identifier: Apache-2.0
#include "base/delta_tracker.h"

#include <map>
#include <set>
#include <string>
#include <tuple>

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "base/backoff.h"

namespace calico {
namespace {

using Tracker = DeltaTracker<int, std::string>;
using Table = std::map<int, std::string>;

Table PendingUpdates(Tracker& tracker) {
  Table updates;
  tracker.ForEachPendingUpdate([&](int key, const std::string& value) {
    updates[key] = value;
    return false;
  });
  return updates;
}
std::set<int> PendingDeletes(Tracker& tracker) {
  std::set<int> deletes;
  tracker.ForEachPendingDelete([&](int key) {
    deletes.insert(key);
    return false;
  });
  return deletes;
}

TEST(DeltaTracker, KeepsWhatFailedPending) {
  Tracker tracker;
  tracker.SetDesired(1, "a");
  tracker.SetDesired(2, "b");
  tracker.ForEachPendingUpdate([](int key, const std::string&) { return key == 1; });
  EXPECT_EQ(PendingUpdates(tracker), (Table{{2, "b"}}));
  EXPECT_FALSE(tracker.InSync());
}

TEST(DeltaTracker, WritesNothingAfterAResyncThatFoundWhatItWants) {
  Tracker tracker;
  tracker.SetDesired(1, "a");
  tracker.ReplaceActual({{1, "a"}});
  EXPECT_TRUE(tracker.InSync());
  tracker.ReplaceActual({});  // somebody removed it
  EXPECT_EQ(PendingUpdates(tracker), (Table{{1, "a"}}));
}

TEST(DeltaTracker, TakesBackAChangeThatWasNotApplied) {
  Tracker tracker;
  tracker.ReplaceActual({{1, "a"}});
  tracker.SetDesired(1, "b");
  tracker.SetDesired(1, "a");
  EXPECT_TRUE(tracker.InSync());
  tracker.RemoveDesired(1);
  tracker.SetDesired(1, "a");
  EXPECT_TRUE(tracker.InSync());
}

// The invariant of the header, against the difference of two plain maps after any sequence of operations.
TEST(DeltaTracker, EqualsTheDifferenceOfTwoMaps) {
  const bool held = rc::check([](const std::vector<std::tuple<int, int, int>>& operations) {
    Tracker tracker;
    Table desired, actual;
    for (const auto& [kind, number, text] : operations) {
      const int key = std::abs(number) % 6;
      const std::string value(1, static_cast<char>('a' + std::abs(text) % 3));
      switch (std::abs(kind) % 7) {
        case 0:
        case 1:
          tracker.SetDesired(key, value);
          desired[key] = value;
          break;
        case 2:
          tracker.RemoveDesired(key);
          desired.erase(key);
          break;
        case 3:
          tracker.SetActual(key, value);
          actual[key] = value;
          break;
        case 4:
          tracker.RemoveActual(key);
          actual.erase(key);
          break;
        case 5:
          actual = {{key, value}, {key + 1, "a"}};
          tracker.ReplaceActual(actual);
          break;
        default:  // the kernel takes the changes of even keys only
          tracker.ForEachPendingUpdate([&](int k, const std::string& v) {
            if (k % 2 == 0) actual[k] = v;
            return k % 2 == 0;
          });
          tracker.ForEachPendingDelete([&](int k) {
            if (k % 2 == 0) actual.erase(k);
            return k % 2 == 0;
          });
      }
      Table updates;
      std::set<int> deletes;
      for (const auto& [k, v] : desired) {
        if (!actual.contains(k) || actual[k] != v) updates[k] = v;
      }
      for (const auto& [k, v] : actual) {
        if (!desired.contains(k)) deletes.insert(k);
      }
      RC_ASSERT(PendingUpdates(tracker) == updates);
      RC_ASSERT(PendingDeletes(tracker) == deletes);
      RC_ASSERT(tracker.InSync() == (updates.empty() && deletes.empty()));
    }
  });
  EXPECT_TRUE(held);
}

TEST(Backoff, DoublesUpToItsLimitAndStartsOverAfterASuccess) {
  using std::chrono::seconds;
  Backoff backoff(seconds(1), seconds(5));
  for (const int expected : {1, 2, 4, 5, 5}) EXPECT_EQ(backoff.Next(), seconds(expected));
  backoff.Reset();
  EXPECT_EQ(backoff.Next(), seconds(1));
}

}  // namespace
}  // namespace calico
