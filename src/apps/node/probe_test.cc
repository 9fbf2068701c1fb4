// SPDX-License-Identifier: Apache-2.0
#include "apps/node/probe.h"

#include <gtest/gtest.h>

namespace calico::node {
namespace {

TEST(Probe, FlagsAreRecognized) {
  for (const char* flag : {"-felix-live", "--felix-ready", "-bird-live", "-bird-ready"})
    EXPECT_TRUE(IsProbeFlag(flag));
  for (const char* other : {"run", "felix-live", "-x", "-", ""}) EXPECT_FALSE(IsProbeFlag(other));
}

}  // namespace
}  // namespace calico::node
