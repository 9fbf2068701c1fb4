// SPDX-License-Identifier: Apache-2.0
#include "dataplane/kernel_handles.h"

#include "dataplane/names.h"

namespace calico::dataplane {

Result<KernelHandles> KernelHandles::Open() {
  KernelHandles handles;
  ASSIGN_OR_RETURN(handles.rtnetlink, kernel::OpenRtnetlink());
  ASSIGN_OR_RETURN(handles.links, kernel::OpenRtnetlinkMonitor());
  ASSIGN_OR_RETURN(handles.nftables, kernel::OpenNftables(kTableName));
  ASSIGN_OR_RETURN(handles.nft_monitor, kernel::OpenNftMonitor());
  handles.sysctl = kernel::OpenSysctl();
  handles.iptables = kernel::OpenIptablesFirewall(kAcceptMark, kAcceptMark);
  ASSIGN_OR_RETURN(handles.conntrack, kernel::OpenConntrack());
  ASSIGN_OR_RETURN(handles.wireguard, kernel::OpenWireguard());
  handles.foreign = kernel::OpenForeignFirewall(kAcceptMark, kTableName);
  handles.offload = std::make_unique<OffloadCheck>();
  return handles;
}

}  // namespace calico::dataplane
