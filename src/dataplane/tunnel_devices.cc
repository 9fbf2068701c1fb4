// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnel_devices.h"

#include <cerrno>

#include <fmt/format.h>

namespace calico::dataplane {

bool IsGone(const Status& deleted) {
  return !deleted.has_value() &&
         (deleted.error().code() == ErrorCode::kNotFound || deleted.error().sys_errno() == EADDRNOTAVAIL);
}

Mtu ChooseMtu(const MtuInputs& inputs) {
  const bool v4 = inputs.inner == net::Family::kV4;
  const int smallest = v4 ? 576 : 1280;  // RFC 791, RFC 8200
  const int left = inputs.uplink_bytes == 0 ? 0 : inputs.uplink_bytes - inputs.overhead_bytes;
  if (inputs.configured_bytes > 0 && inputs.configured_bytes < smallest) {
    return {inputs.setting, smallest,
            fmt::format("{} is {}, and IPv{} needs {}, which is used instead", inputs.setting,
                        inputs.configured_bytes, v4 ? 4 : 6, smallest)};
  }
  if (inputs.configured_bytes > 0) return {inputs.setting, inputs.configured_bytes, ""};
  if (left == 0 || left >= smallest) return {inputs.setting, left, ""};
  return {inputs.setting, left,
          fmt::format("the uplink's MTU of {} leaves {}, and IPv{} needs {}: give the uplink {} at least",
                      inputs.uplink_bytes, left, v4 ? 4 : 6, smallest, smallest + inputs.overhead_bytes)};
}

Result<int> EnsureMtu(kernel::Rtnetlink& rtnetlink, const kernel::Link& link, const Mtu& mtu) {
  if (mtu.bytes == 0 || link.mtu_bytes == mtu.bytes) return 0;
  const Status set = rtnetlink.SetLinkMtu(link.ifindex, mtu.bytes);
  if (set.has_value()) return 1;
  return Error(set.error())
      .WithContext(fmt::format("MTU {} (see {}); it stays {}", mtu.bytes, mtu.setting, link.mtu_bytes));
}

Result<int> EnsureUp(kernel::Rtnetlink& rtnetlink, const kernel::Link& link) {
  if (link.admin_up) return 0;
  RETURN_IF_ERROR(rtnetlink.SetLinkUp(link.ifindex, true));
  return 1;
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
