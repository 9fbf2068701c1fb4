// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "policy_eval/cluster.h"
#include "policy_eval/path.h"

// The worked examples of reference felix 2.19, from testdata/policy (its README.md describes the format).
namespace calico::policy_eval {

struct Probe {
  std::string text;  // as it stands in the file, for messages
  Journey journey;
  std::string verdict;  // "allow", "deny", "none"
  std::string because;
  std::size_t logs = 0;
  std::map<std::string, std::string> staged;  // policy -> "Deny"
  bool for_evaluator = true;
  bool for_kernel = true;
  std::string why_not_all;
};

struct WorkedExample {
  int row = 0;
  std::string name;  // "row 14, tier a written through the API"
  Cluster cluster;
  std::vector<Probe> probes;
};

// For the names of tests.
inline void PrintTo(const WorkedExample& example, std::ostream* out) {
  *out << example.name;
}

// `folder`: testdata/policy/worked_examples. In the order of the rows.
std::vector<WorkedExample> ReadWorkedExamples(const std::string& folder);

}  // namespace calico::policy_eval
