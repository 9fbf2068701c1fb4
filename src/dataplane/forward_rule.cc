// SPDX-License-Identifier: Apache-2.0
#include "dataplane/forward_rule.h"

#include "base/log.h"

namespace calico::dataplane {

Result<int> ForwardRule::Ensure(kernel::IptablesBackend backend) {
  int writes = 0;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const kernel::ForwardChain chain, firewall_.Read(family, backend));
    if (!chain.exists || chain.our_rule_first || !chain.can_drop) continue;
    RETURN_IF_ERROR(firewall_.InsertAccept(family, backend));
    LogInfo("dataplane", "{} FORWARD of iptables ({}) can drop: our accept rule is first in it now",
            family == net::Family::kV4 ? "IPv4" : "IPv6",
            backend == kernel::IptablesBackend::kNft ? "nft" : "legacy");
    ++writes;
  }
  return writes;
}

}  // namespace calico::dataplane
