// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <sched.h>

#include "base/subprocess.h"

namespace calico::kernel::testing {

// Moves the whole test program into a network namespace of its own, before any test and before any thread:
// nothing of the machine's network is touched, and everything is gone when the program ends. Put one into a
// test program:
//   const auto* const kNetwork = ::testing::AddGlobalTestEnvironment(new PrivateNetwork);
class PrivateNetwork : public ::testing::Environment {
 public:
  PrivateNetwork() {
    if (::unshare(CLONE_NEWNET) != 0) {
      std::perror("unshare(CLONE_NEWNET): run this as root");
      std::abort();
    }
    entered_ = true;
  }
  // Asked by suites that flush tables, so that none does it to the machine in a program without the line
  // above.
  static bool Entered() { return entered_; }

  void SetUp() override {
    const auto up = RunProcess({"ip", "link", "set", "lo", "up"}, std::chrono::seconds(5));
    ASSERT_TRUE(up.has_value() && up->exit_code == 0);
  }

 private:
  static inline bool entered_ = false;
};

}  // namespace calico::kernel::testing
