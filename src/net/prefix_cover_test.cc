// SPDX-License-Identifier: Apache-2.0
#include "net/prefix_cover.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "net/prefix_set.h"

namespace calico::net {
namespace {

TEST(PrefixCover, ShowsWhatIsInsideNoOther) {
  PrefixCover cover;
  std::vector<std::string> changes;
  const auto note = [&](const Cidr& prefix, bool shown) {
    changes.push_back((shown ? "+" : "-") + prefix.ToString());
  };
  cover.Add(*Cidr::Parse("10.1.0.0/16"), note);
  cover.Add(*Cidr::Parse("10.2.0.0/16"), note);
  cover.Add(*Cidr::Parse("10.1.2.0/24"), note);
  cover.Add(*Cidr::Parse("10.0.0.0/8"), note);
  cover.Remove(*Cidr::Parse("10.2.0.0/16"), note);
  cover.Remove(*Cidr::Parse("10.0.0.0/8"), note);
  EXPECT_EQ(changes, (std::vector<std::string>{"+10.1.0.0/16", "+10.2.0.0/16", "-10.1.0.0/16", "-10.2.0.0/16",
                                               "+10.0.0.0/8", "-10.0.0.0/8", "+10.1.0.0/16"}));
}

RC_GTEST_PROP(PrefixCover, IsTheMinimalCoverAfterEveryChange, ()) {
  PrefixCover cover;
  std::set<Cidr> members, shown;
  for (int step = *rc::gen::inRange(1, 60); step > 0; --step) {
    const bool v6 = *rc::gen::arbitrary<bool>();
    const int bits = *rc::gen::inRange(0, 5);
    const std::string text =
        v6 ? "fd00::" + std::to_string(*rc::gen::inRange(0, 16)) + "/" + std::to_string(128 - bits)
           : "10.0.0." + std::to_string(*rc::gen::inRange(0, 32)) + "/" + std::to_string(32 - bits);
    const Cidr prefix = Cidr::Parse(text)->Masked();
    const auto note = [&](const Cidr& changed, bool now) {
      if (now)
        RC_ASSERT(shown.insert(changed).second);
      else
        RC_ASSERT(shown.erase(changed) == 1U);
    };
    if (*rc::gen::arbitrary<bool>()) {
      members.insert(prefix);
      cover.Add(prefix, note);
    } else {
      members.erase(prefix);
      cover.Remove(prefix, note);
    }
    const auto expected = MinimalCover({members.begin(), members.end()});
    RC_ASSERT(shown == std::set<Cidr>(expected.begin(), expected.end()));
  }
}

}  // namespace
}  // namespace calico::net
