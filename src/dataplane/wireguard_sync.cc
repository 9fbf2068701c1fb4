// SPDX-License-Identifier: Apache-2.0
#include "dataplane/wireguard_sync.h"

#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "dataplane/names.h"

namespace calico::dataplane {
namespace {

constexpr char kComponent[] = "wireguard";

}  // namespace

void WireguardSync::SetHost(const dataplane_api::HostSettings& host) {
  if (settings_ == host.wireguard) return;
  settings_ = host.wireguard;
  changed_ = must_read_ = true;
}

void WireguardSync::SetRemoteHost(const std::string& name,
                                  const std::optional<dataplane_api::RemoteHost>& remote) {
  if (remote)
    remotes_.insert_or_assign(name, *remote);
  else
    remotes_.erase(name);
  changed_ = true;
}

void WireguardSync::SetRoute(const net::Cidr& destination,
                             const std::optional<dataplane_api::RemoteRoute>& route) {
  if (destination.family() != family_) return;
  if (route)
    routes_.insert_or_assign(destination, *route);
  else
    routes_.erase(destination);
  changed_ = true;
}

void WireguardSync::SetUplinkMtu(int mtu_bytes) {
  if (std::exchange(uplink_mtu_, mtu_bytes) != mtu_bytes) changed_ = true;
}

bool WireguardSync::OnLink(const std::string& name) {
  if (name != Wanted().interface) return false;
  must_read_ = true;
  return true;
}

const dataplane_api::WireguardDevice& WireguardSync::Wanted() const {
  return family_ == net::Family::kV4 ? settings_.v4 : settings_.v6;
}

Mtu WireguardSync::ChosenMtu() const {
  const bool v4 = family_ == net::Family::kV4;
  return ChooseMtu({v4 ? "wireguardMTU" : "wireguardMTUV6", Wanted().mtu_bytes, uplink_mtu_,
                    v4 ? kWireguardOverheadBytes : kWireguardV6OverheadBytes, family_});
}

int WireguardSync::MtuBytes() const {
  return Wanted().enabled && unsupported_.empty() ? ChosenMtu().bytes : 0;
}

void WireguardSync::Publish(const std::string& key) {
  if (published_ == key) return;
  published_ = key;
  if (on_key_) on_key_(family_, key);
}

Outcome WireguardSync::Apply(const std::set<kernel::Address>& addresses) {
  Outcome outcome;
  if (!std::exchange(changed_, false) && !must_read_) return outcome;
  const auto done = Wanted().enabled ? ApplyAll(addresses) : Remove();
  if (done.has_value()) {
    outcome.writes = *done;
    if (!mtu_problem_.empty()) {
      outcome.failures.push_back({Wanted().interface, mtu_problem_});
      changed_ = true;
    }
    return outcome;
  }
  if (done.error().code() == ErrorCode::kUnsupported) {
    // Nothing to try again: the host stays reachable in clear.
    if (unsupported_.empty())
      LogError(kComponent, "{}: the other hosts send to this one in clear", done.error().message());
    unsupported_ = done.error().message();
    must_read_ = false;
    Publish("");
    return outcome;
  }
  changed_ = must_read_ = true;
  outcome.failures.push_back({"WireGuard", done.error().message()});
  return outcome;
}

Result<int> WireguardSync::ApplyAll(const std::set<kernel::Address>& addresses) {
  int ifindex = 0;
  ASSIGN_OR_RETURN(int writes, EnsureDevice(addresses, ifindex));
  if (must_read_) {
    ASSIGN_OR_RETURN(kernel::WireguardDevice device, wireguard_.Read(Wanted().interface));
    kernel::WireguardChange change;
    if (device.private_key.empty()) {
      ASSIGN_OR_RETURN(change.private_key, kernel::WireguardKey::NewPrivate());
      LogInfo(kComponent, "{}: made a new key", Wanted().interface);
    }
    if (device.port != Wanted().port) change.port = Wanted().port;
    if (device.mark != kWireguardMark) change.mark = kWireguardMark;
    if (change.private_key || change.port || change.mark) {
      RETURN_IF_ERROR(wireguard_.Change(Wanted().interface, change));
      ++writes;
      ASSIGN_OR_RETURN(device, wireguard_.Read(Wanted().interface));
    }
    peers_ = device.peers;
    unsupported_.clear();
    Publish(device.public_key.ToString());
    ASSIGN_OR_RETURN(actual_routes_, rtnetlink_.ListRoutes(family_, settings_.table));
  }
  // Peers before routes before the rule: no packet is led where nobody would take it.
  ASSIGN_OR_RETURN(const int peers, EnsurePeers(UsableKeys()));
  ASSIGN_OR_RETURN(const int routes, EnsureRoutes(ifindex));
  ASSIGN_OR_RETURN(const int rules, must_read_ ? EnsureRule(true) : Result<int>(0));
  must_read_ = false;
  return writes + peers + routes + rules;
}

Result<int> WireguardSync::Remove() {
  unsupported_.clear();
  mtu_problem_.clear();
  must_read_ = false;
  Publish("");
  peers_.clear();
  with_keys_.clear();
  if (Wanted().interface.empty()) return 0;
  // The rule first: then nothing is led to the table any more.
  ASSIGN_OR_RETURN(int writes, EnsureRule(false));
  ASSIGN_OR_RETURN(actual_routes_, rtnetlink_.ListRoutes(family_, settings_.table));
  std::erase_if(actual_routes_,
                [](const auto& entry) { return entry.second.protocol != kernel::kProtoCalico; });
  for (const auto& [key, route] : std::exchange(actual_routes_, {})) {
    const Status gone = rtnetlink_.DeleteRoute(settings_.table, key, kernel::kProtoCalico);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    ++writes;
  }
  const auto link = rtnetlink_.GetLink(Wanted().interface);
  if (!link.has_value() || link->kind != "wireguard") return writes;
  const Status gone = rtnetlink_.DeleteLink(Wanted().interface);
  if (!gone.has_value() && !IsGone(gone)) return gone.error();
  LogInfo(kComponent, "removed {}", Wanted().interface);
  return writes + 1;
}

Result<int> WireguardSync::EnsureDevice(const std::set<kernel::Address>& addresses, int& ifindex) {
  int writes = 0;
  auto link = rtnetlink_.GetLink(Wanted().interface);
  if (!link.has_value()) {
    if (link.error().code() != ErrorCode::kNotFound) return std::move(link).error();
    kernel::NewLink wanted;
    wanted.name = Wanted().interface;
    wanted.kind = "wireguard";
    Status made = rtnetlink_.CreateLink(wanted);
    if (!made.has_value() && made.error().code() == ErrorCode::kUnsupported)
      return Error(ErrorCode::kUnsupported, "this kernel has no WireGuard");
    if (!made.has_value()) return std::move(made).error();
    ++writes;
    must_read_ = true;
    unsupported_.clear();
    ASSIGN_OR_RETURN(const kernel::Link fresh, rtnetlink_.GetLink(Wanted().interface));
    link = fresh;
  }
  if (link->kind != "wireguard")
    return Error(ErrorCode::kAlreadyExists, Wanted().interface + " is an interface of another kind");
  ifindex = link->ifindex;
  if (!link->admin_up) must_read_ = true;  // its routes went with its being up
  // A tunnel with another MTU is better than none: the device goes on.
  const Mtu mtu = ChosenMtu();
  const auto mtu_writes = EnsureMtu(rtnetlink_, *link, mtu);
  mtu_problem_ = mtu_writes.has_value() ? mtu.problem : mtu_writes.error().message();
  ASSIGN_OR_RETURN(const int up, EnsureUp(rtnetlink_, *link));
  ASSIGN_OR_RETURN(const int own,
                   EnsureOnlyAddress(rtnetlink_, ifindex, family_, Wanted().address, addresses));
  return writes + mtu_writes.value_or(0) + up + own;
}

WireguardSync::Keys WireguardSync::UsableKeys() const {
  const auto own = kernel::WireguardKey::Parse(published_.value_or(""));
  std::map<kernel::WireguardKey, std::set<std::string>> owners;
  for (const auto& [name, remote] : remotes_) {
    const bool v4 = family_ == net::Family::kV4;
    const auto key = kernel::WireguardKey::Parse(v4 ? remote.wireguard_v4 : remote.wireguard_v6);
    if (key && key != own && (v4 ? remote.ipv4 : remote.ipv6)) owners[*key].insert(name);
  }
  Keys keys;
  for (const auto& [key, names] : owners) {
    // A cloned machine: packets for one would reach the other.
    if (names.size() == 1) keys[*names.begin()] = key;
  }
  return keys;
}

std::map<kernel::WireguardKey, kernel::WireguardPeer> WireguardSync::WantedPeers(const Keys& keys) const {
  std::map<kernel::WireguardKey, kernel::WireguardPeer> peers;
  for (const auto& [name, key] : keys) {
    const dataplane_api::RemoteHost& remote = remotes_.at(name);
    kernel::WireguardPeer& peer = peers[key];
    peer.host = family_ == net::Family::kV4 ? remote.ipv4 : remote.ipv6;
    peer.port = Wanted().port;
    peer.keepalive_seconds = settings_.keepalive_seconds;
    if (settings_.host_encryption) peer.allowed.insert(net::Cidr::Host(*peer.host));
  }
  for (const auto& [destination, route] : routes_) {
    if (const auto key = keys.find(route.node); key != keys.end())
      peers[key->second].allowed.insert(destination);
  }
  return peers;
}

Result<int> WireguardSync::EnsurePeers(const Keys& keys) {
  auto wanted = WantedPeers(keys);
  kernel::WireguardChange change;
  for (const auto& [key, peer] : wanted) {
    const auto held = peers_.find(key);
    if (held == peers_.end() || held->second != peer) change.peers[key] = peer;
  }
  for (const auto& [key, peer] : peers_) {
    if (!wanted.contains(key)) change.peers[key] = std::nullopt;
  }
  with_keys_.clear();
  for (const auto& [name, key] : keys) with_keys_.insert(name);
  if (change.peers.empty()) return 0;
  RETURN_IF_ERROR(wireguard_.Change(Wanted().interface, change));
  peers_ = std::move(wanted);
  return 1;
}

std::map<kernel::RouteKey, kernel::Route> WireguardSync::WantedRoutes(int ifindex) const {
  std::map<kernel::RouteKey, kernel::Route> wanted;
  kernel::Route through, on;
  through.protocol = on.protocol = kernel::kProtoCalico;
  through.ifindex = ifindex;
  through.scope = family_ == net::Family::kV4 ? kernel::RouteScope::kLink : kernel::RouteScope::kUniverse;
  on.type = kernel::RouteType::kThrow;
  for (const auto& [destination, route] : routes_)
    wanted[kernel::RouteKey::To(destination)] = with_keys_.contains(route.node) ? through : on;
  if (!settings_.host_encryption) return wanted;
  for (const std::string& name : with_keys_) {
    const dataplane_api::RemoteHost& remote = remotes_.at(name);
    const auto& host = family_ == net::Family::kV4 ? remote.ipv4 : remote.ipv6;
    wanted[kernel::RouteKey::To(net::Cidr::Host(*host))] = through;
  }
  return wanted;
}

Result<int> WireguardSync::EnsureRoutes(int ifindex) {
  int writes = 0;
  const auto wanted = WantedRoutes(ifindex);
  for (const auto& [key, route] : wanted) {
    const auto held = actual_routes_.find(key);
    if (held != actual_routes_.end() && held->second == route) continue;
    RETURN_IF_ERROR(rtnetlink_.ReplaceRoute(settings_.table, key, route));
    actual_routes_.insert_or_assign(key, route);
    ++writes;
  }
  for (auto it = actual_routes_.begin(); it != actual_routes_.end();) {
    if (wanted.contains(it->first)) {
      ++it;
      continue;
    }
    const Status gone = rtnetlink_.DeleteRoute(settings_.table, it->first, it->second.protocol);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    it = actual_routes_.erase(it);
    ++writes;
  }
  return writes;
}

Result<int> WireguardSync::EnsureRule(bool wanted) {
  const kernel::RoutingRule ours{family_, settings_.rule_priority, kWireguardMark, kWireguardMark,
                                 true,    settings_.table};
  ASSIGN_OR_RETURN(const auto rules, rtnetlink_.ListRules(family_));
  int writes = 0;
  if (wanted && !rules.contains(ours)) {
    const Status added = rtnetlink_.AddRule(ours);
    if (!added.has_value() && added.error().code() != ErrorCode::kAlreadyExists) return added.error();
    ++writes;
  }
  for (const kernel::RoutingRule& rule : rules) {
    // Of other settings, as they were before. A table of Calico's ranges is nobody else's (reference
    // felix 3.10).
    if (rule.table != settings_.table || rule.mask != kWireguardMark || (wanted && rule == ours)) continue;
    const Status gone = rtnetlink_.DeleteRule(rule);
    if (!gone.has_value() && !IsGone(gone)) return gone.error();
    ++writes;
  }
  return writes;
}

}  // namespace calico::dataplane
