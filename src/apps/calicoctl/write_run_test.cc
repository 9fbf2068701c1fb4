// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/write_run.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "apps/calicoctl/testing/command_fixture.h"

namespace calico::calicoctl::testing {
namespace {

using model::Key;
using model::Kind;

TEST(IndependentRuns, EndAtAnotherKindAKeyThatComesAgainAndWhatStandsAlone) {
  const auto policy = [](const std::string& name) {
    return Item{Key::Resource(Kind::kGlobalNetworkPolicy, name), false};
  };
  const auto tier = [](const std::string& name) { return Item{Key::Resource(Kind::kTier, name), false}; };
  const auto pool = [](const std::string& name) { return Item{Key::Resource(Kind::kIPPool, name), true}; };
  EXPECT_EQ(IndependentRuns({}), std::vector<std::size_t>{});
  EXPECT_EQ(IndependentRuns({tier("a"), tier("b"), policy("a"), policy("b"), policy("c")}),
            (std::vector<std::size_t>{2, 3}));
  EXPECT_EQ(IndependentRuns({policy("a"), policy("b"), policy("a"), policy("c")}),
            (std::vector<std::size_t>{2, 2}));
  EXPECT_EQ(IndependentRuns({pool("a"), pool("b"), tier("a")}), (std::vector<std::size_t>{1, 1, 1}));
  EXPECT_EQ(IndependentRuns({policy("a"), policy(""), policy("b")}), (std::vector<std::size_t>{1, 1, 1}));
}

class ManyResources : public CommandTest {
 protected:
  static std::string Policies(int count) {
    std::string documents;
    for (int i = 0; i < count; ++i) {
      documents += fmt::format(
          "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata: {{name: p{}}}\n"
          "spec: {{selector: all(), order: {}}}\n---\n",
          i, i);
    }
    return documents;
  }
};

TEST_F(ManyResources, AreAllWrittenAndErrorsStandInTheOrderOfTheFile) {
  EXPECT_EQ(Run({"apply", "-f", "-"}, Policies(1100)),
            Printed("Successfully applied 1100 'GlobalNetworkPolicy' resource(s)\n"));
  const Ran again = Run({"create", "-f", "-"}, Policies(3));
  EXPECT_EQ(again.err,
            "failed to create any 'GlobalNetworkPolicy' resources: [resource already exists: "
            "GlobalNetworkPolicy(p0) with error: <nil> resource already exists: GlobalNetworkPolicy(p1) with "
            "error: <nil> resource already exists: GlobalNetworkPolicy(p2) with error: <nil>]\n");
}

TEST_F(ManyResources, AProgressBarIsDrawnOnATerminalOnly) {
  EXPECT_EQ(Run({"apply", "-f", "-"}, Policies(1001)).err, "");
  terminal_ = true;
  const Ran ran = Run({"apply", "-f", "-"}, Policies(1001));
  EXPECT_NE(ran.err.find("[########################################] 1001 of 1001 applied"),
            std::string::npos)
      << ran.err;
  EXPECT_TRUE(ran.err.ends_with("\r\033[K")) << "the line is cleared at the end";
  EXPECT_EQ(ran.out, "Successfully applied 1001 'GlobalNetworkPolicy' resource(s)\n");
  EXPECT_EQ(Run({"apply", "-f", "-"}, Policies(1000)).err, "");
}

TEST_F(ManyResources, TheSameKeyTwiceIsWrittenInOrder) {
  const std::string twice = Policies(1) +
                            "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n"
                            "metadata: {name: p0}\nspec: {order: 77, selector: all()}\n";
  EXPECT_EQ(Run({"apply", "-f", "-"}, twice).code, 0);
  EXPECT_NE(Run({"get", "gnp", "-o", "custom-columns=ORDER"}).out.find("77"), std::string::npos);
}

}  // namespace
}  // namespace calico::calicoctl::testing
