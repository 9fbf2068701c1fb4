// SPDX-License-Identifier: Apache-2.0
#include "apps/node/peering_device.h"

namespace calico::node {

Status SyncPeeringDevice(kernel::Rtnetlink& rtnetlink, const std::set<net::Ip>& addresses) {
  auto link = rtnetlink.GetLink(kPeeringDevice);
  if (!link.has_value() && link.error().code() != ErrorCode::kNotFound) return link.error();
  if (addresses.empty()) return link.has_value() ? rtnetlink.DeleteLink(kPeeringDevice) : Ok();
  if (!link.has_value()) {
    // One without ports: not every kernel has dummy devices.
    RETURN_IF_ERROR(rtnetlink.CreateLink({kPeeringDevice, "bridge", std::nullopt, 0, std::nullopt}));
    link = rtnetlink.GetLink(kPeeringDevice);
    if (!link.has_value()) return link.error();
  }
  if (!link->admin_up) RETURN_IF_ERROR(rtnetlink.SetLinkUp(link->ifindex, true));
  std::set<kernel::Address> missing;
  for (const net::Ip& ip : addresses) missing.insert({link->ifindex, net::Cidr::Host(ip)});
  ASSIGN_OR_RETURN(const auto present, rtnetlink.ListAddresses());
  for (const kernel::Address& one : present) {
    if (one.ifindex != link->ifindex || missing.erase(one) > 0) continue;
    // The kernel gives each device one of IPv6.
    if (one.address.family() == net::Family::kV6 && one.address.ip().IsLinkLocal()) continue;
    RETURN_IF_ERROR(rtnetlink.DeleteAddress(one));
  }
  for (const kernel::Address& one : missing) RETURN_IF_ERROR(rtnetlink.AddAddress(one));
  return Ok();
}

}  // namespace calico::node
