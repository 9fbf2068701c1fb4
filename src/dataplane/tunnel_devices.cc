// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnel_devices.h"

#include <algorithm>
#include <cerrno>

namespace calico::dataplane {
namespace {

constexpr int kSmallestMtu = 576;  // that a host must be able to take (RFC 791)

}  // namespace

bool IsGone(const Status& deleted) {
  return !deleted.has_value() &&
         (deleted.error().code() == ErrorCode::kNotFound || deleted.error().sys_errno() == EADDRNOTAVAIL);
}

int TunnelMtu(int configured_bytes, int uplink_bytes, int overhead_bytes) {
  if (configured_bytes > 0) return configured_bytes;
  return uplink_bytes == 0 ? 0 : std::max(uplink_bytes - overhead_bytes, kSmallestMtu);
}

Result<int> EnsureUp(kernel::Rtnetlink& rtnetlink, const kernel::Link& link, int mtu_bytes) {
  int writes = 0;
  if (mtu_bytes > 0 && link.mtu_bytes != mtu_bytes) {
    RETURN_IF_ERROR(rtnetlink.SetLinkMtu(link.ifindex, mtu_bytes));
    ++writes;
  }
  if (link.admin_up) return writes;
  RETURN_IF_ERROR(rtnetlink.SetLinkUp(link.ifindex, true));
  return writes + 1;
}

Result<int> EnsureOnlyAddress(kernel::Rtnetlink& rtnetlink, int ifindex, net::Family family,
                              const std::optional<net::Ip>& wanted,
                              const std::set<kernel::Address>& addresses) {
  int writes = 0;
  bool there = false;
  for (const kernel::Address& address : addresses) {
    const net::Ip& ip = address.address.ip();
    if (address.ifindex != ifindex || ip.family() != family || ip.IsLinkLocal()) continue;
    if (wanted && address.address == net::Cidr::Host(*wanted)) {
      there = true;
      continue;
    }
    const Status gone = rtnetlink.DeleteAddress(address);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    ++writes;
  }
  if (there || !wanted) return writes;
  const Status added = rtnetlink.AddAddress({ifindex, net::Cidr::Host(*wanted)});
  if (!added.has_value() && added.error().code() != ErrorCode::kAlreadyExists) return added.error();
  return writes + 1;
}

}  // namespace calico::dataplane
