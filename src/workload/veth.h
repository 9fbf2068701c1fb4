// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/rtnetlink.h"
#include "kernel/sysctl.h"
#include "net/cidr.h"
#include "net/mac.h"

namespace calico::workload {

struct VethRequest {
  std::string host_name;             // "cali" + 11 characters
  std::string container_name;        // temporary name in the host's namespace
  int mtu_bytes = 0;                 // 0 = kernel default
  std::vector<net::Cidr> addresses;  // /32 and /128
  std::uint32_t link_group = 0;      // of the host side, see veth_removal.h
};
// Creates the pair and configures the host side as the agent would (sysctls of reference felix 3.2, a host
// route per address), so that the first packet is not lost; the agent then finds it in sync. Undoes
// everything on failure. A leftover pair of the same name is replaced.
Status CreateHostVeth(kernel::Rtnetlink& rtnetlink, kernel::Sysctl& sysctl, const VethRequest& request);
// Gone already is success.
Status RemoveHostVeth(kernel::Rtnetlink& rtnetlink, const std::string& host_name);

// The IPv6 link-local address that the kernel gives an interface (EUI-64). Known before the interface has it:
// a veth gets its address only when both ends are up, which is after Docker has been told the gateway.
net::Ip LinkLocalOf(const net::Mac& mac);

}  // namespace calico::workload
