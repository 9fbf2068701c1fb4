// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/outcome.h"
#include "dataplane/tunnel_devices.h"
#include "dataplane_api/updates.h"
#include "kernel/rtnetlink.h"
#include "kernel/wireguard.h"

namespace calico::dataplane {

inline constexpr int kWireguardOverheadBytes = 60, kWireguardV6OverheadBytes = 80;

// WireGuard to the other hosts that have published a key, in one family (reference felix 3.9): the device,
// its peers, and a routing table of its own. A rule sends all packets without our mark to that table first;
// what the device has encrypted carries the mark and goes by the main table.
//
//   table: destination of a host with a key     -> dev wireguard.cali
//          destination of another, or of our own -> throw: on to the main table, in clear
//
// The private key lives in the device only: whoever deletes the device rotates the key.
class WireguardSync final {
 public:
  WireguardSync(net::Family family, kernel::Rtnetlink& rtnetlink, kernel::Wireguard& wireguard)
      : family_(family), rtnetlink_(rtnetlink), wireguard_(wireguard) {}

  void SetHost(const dataplane_api::HostSettings& host);
  void SetRemoteHost(const std::string& name, const std::optional<dataplane_api::RemoteHost>& remote);
  void SetRoute(const net::Cidr& destination, const std::optional<dataplane_api::RemoteRoute>& route);
  void SetUplinkMtu(int mtu_bytes);
  // True: it is our device that has changed.
  bool OnLink(const std::string& name);
  void RereadNext() { must_read_ = true; }
  // This host's public key in base64; empty: none, the others are to send in clear.
  void OnKey(std::function<void(net::Family family, const std::string& key)> callback) {
    on_key_ = std::move(callback);
  }

  Outcome Apply(const std::set<kernel::Address>& addresses);
  int MtuBytes() const;  // of the device; 0: there is none
  // Why it is not in use although it is enabled; empty: it is in use, or not enabled.
  const std::string& unsupported() const { return unsupported_; }

 private:
  using Keys = std::map<std::string, kernel::WireguardKey>;  // by node

  const dataplane_api::WireguardDevice& Wanted() const;
  Mtu ChosenMtu() const;
  Result<int> ApplyAll(const std::set<kernel::Address>& addresses);
  Result<int> Remove();
  Result<int> EnsureDevice(const std::set<kernel::Address>& addresses, int& ifindex);
  Result<int> EnsurePeers(const Keys& keys);
  Result<int> EnsureRule(bool wanted);
  Result<int> EnsureRoutes(int ifindex);
  std::map<kernel::WireguardKey, kernel::WireguardPeer> WantedPeers(const Keys& keys) const;
  // Nodes whose key nobody else has.
  Keys UsableKeys() const;
  std::map<kernel::RouteKey, kernel::Route> WantedRoutes(int ifindex) const;
  void Publish(const std::string& key);

  const net::Family family_;
  kernel::Rtnetlink& rtnetlink_;
  kernel::Wireguard& wireguard_;
  dataplane_api::Wireguard settings_;
  std::map<std::string, dataplane_api::RemoteHost> remotes_;
  std::map<net::Cidr, dataplane_api::RemoteRoute> routes_;
  int uplink_mtu_ = 0;
  bool changed_ = true;
  bool must_read_ = true;
  std::set<std::string> with_keys_;                              // nodes that are peers, as applied
  std::map<kernel::WireguardKey, kernel::WireguardPeer> peers_;  // in the kernel
  std::map<kernel::RouteKey, kernel::Route> actual_routes_;
  std::optional<std::string> published_;
  std::string unsupported_;
  std::string mtu_problem_;
  std::function<void(net::Family, const std::string&)> on_key_;
};

}  // namespace calico::dataplane
