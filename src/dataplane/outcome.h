// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace calico::dataplane {

// What one round of making the kernel equal to what is wanted came to. What failed is tried again by the next
// round.
struct Failure {
  std::string what;  // "route 10.0.0.1/32 dev cali123"
  std::string error;
};
struct Outcome {
  int writes = 0;
  std::vector<Failure> failures;
};

}  // namespace calico::dataplane
