// SPDX-License-Identifier: Apache-2.0
// The kernel and the evaluator agree: random policies, random packets.
#include "tests/policy/differential.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/policy/mutations.h"

namespace calico::policy_test {
namespace {

constexpr std::uint64_t kSeed = 303000, kSeedOfBroken = 20261125;
constexpr int kSets = 200, kPacketsPerSet = 50;

// POLICY_SEED repeats a failure, POLICY_SETS makes it longer.
std::uint64_t Number(const char* variable, std::uint64_t otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

TEST(PolicyDifferential, TheKernelSaysOfEachPacketWhatTheEvaluatorSays) {
  const std::uint64_t seed = Number("POLICY_SEED", kSeed);
  const int sets = static_cast<int>(Number("POLICY_SETS", kSets));
  Differential differential(PacketNetwork::Instance());
  Statistics statistics;
  const auto difference = differential.Run(seed, sets, kPacketsPerSet, {}, statistics);
  const double allowed = 100.0 * statistics.allowed / statistics.packets;
  fmt::print("seed {}, {} policy sets, {} packets, {:.0f} % allowed\n", seed, statistics.sets,
             statistics.packets, allowed);
  ASSERT_FALSE(difference.has_value()) << *difference;
  EXPECT_GT(allowed, 30);
  EXPECT_LT(allowed, 70);
  for (const char* field :
       {"ipVersion", "protocol", "notProtocol", "icmp", "notICMP", "source.nets", "source.notNets",
        "source.selector", "source.notSelector", "source.ports", "source.notPorts", "destination.nets",
        "destination.notNets", "destination.selector", "destination.notSelector", "destination.ports",
        "destination.notPorts"}) {
    const double decided = 100.0 * statistics.deciding[field] / statistics.packets;
    fmt::print("  {:24} decided {:4.1f} %\n", field, decided);
    EXPECT_GE(decided, 1.0) << field;
  }
}

class BrokenRenderer : public ::testing::TestWithParam<Mutation> {};

TEST_P(BrokenRenderer, IsCaught) {
  Differential differential(PacketNetwork::Instance());
  Statistics statistics;
  const auto difference =
      differential.Run(kSeedOfBroken, kSets, kPacketsPerSet, GetParam().hooks, statistics);
  EXPECT_TRUE(difference.has_value())
      << statistics.packets << " packets did not show that " << GetParam().name;
  if (difference.has_value())
    fmt::print("caught after {} packets of {} policy sets: {}\n", statistics.packets, statistics.sets,
               GetParam().name);
}

INSTANTIATE_TEST_SUITE_P(Policy, BrokenRenderer, ::testing::ValuesIn(Mutations()), [](const auto& test) {
  std::string name = test.param.name;
  std::replace_if(
      name.begin(), name.end(), [](unsigned char c) { return std::isalnum(c) == 0; }, '_');
  return name;
});

}  // namespace
}  // namespace calico::policy_test
