// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>

#include "base/result.h"
#include "kernel/iptables_firewall.h"

// Internal to iptables_firewall*.cc: reading a chain without a process.
namespace calico::kernel {

struct MarkMatch {
  std::uint32_t value = 0, mask = 0;
};
Result<IptablesChain> ReadNftChain(const IptablesPlace& place, MarkMatch mark);
// Nothing is asked when the kernel has no legacy filter table: asking would load it.
Result<IptablesChain> ReadLegacyChain(const IptablesPlace& place, MarkMatch mark);

}  // namespace calico::kernel
