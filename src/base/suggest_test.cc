// SPDX-License-Identifier: Apache-2.0
#include "base/suggest.h"

#include <gtest/gtest.h>

namespace calico {
namespace {

TEST(Suggest, FindsWordsWithAMissingAWrongOrASwappedLetter) {
  const std::vector<std::string> words{"get", "create", "delete", "replace"};
  EXPECT_EQ(Closest("creat", words), "create");
  EXPECT_EQ(Closest("raplace", words), "replace");
  EXPECT_EQ(Closest("delteE", words), "delete");
  EXPECT_EQ(Closest("gte", words), "get");
}

TEST(Suggest, SaysNothingWhenNothingIsClose) {
  EXPECT_EQ(Closest("policy", {"get", "create"}), std::nullopt);
  EXPECT_EQ(Closest("xyz", {"get"}), std::nullopt);
  EXPECT_EQ(Closest("", {"a"}), std::nullopt);
  EXPECT_EQ(Closest(std::string(1000, 'a'), {"a"}), std::nullopt);
}

}  // namespace
}  // namespace calico
