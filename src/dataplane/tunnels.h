// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/offload_check.h"
#include "dataplane/outcome.h"
#include "dataplane/tunnel_devices.h"
#include "dataplane/workload_interfaces.h"
#include "dataplane_api/updates.h"
#include "kernel/rtnetlink.h"

namespace calico::dataplane {

inline constexpr char kIpipInterface[] = "tunl0";
inline constexpr char kVxlanInterface[] = "vxlan.calico", kVxlanV6Interface[] = "vxlan-v6.calico";
// What encapsulation adds to each packet (reference felix 3.11).
inline constexpr int kIpipOverheadBytes = 20, kVxlanOverheadBytes = 50, kVxlanV6OverheadBytes = 70;

// The interfaces that routes to other hosts lead through; 0: there is none that could be used.
struct TunnelLinks {
  int parent_v4 = 0, parent_v6 = 0;  // of this host's own addresses
  int ipip = 0, vxlan_v4 = 0, vxlan_v6 = 0;
  bool operator==(const TunnelLinks&) const = default;
};

// This host's tunnel devices, and what leads packets from them to other hosts' devices (reference felix 3.7,
// 3.8): for each VXLAN peer a forwarding entry, tunnel MAC -> host, and a neighbour, tunnel address -> MAC.
// Nothing is learned from the network.
class Tunnels final {
 public:
  explicit Tunnels(kernel::Rtnetlink& rtnetlink) : rtnetlink_(rtnetlink) {}

  void SetHost(const dataplane_api::HostSettings& host);
  void SetRemoteHost(const std::string& name, const std::optional<dataplane_api::RemoteHost>& remote);
  // The smallest MTU of the interfaces that lead to other hosts.
  void SetUplinkMtu(int mtu_bytes);
  // An interface has changed. True: it is one of ours, or one that ours depend on.
  bool OnLink(const std::string& name, int ifindex);
  // An address has come or gone, likewise.
  bool OnAddress(const kernel::Address& address);
  void RereadNext() { must_check_ = must_read_peers_ = true; }

  // All interfaces and addresses of this host.
  Outcome Apply(const WorkloadInterfaces& interfaces, const std::set<kernel::Address>& addresses);
  // The largest packet of a workload that fits into every encapsulation in use; 0: not known.
  int WorkloadMtu() const;
  // VXLAN devices that have an address and peers, as an OffloadCheck wants to hear of them.
  std::vector<OffloadCheck::Probe> Probes() const;
  // As Apply() left it.
  const TunnelLinks& links() const { return links_; }

 private:
  using Device = dataplane_api::TunnelDevice;
  // One of the two VXLAN devices.
  struct Vxlan {
    net::Family family;
    const char* name;
    int ifindex = 0;
    int mtu_bytes = 0;                                          // in effect; 0: not known
    std::map<net::Mac, net::Ip> forwarding, wanted_forwarding;  // MAC -> host
    std::map<net::Ip, net::Mac> neighbours, wanted_neighbours;
  };

  const std::optional<Device>& WantedVxlan(net::Family family) const;
  std::optional<net::Ip> OwnAddress(net::Family family) const;
  static int HolderOf(const std::optional<net::Ip>& ip, const std::set<kernel::Address>& addresses);

  Result<int> EnsureIpip(const std::set<kernel::Address>& addresses, Outcome& outcome);
  Result<int> EnsureVxlan(Vxlan& vxlan, int parent, const std::set<kernel::Address>& addresses,
                          Outcome& outcome);
  Mtu IpipMtu() const;
  Mtu VxlanMtu(net::Family family) const;
  int ApplyMtu(const kernel::Link& link, const Mtu& mtu, Outcome& outcome);
  // A pool asks for it, and the kernel has no such devices.
  Error Lacks(const char* encapsulation, const char* kind) const;
  void ComputePeers(Vxlan& vxlan) const;
  Status ReadPeers(Vxlan& vxlan);
  void WritePeers(Vxlan& vxlan, Outcome& outcome);

  kernel::Rtnetlink& rtnetlink_;
  dataplane_api::HostSettings host_;
  std::map<std::string, dataplane_api::RemoteHost> remotes_;
  int uplink_mtu_ = 0;
  TunnelLinks links_;
  std::array<int, 2> parents_{};  // of both families, up or not
  std::array<Vxlan, 2> vxlans_{Vxlan{net::Family::kV4, kVxlanInterface, 0, 0, {}, {}, {}, {}},
                               Vxlan{net::Family::kV6, kVxlanV6Interface, 0, 0, {}, {}, {}, {}}};
  int ipip_mtu_ = 0;                     // in effect
  std::optional<net::Ip> ipip_address_;  // that we gave to tunl0
  bool must_check_ = true;               // the devices
  bool must_read_peers_ = true;
  bool peers_changed_ = true;
};

// Removes the VXLAN devices and the pools' addresses of tunl0. For `calico-node clean`.
Status RemoveTunnels(kernel::Rtnetlink& rtnetlink);

}  // namespace calico::dataplane
