// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernel/forward_firewall.h"

// Internal to forward_firewall*.cc: reading FORWARD without a process.
namespace calico::kernel {

struct MarkMatch {
  std::uint32_t value = 0, mask = 0;
};
Result<ForwardChain> ReadNftForward(net::Family family, MarkMatch mark);
// Nothing is asked when the kernel has no legacy filter table: asking would load it.
Result<ForwardChain> ReadLegacyForward(net::Family family, MarkMatch mark);

}  // namespace calico::kernel
