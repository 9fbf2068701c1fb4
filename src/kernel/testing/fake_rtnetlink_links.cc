// SPDX-License-Identifier: Apache-2.0
// The links and addresses of FakeRtnetlink.
#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "kernel/testing/fake_rtnetlink.h"

namespace calico::kernel::testing {
namespace {

constexpr std::size_t kLongestName = 15;
constexpr int kDefaultMtuBytes = 1500;

bool IsName(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName;
}
// Locally administered, as the kernel's random ones are, but the same in each run.
net::Mac MacOf(int ifindex) {
  return net::Mac{
      {0x02, 0, 0, 0, static_cast<std::uint8_t>(ifindex >> 8), static_cast<std::uint8_t>(ifindex)}};
}

}  // namespace

int FakeRtnetlink::AddLink(Link link) {
  if (link.ifindex == 0) link.ifindex = next_ifindex_;
  next_ifindex_ = std::max(next_ifindex_, link.ifindex + 1);
  links_[link.ifindex] = link;
  Tell(LinkChanged{link});
  return link.ifindex;
}

Status FakeRtnetlink::AddAddress(const Address& address) {
  const std::string call = fmt::format("add address {} {}", address.ifindex, address.address.ToString());
  RETURN_IF_ERROR(script_.OnWrite(call));
  const Link* link = FindLink(address.ifindex);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  if (std::find(addresses_.begin(), addresses_.end(), address) != addresses_.end())
    return Error::FromErrno(EEXIST, call);
  addresses_.push_back(address);
  Tell(AddressChanged{address, false});
  if (!link->admin_up || link->loopback || address.address.is_host()) return Ok();
  const bool v4 = address.address.family() == net::Family::kV4;
  Route connected;
  connected.scope = v4 ? RouteScope::kLink : RouteScope::kUniverse;
  connected.protocol = kProtoKernel;
  connected.ifindex = address.ifindex;
  StoreRoute(kMainTable, {address.address.Masked(), v4 ? 0U : 256U}, connected);
  return Ok();
}

Status FakeRtnetlink::DeleteAddress(const Address& address) {
  const std::string call = fmt::format("delete address {} {}", address.ifindex, address.address.ToString());
  RETURN_IF_ERROR(script_.OnWrite(call));
  return ForgetAddress(address) ? Ok() : Status(Error::FromErrno(EADDRNOTAVAIL, call));
}

bool FakeRtnetlink::ForgetAddress(const Address& address) {
  if (std::erase(addresses_, address) == 0) return false;
  Tell(AddressChanged{address, true});
  return true;
}

Result<std::vector<Link>> FakeRtnetlink::ListLinks() {
  RETURN_IF_ERROR(script_.OnRead("list links"));
  std::vector<Link> links;
  for (const auto& [ifindex, link] : links_) links.push_back(link);
  return links;
}

Result<Link> FakeRtnetlink::GetLink(const std::string& name) {
  RETURN_IF_ERROR(script_.OnRead("get link " + name));
  const Link* link = FindLink(name);
  if (link == nullptr) return Error::FromErrno(ENODEV, "link " + name);
  return *link;
}

Result<std::vector<Address>> FakeRtnetlink::ListAddresses() {
  RETURN_IF_ERROR(script_.OnRead("list addresses"));
  return addresses_;
}

Status FakeRtnetlink::CreateVeth(const VethPair& pair) {
  const std::string call = "create veth " + pair.host_name + " " + pair.peer_name;
  RETURN_IF_ERROR(script_.OnWrite(call));
  if (!IsName(pair.host_name) || !IsName(pair.peer_name)) return Error(ErrorCode::kInvalidArgument, call);
  if (FindLink(pair.host_name) != nullptr || FindLink(pair.peer_name) != nullptr ||
      pair.host_name == pair.peer_name)
    return Error::FromErrno(EEXIST, call);
  Link peer;
  peer.kind = "veth";
  peer.mtu_bytes = pair.mtu_bytes > 0 ? pair.mtu_bytes : kDefaultMtuBytes;
  Link host = peer;
  peer.name = pair.peer_name;
  host.name = pair.host_name;
  // The peer is made first: it has the lower index.
  peer.ifindex = next_ifindex_;
  host.ifindex = peer.ifindex + 1;
  peer.peer_ifindex = host.ifindex;
  host.peer_ifindex = peer.ifindex;
  peer.mac = pair.peer_mac.value_or(MacOf(peer.ifindex));
  host.mac = MacOf(host.ifindex);
  host.admin_up = pair.host_up;
  host.group = pair.host_group;
  AddLink(peer);
  AddLink(host);
  return Ok();
}

Status FakeRtnetlink::CreateLink(const NewLink& wanted) {
  const std::string call = "create " + wanted.kind + " " + wanted.name;
  RETURN_IF_ERROR(script_.OnWrite(call));
  if (!IsName(wanted.name)) return Error(ErrorCode::kInvalidArgument, call);
  if (FindLink(wanted.name) != nullptr) return Error::FromErrno(EEXIST, call);
  if (unknown_kinds_.contains(wanted.kind)) return Error::FromErrno(EOPNOTSUPP, call);
  Link link;
  link.name = wanted.name;
  link.kind = wanted.kind;
  link.mtu_bytes = wanted.mtu_bytes > 0 ? wanted.mtu_bytes : kDefaultMtuBytes;
  link.mac = wanted.mac.value_or(MacOf(next_ifindex_));
  link.vxlan = wanted.vxlan;
  AddLink(link);
  return Ok();
}

Status FakeRtnetlink::DeleteLink(const std::string& name) {
  RETURN_IF_ERROR(script_.OnWrite("delete link " + name));
  const Link* link = FindLink(name);
  if (link == nullptr) return Error::FromErrno(ENODEV, "delete link " + name);
  const int ifindex = link->ifindex, peer = link->peer_ifindex;
  Erase(ifindex);
  if (peer != 0) Erase(peer);
  return Ok();
}

Status FakeRtnetlink::DeleteLinkGroup(std::uint32_t group) {
  const std::string call = fmt::format("delete group {}", group);
  RETURN_IF_ERROR(script_.OnWrite(call));
  if (group == 0) return Error(ErrorCode::kInvalidArgument, call);
  std::vector<int> members;
  for (const auto& [ifindex, link] : links_) {
    if (link.group == group) members.insert(members.end(), {ifindex, link.peer_ifindex});
  }
  if (members.empty()) return Error::FromErrno(ENODEV, call);
  for (const int ifindex : members) Erase(ifindex);
  return Ok();
}

Status FakeRtnetlink::SetLinkGroup(const std::string& name, std::uint32_t group) {
  const std::string call = fmt::format("set group {} {}", name, group);
  RETURN_IF_ERROR(script_.OnWrite(call));
  Link* link = FindLink(name);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  link->group = group;
  Tell(LinkChanged{*link});
  return Ok();
}

Status FakeRtnetlink::SetLinkUp(int ifindex, bool up) {
  const std::string call = fmt::format("set link {} {}", ifindex, up ? "up" : "down");
  RETURN_IF_ERROR(script_.OnWrite(call));
  Link* link = FindLink(ifindex);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  link->admin_up = up;
  if (!up) {
    DropRoutesVia(ifindex);
    std::erase_if(neighbours_, [&](const auto& one) { return one.first.ifindex == ifindex; });
  }
  UpdateCarrier(*link);
  Tell(LinkChanged{*link});
  return Ok();
}

Status FakeRtnetlink::SetLinkMtu(int ifindex, int mtu_bytes) {
  const std::string call = fmt::format("set mtu {} {}", ifindex, mtu_bytes);
  RETURN_IF_ERROR(script_.OnWrite(call));
  Link* link = FindLink(ifindex);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  link->mtu_bytes = mtu_bytes;
  Tell(LinkChanged{*link});
  return Ok();
}

Status FakeRtnetlink::SetLinkMac(int ifindex, const net::Mac& mac) {
  const std::string call = fmt::format("set mac {} {}", ifindex, mac.ToString());
  RETURN_IF_ERROR(script_.OnWrite(call));
  Link* link = FindLink(ifindex);
  if (link == nullptr) return Error::FromErrno(ENODEV, call);
  link->mac = mac;
  Tell(LinkChanged{*link});
  return Ok();
}

Link* FakeRtnetlink::FindLink(const std::string& name) {
  for (auto& [ifindex, link] : links_) {
    if (link.name == name) return &link;
  }
  return nullptr;
}
Link* FakeRtnetlink::FindLink(int ifindex) {
  const auto found = links_.find(ifindex);
  return found == links_.end() ? nullptr : &found->second;
}

void FakeRtnetlink::Erase(int ifindex) {
  const auto found = links_.find(ifindex);
  if (found == links_.end()) return;
  DropRoutesVia(ifindex);
  std::erase_if(neighbours_, [&](const auto& one) { return one.first.ifindex == ifindex; });
  std::erase_if(fdb_, [&](const auto& one) { return one.first.ifindex == ifindex; });
  const std::vector<Address> before = addresses_;
  for (const Address& address : before) {
    if (address.ifindex == ifindex) ForgetAddress(address);
  }
  const LinkRemoved gone{ifindex, found->second.name};
  links_.erase(found);
  Tell(gone);
}

// A veth has a carrier while both ends are up.
void FakeRtnetlink::UpdateCarrier(Link& link) {
  Link* peer = FindLink(link.peer_ifindex);
  if (peer == nullptr) {
    link.running = link.admin_up;
    return;
  }
  const bool carrier = link.admin_up && peer->admin_up;
  link.running = carrier;
  if (peer->running == carrier) return;
  peer->running = carrier;
  Tell(LinkChanged{*peer});
}

}  // namespace calico::kernel::testing
