// SPDX-License-Identifier: Apache-2.0
#include "dataplane/tunnels.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"

namespace calico::dataplane {
namespace {

constexpr char kComponent[] = "dataplane";

}  // namespace

void Tunnels::SetHost(const dataplane_api::HostSettings& host) {
  host_ = host;
  must_check_ = peers_changed_ = true;
}

void Tunnels::SetRemoteHost(const std::string& name, const std::optional<dataplane_api::RemoteHost>& remote) {
  if (remote)
    remotes_.insert_or_assign(name, *remote);
  else
    remotes_.erase(name);
  peers_changed_ = true;
}

void Tunnels::SetUplinkMtu(int mtu_bytes) {
  if (std::exchange(uplink_mtu_, mtu_bytes) != mtu_bytes) must_check_ = true;
}

bool Tunnels::OnLink(const std::string& name, int ifindex) {
  const bool device = name == kIpipInterface || name == kVxlanInterface || name == kVxlanV6Interface;
  const bool parent = ifindex == parents_[0] || ifindex == parents_[1];
  if (!device && !parent) return false;
  must_check_ = true;
  // The kernel drops neighbours of a device that goes down.
  if (device) must_read_peers_ = true;
  return true;
}

bool Tunnels::OnAddress(const kernel::Address& address) {
  const int device = address.ifindex;
  const bool ours = device == links_.ipip || device == links_.vxlan_v4 || device == links_.vxlan_v6;
  const net::Ip& ip = address.address.ip();
  if (!ours && ip != OwnAddress(net::Family::kV4) && ip != OwnAddress(net::Family::kV6)) return false;
  must_check_ = true;
  return true;
}

const std::optional<Tunnels::Device>& Tunnels::WantedVxlan(net::Family family) const {
  return family == net::Family::kV4 ? host_.tunnels.vxlan_v4 : host_.tunnels.vxlan_v6;
}
std::optional<net::Ip> Tunnels::OwnAddress(net::Family family) const {
  const auto& cidr = family == net::Family::kV4 ? host_.ipv4 : host_.ipv6;
  return cidr ? std::optional(cidr->ip()) : std::nullopt;
}
int Tunnels::HolderOf(const std::optional<net::Ip>& ip, const std::set<kernel::Address>& addresses) {
  if (!ip) return 0;
  const auto found = std::find_if(addresses.begin(), addresses.end(),
                                  [&](const kernel::Address& one) { return one.address.ip() == *ip; });
  return found == addresses.end() ? 0 : found->ifindex;
}

Mtu Tunnels::IpipMtu() const {
  const int configured = host_.tunnels.ipip ? host_.tunnels.ipip->mtu_bytes : 0;
  return ChooseMtu({"ipipMTU", configured, uplink_mtu_, kIpipOverheadBytes, net::Family::kV4});
}
Mtu Tunnels::VxlanMtu(net::Family family) const {
  const bool v4 = family == net::Family::kV4;
  const auto& device = WantedVxlan(family);
  return ChooseMtu({v4 ? "vxlanMTU" : "vxlanMTUV6", device ? device->mtu_bytes : 0, uplink_mtu_,
                    v4 ? kVxlanOverheadBytes : kVxlanV6OverheadBytes, family});
}

std::vector<OffloadCheck::Probe> Tunnels::Probes() const {
  std::vector<OffloadCheck::Probe> probes;
  for (const Vxlan& vxlan : vxlans_) {
    const auto& wanted = WantedVxlan(vxlan.family);
    if (vxlan.ifindex == 0 || vxlan.neighbours.empty() || !wanted || !wanted->address) continue;
    OffloadCheck::Probe probe{vxlan.name, vxlan.ifindex, *wanted->address, {}};
    for (const auto& [peer, mac] : vxlan.neighbours) probe.peers.push_back(peer);
    probes.push_back(std::move(probe));
  }
  return probes;
}

int Tunnels::WorkloadMtu() const {
  int smallest = uplink_mtu_;
  const auto consider = [&](const std::optional<Device>& device, int in_effect, const Mtu& wanted) {
    const int mtu = in_effect > 0 ? in_effect : wanted.bytes;
    if (device && mtu > 0) smallest = smallest == 0 ? mtu : std::min(smallest, mtu);
  };
  consider(host_.tunnels.ipip, ipip_mtu_, IpipMtu());
  for (const Vxlan& vxlan : vxlans_)
    consider(WantedVxlan(vxlan.family), vxlan.mtu_bytes, VxlanMtu(vxlan.family));
  return smallest;
}

Outcome Tunnels::Apply(const WorkloadInterfaces& interfaces, const std::set<kernel::Address>& addresses) {
  Outcome outcome;
  const auto note = [&](const std::string& what, const Error& error) {
    outcome.failures.push_back({what, error.message()});
  };
  const auto if_up = [&](int ifindex) {
    const auto* entry = interfaces.Find(ifindex);
    return entry != nullptr && entry->link.admin_up ? ifindex : 0;
  };
  if (std::exchange(must_check_, false)) {
    parents_ = {HolderOf(OwnAddress(net::Family::kV4), addresses),
                HolderOf(OwnAddress(net::Family::kV6), addresses)};
    links_.parent_v4 = if_up(parents_[0]);
    links_.parent_v6 = if_up(parents_[1]);
    // One that cannot be looked at now stays as it is known.
    if (auto ipip = EnsureIpip(addresses, outcome); ipip.has_value())
      links_.ipip = *ipip;
    else
      note(kIpipInterface, ipip.error());
    for (Vxlan& vxlan : vxlans_) {
      const bool v4 = vxlan.family == net::Family::kV4;
      auto made = EnsureVxlan(vxlan, parents_[v4 ? 0 : 1], addresses, outcome);
      if (!made.has_value()) note(vxlan.name, made.error());
      const int ifindex = made.value_or(vxlan.ifindex);
      if (std::exchange(vxlan.ifindex, ifindex) != ifindex) must_read_peers_ = true;
      (v4 ? links_.vxlan_v4 : links_.vxlan_v6) = ifindex;
    }
    must_check_ = !outcome.failures.empty();
  }
  if (std::exchange(peers_changed_, false)) {
    for (Vxlan& vxlan : vxlans_) ComputePeers(vxlan);
  }
  const bool read = std::exchange(must_read_peers_, false);
  for (Vxlan& vxlan : vxlans_) {
    if (vxlan.ifindex == 0) continue;
    if (read) {
      if (Status status = ReadPeers(vxlan); !status.has_value()) {
        note(vxlan.name, status.error());
        must_read_peers_ = true;
        continue;
      }
    }
    WritePeers(vxlan, outcome);
  }
  return outcome;
}

// ---- devices

Result<int> Tunnels::EnsureIpip(const std::set<kernel::Address>& addresses, Outcome& outcome) {
  auto found = rtnetlink_.GetLink(kIpipInterface);
  if (!found.has_value() && found.error().code() != ErrorCode::kNotFound) return std::move(found).error();
  const auto& wanted = host_.tunnels.ipip;
  if (!wanted) {
    // The device is the module's and stays; others may use it, so only our own address goes.
    if (!found.has_value()) return 0;
    for (const kernel::Address& address : addresses) {
      if (address.ifindex != found->ifindex || !address.address.is_host()) continue;
      const bool in_pool =
          std::any_of(host_.all_pools.begin(), host_.all_pools.end(),
                      [&](const net::Cidr& pool) { return pool.Contains(address.address.ip()); });
      if (!in_pool && address.address.ip() != ipip_address_) continue;
      const Status gone = rtnetlink_.DeleteAddress(address);
      if (!gone.has_value() && !IsGone(gone)) return gone.error();
      ++outcome.writes;
    }
    ipip_address_.reset();
    return 0;
  }
  if (!found.has_value()) {
    kernel::NewLink tunnel;
    tunnel.name = kIpipInterface;
    tunnel.kind = "ipip";
    const Status made = rtnetlink_.CreateLink(tunnel);
    // Loading the module makes the device, and then there is one already.
    if (!made.has_value() && made.error().code() == ErrorCode::kUnsupported) return Lacks("IPIP", "ipip");
    if (!made.has_value() && made.error().code() != ErrorCode::kAlreadyExists) return made.error();
    ++outcome.writes;
    ASSIGN_OR_RETURN(const kernel::Link fresh, rtnetlink_.GetLink(kIpipInterface));
    found = fresh;
    LogInfo(kComponent, "made {}", kIpipInterface);
  }
  ipip_mtu_ = ApplyMtu(*found, IpipMtu(), outcome);
  ASSIGN_OR_RETURN(const int up, EnsureUp(rtnetlink_, *found));
  ASSIGN_OR_RETURN(const int own, EnsureOnlyAddress(rtnetlink_, found->ifindex, net::Family::kV4,
                                                    wanted->address, addresses));
  outcome.writes += up + own;
  ipip_address_ = wanted->address;
  return found->ifindex;
}

Result<int> Tunnels::EnsureVxlan(Vxlan& vxlan, int parent, const std::set<kernel::Address>& addresses,
                                 Outcome& outcome) {
  auto found = rtnetlink_.GetLink(vxlan.name);
  if (!found.has_value() && found.error().code() != ErrorCode::kNotFound) return std::move(found).error();
  const auto& wanted = WantedVxlan(vxlan.family);
  if (!wanted) {
    if (!found.has_value() || found->kind != "vxlan") return 0;
    const Status gone = rtnetlink_.DeleteLink(vxlan.name);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    ++outcome.writes;
    LogInfo(kComponent, "removed {}: no pool needs it", vxlan.name);
    return 0;
  }
  const auto local = OwnAddress(vxlan.family);
  if (!local || parent == 0) {
    return Error(ErrorCode::kUnavailable, local ? "no interface has this host's address " + local->ToString()
                                                : "this host has no address of this family");
  }
  kernel::NewLink link;
  link.name = vxlan.name;
  link.kind = "vxlan";
  link.mac = wanted->mac;
  link.vxlan = kernel::Vxlan{host_.tunnels.vxlan_vni, host_.vxlan_port, local, parent, false, false};
  if (found.has_value() && (found->kind != link.kind || found->vxlan != link.vxlan)) {
    LogInfo(kComponent, "making {} anew: another VNI, port or address", vxlan.name);
    const Status gone = rtnetlink_.DeleteLink(vxlan.name);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    ++outcome.writes;
    found = Error(ErrorCode::kNotFound, vxlan.name);
  }
  if (!found.has_value()) {
    const Status made = rtnetlink_.CreateLink(link);
    if (!made.has_value() && made.error().code() == ErrorCode::kUnsupported) return Lacks("VXLAN", "vxlan");
    if (!made.has_value()) return made.error();
    ++outcome.writes;
    ASSIGN_OR_RETURN(const kernel::Link fresh, rtnetlink_.GetLink(vxlan.name));
    found = fresh;
    LogInfo(kComponent, "made {}, VNI {}, from {}", vxlan.name, host_.tunnels.vxlan_vni, local->ToString());
  }
  if (wanted->mac && found->mac != *wanted->mac) {
    RETURN_IF_ERROR(rtnetlink_.SetLinkMac(found->ifindex, *wanted->mac));
    ++outcome.writes;
  }
  vxlan.mtu_bytes = ApplyMtu(*found, VxlanMtu(vxlan.family), outcome);
  const auto up = EnsureUp(rtnetlink_, *found);
  if (!up.has_value() && up.error().sys_errno() == EADDRINUSE) {
    return Error(
        ErrorCode::kUnavailable,
        fmt::format("UDP port {} is in use on this host: end who has it (`ss -ulnp sport = {}`), or give "
                    "all hosts another vxlanPort",
                    host_.vxlan_port, host_.vxlan_port));
  }
  if (!up.has_value()) return up.error();
  ASSIGN_OR_RETURN(const int own,
                   EnsureOnlyAddress(rtnetlink_, found->ifindex, vxlan.family, wanted->address, addresses));
  outcome.writes += *up + own;
  return found->ifindex;
}

// A tunnel with another MTU is better than none: the device goes on. Returns the one in effect.
int Tunnels::ApplyMtu(const kernel::Link& link, const Mtu& mtu, Outcome& outcome) {
  if (!mtu.problem.empty()) outcome.failures.push_back({link.name, mtu.problem});
  const auto writes = EnsureMtu(rtnetlink_, link, mtu);
  if (writes.has_value()) {
    outcome.writes += *writes;
    return mtu.bytes;
  }
  outcome.failures.push_back({link.name, writes.error().message()});
  return link.mtu_bytes;
}

Error Tunnels::Lacks(const char* encapsulation, const char* kind) const {
  std::string able = "no encapsulation";
  for (const auto& [other, name] : {std::pair{"ipip", "IPIP"}, {"vxlan", "VXLAN"}}) {
    if (rtnetlink_.HasLinkKind(other).value_or(false)) able += std::string(", ") + name;
  }
  return Error(ErrorCode::kUnsupported,
               fmt::format("a pool asks for {}, which this kernel lacks (module {}); it can do: {}",
                           encapsulation, kind, able));
}

// ---- peers

void Tunnels::ComputePeers(Vxlan& vxlan) const {
  vxlan.wanted_forwarding.clear();
  vxlan.wanted_neighbours.clear();
  const bool v4 = vxlan.family == net::Family::kV4;
  for (const auto& [name, remote] : remotes_) {
    const auto& vtep = v4 ? remote.vxlan_v4 : remote.vxlan_v6;
    const auto& address = v4 ? remote.ipv4 : remote.ipv6;
    if (!vtep || !address) continue;
    // Of two that claim the same the first name has it: both would lose packets in turns otherwise.
    vxlan.wanted_forwarding.try_emplace(vtep->mac, *address);
    vxlan.wanted_neighbours.try_emplace(vtep->ip, vtep->mac);
  }
}

Status Tunnels::ReadPeers(Vxlan& vxlan) {
  vxlan.forwarding.clear();
  vxlan.neighbours.clear();
  ASSIGN_OR_RETURN(const auto forwarding, rtnetlink_.ListFdb(vxlan.ifindex));
  for (const auto& [key, host] : forwarding) vxlan.forwarding.emplace(key.mac, host);
  ASSIGN_OR_RETURN(const auto neighbours, rtnetlink_.ListNeighbours(vxlan.family));
  for (const auto& [key, neighbour] : neighbours) {
    if (key.ifindex == vxlan.ifindex && neighbour.permanent) vxlan.neighbours.emplace(key.ip, neighbour.mac);
  }
  return Ok();
}

void Tunnels::WritePeers(Vxlan& vxlan, Outcome& outcome) {
  const auto note = [&](const Status& status) {
    if (status.has_value()) {
      ++outcome.writes;
      return true;
    }
    outcome.failures.push_back({vxlan.name, status.error().message()});
    must_read_peers_ = true;
    return false;
  };
  const auto add = [&](const auto& wanted, auto& actual, const auto& replace) {
    for (const auto& [key, value] : wanted) {
      const auto held = actual.find(key);
      if (held != actual.end() && held->second == value) continue;
      if (note(replace(key, value))) actual.insert_or_assign(key, value);
    }
  };
  const auto remove = [&](const auto& wanted, auto& actual, const auto& erase) {
    std::erase_if(actual, [&](const auto& entry) {
      if (wanted.contains(entry.first)) return false;
      const Status gone = erase(entry.first);
      if (!IsGone(gone)) note(gone);
      return true;
    });
  };
  add(vxlan.wanted_forwarding, vxlan.forwarding, [&](const net::Mac& mac, const net::Ip& host) {
    return rtnetlink_.ReplaceFdb({vxlan.ifindex, mac}, host);
  });
  add(vxlan.wanted_neighbours, vxlan.neighbours, [&](const net::Ip& ip, const net::Mac& mac) {
    return rtnetlink_.ReplaceNeighbour({vxlan.ifindex, ip}, {mac, true});
  });
  remove(vxlan.wanted_forwarding, vxlan.forwarding, [&](const net::Mac& mac) {
    return rtnetlink_.DeleteFdb({vxlan.ifindex, mac});
  });
  remove(vxlan.wanted_neighbours, vxlan.neighbours, [&](const net::Ip& ip) {
    return rtnetlink_.DeleteNeighbour({vxlan.ifindex, ip});
  });
}

Status RemoveTunnels(kernel::Rtnetlink& rtnetlink) {
  for (const char* name : {kVxlanInterface, kVxlanV6Interface}) {
    const auto link = rtnetlink.GetLink(name);
    if (!link.has_value() || link->kind != "vxlan") continue;
    RETURN_IF_ERROR(rtnetlink.DeleteLink(name));
  }
  const auto ipip = rtnetlink.GetLink(kIpipInterface);
  if (!ipip.has_value()) return Ok();
  ASSIGN_OR_RETURN(const auto addresses, rtnetlink.ListAddresses());
  for (const kernel::Address& address : addresses) {
    // What the agent gives to tunl0 is a single address of a pool.
    if (address.ifindex == ipip->ifindex && address.address.is_host())
      RETURN_IF_ERROR(rtnetlink.DeleteAddress(address));
  }
  return Ok();
}

}  // namespace calico::dataplane
