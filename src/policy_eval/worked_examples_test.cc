// SPDX-License-Identifier: Apache-2.0
// The worked examples of reference felix 2.19, testdata/policy/worked_examples.
#include "policy_eval/testing/worked_examples.h"

#include <set>

#include <gtest/gtest.h>

namespace calico::policy_eval {
namespace {

const std::vector<WorkedExample>& Examples() {
  static const auto examples = ReadWorkedExamples(TESTDATA "/policy/worked_examples");
  return examples;
}

// All steps, for messages.
std::string Way(const PathVerdict& path) {
  std::string text;
  for (const Step& step : path.steps) {
    text += "\n  " + step.node + " " + step.interface + ": " + std::string(ActionName(step.verdict.action)) +
            ", " + Because(step.verdict);
    if (const auto nearest = NearestAllowOf(step.verdict); nearest && !nearest->mismatches.empty()) {
      const Mismatch& first = nearest->mismatches[0];
      text += "; nearest " + PolicyName(nearest->policy) + ": " + first.field + " wants " + first.wanted +
              ", is " + first.actual;
    }
  }
  return text;
}

// What staged policies would have done, by name, on the whole way.
std::map<std::string, std::string> Staged(const PathVerdict& path) {
  std::map<std::string, std::string> staged;
  for (const Step& step : path.steps) {
    for (const TierTrace& tier : step.verdict.tiers) {
      for (const PolicyTrace& policy : tier.policies) {
        if (policy.staged && policy.rule)
          staged[PolicyName(policy.key)] = ActionName(policy.rules[*policy.rule].action);
      }
    }
  }
  return staged;
}

std::size_t Logs(const PathVerdict& path) {
  std::size_t logs = 0;
  for (const Step& step : path.steps) logs += step.verdict.logs.size();
  return logs;
}

TEST(WorkedExamples, CoverEveryRowOfTheTable) {
  std::set<int> rows, all;
  for (const WorkedExample& example : Examples()) {
    rows.insert(example.row);
    EXPECT_FALSE(example.probes.empty()) << example.name;
  }
  for (int row = 1; row <= 82; ++row) all.insert(row);
  EXPECT_EQ(rows, all);
}

TEST(WorkedExamples, SayWhyNotEveryJudgeCanTell) {
  for (const WorkedExample& example : Examples()) {
    for (const Probe& probe : example.probes)
      EXPECT_EQ(probe.for_evaluator && probe.for_kernel, probe.why_not_all.empty()) << example.name;
  }
}

TEST(WorkedExamples, HaveTheVerdictsOfTheReference) {
  for (const WorkedExample& example : Examples()) {
    for (const Probe& probe : example.probes) {
      if (!probe.for_evaluator) continue;
      const PathVerdict path = EvaluateJourney(example.cluster, probe.journey);
      const std::string message = example.name + ": " + probe.text + Way(path);
      EXPECT_EQ(ActionName(path.action), probe.verdict) << message;
      EXPECT_EQ(Because(path.deciding().verdict), probe.because) << message;
      EXPECT_EQ(Logs(path), probe.logs) << message;
      EXPECT_EQ(Staged(path), probe.staged) << message;
    }
  }
}

}  // namespace
}  // namespace calico::policy_eval
