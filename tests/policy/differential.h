// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "tests/policy/kernel_host.h"
#include "tests/policy/packet_network.h"

namespace calico::policy_test {

struct Statistics {
  int packets = 0, allowed = 0, sets = 0;
  std::map<std::string, int> deciding;  // field of a rule -> packets whose verdict it alone decided
};

// Sends `packets` packets through `sets` random policy sets and compares the kernel with the evaluator.
// Returns the first difference, described, with the seed that repeats it.
class Differential final {
 public:
  explicit Differential(PacketNetwork& network);

  std::optional<std::string> Run(std::uint64_t seed, int sets, int packets_per_set,
                                 const KernelHost::Hooks& hooks, Statistics& statistics);

 private:
  PacketNetwork& network_;
};

}  // namespace calico::policy_test
