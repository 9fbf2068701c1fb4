// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/forward_firewall.h"

namespace calico::dataplane {

// Keeps our accept rule first in the machine's own FORWARD chains that can drop (design: the firewall sees
// every packet that our tables accepted). The rule stays when the agent ends: an upgrade must cut nothing.
class ForwardRule final {
 public:
  explicit ForwardRule(kernel::ForwardFirewall& firewall) : firewall_(firewall) {}

  // Looks at both families of one back end and puts the rule where it is missing. Returns the number of
  // writes.
  Result<int> Ensure(kernel::IptablesBackend backend);

 private:
  kernel::ForwardFirewall& firewall_;
};

}  // namespace calico::dataplane
