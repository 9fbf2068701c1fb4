// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/policy/kernel_host.h"

namespace calico::policy_test {

// One way in which the rendering of policy could be wrong.
struct Mutation {
  std::string name;
  KernelHost::Hooks hooks;
};
inline void PrintTo(const Mutation& mutation, std::ostream* out) {
  *out << mutation.name;
}

// One for each match field, action, direction, rule of order and kind of set. The differential test must find
// each of them: that is what shows that it can fail.
std::vector<Mutation> Mutations();

}  // namespace calico::policy_test
