// SPDX-License-Identifier: Apache-2.0
#include "apps/node/probe.h"

#include <gtest/gtest.h>

namespace calico::node {
namespace {

TEST(Probe, FlagsAreRecognized) {
  for (const char* flag : {"-felix-live", "--felix-ready", "-bird-live", "-bird-ready", "-bird6-live",
                           "-bird6-ready", "-threshold-time", "-threshold-time=10s"})
    EXPECT_TRUE(IsProbeFlag(flag));
  for (const char* other : {"-threshold", "run", "felix-live", "-x", "-", ""})
    EXPECT_FALSE(IsProbeFlag(other));
}

TEST(Probe, AMistakeIsNamedBeforeAnythingIsAsked) {
  const auto mistake = [](const std::vector<std::string>& words) {
    return Probe(words, Environment(std::map<std::string, std::string>())).error().message();
  };
  EXPECT_EQ(mistake({"-bird-live", "-bird-lives"}), "-bird-lives: no check, see calico-node --help");
  EXPECT_EQ(mistake({"-bird-live", "-threshold-time"}), "-threshold-time: no check, see calico-node --help");
  EXPECT_EQ(mistake({"-bird-live", "-threshold-time", "soon"}),
            "-threshold-time=soon: use a duration as 30s");
}

}  // namespace
}  // namespace calico::node
