// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "base/result.h"
#include "dataplane/driver.h"

namespace calico::dataplane {

// The real kernel of the calling thread's network namespace, as a driver wants it.
struct KernelHandles {
  std::unique_ptr<kernel::Rtnetlink> rtnetlink;
  std::unique_ptr<kernel::RtnetlinkMonitor> links;
  std::unique_ptr<kernel::Nftables> nftables;
  std::unique_ptr<kernel::NftMonitor> nft_monitor;
  std::unique_ptr<kernel::Sysctl> sysctl;
  std::unique_ptr<kernel::IptablesFirewall> iptables;
  std::unique_ptr<kernel::Conntrack> conntrack;
  std::unique_ptr<kernel::Wireguard> wireguard;
  std::unique_ptr<kernel::ForeignFirewall> foreign;
  std::unique_ptr<OffloadCheck> offload;

  static Result<KernelHandles> Open();
  Driver::Kernel AsKernel() {
    return {*rtnetlink, *links,     *nftables,  *nft_monitor, *sysctl,
            *iptables,  *conntrack, *wireguard, *foreign,     *offload};
  }
};

}  // namespace calico::dataplane
