// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "calc/cluster_state.h"
#include "calc/encapsulation.h"
#include "calc/ip_set_index.h"
#include "dataplane_api/remote.h"
#include "net/cidr.h"

namespace calico::calc {

// The routes to other hosts that the agent programs (reference felix 3.3): each block goes to the host that
// has claimed it, and each address that is in use on another host than its block's goes there.
//
// Where addresses are is read from endpoints and nodes, not from the blocks' own lists: a host need not hear
// of every allocation in the cluster, and addresses without a recorded owner (Calico 2.6) are found as well.
// While the agent programs no pool's routes, nothing of this costs anything.
class RemoteRoutes final {
 public:
  // Both must outlive it; `addresses` has what SetEndpoint() is told of.
  RemoteRoutes(const ClusterState& cluster, const IpSetIndex& addresses)
      : cluster_(cluster), addresses_(addresses) {}

  // An endpoint of any host: `addresses` has it already, or still.
  void SetEndpoint(IpSetIndex::SourceId id, const std::string& node);
  void RemoveEndpoint(IpSetIndex::SourceId id);
  // After the cluster's state has changed in one of its parts.
  void OnBlock(const net::Cidr& block);
  void OnNode(const std::string& name);
  void OnAnything() { everything_ = true; }

  // Changes since the last call.
  void Flush(std::map<net::Cidr, std::optional<dataplane_api::RemoteRoute>>& out);
  const std::map<std::string, dataplane_api::RemoteHost>& hosts() const { return hosts_; }
  // Blocks that no route can lead to, one sentence each.
  std::vector<std::string> Problems() const;

 private:
  using Route = dataplane_api::RemoteRoute;
  static constexpr std::uint32_t kNowhere = 0;
  struct Pool {
    std::string name;
    net::Cidr cidr;
    PoolEncapsulation encapsulation;
    bool ours = false;  // we program its routes
  };

  std::uint32_t NumberOf(const std::string& node);
  void Touch(const net::Cidr& destination);
  void TouchAddresses(IpSetIndex::SourceId id);
  void TouchEverything();
  void ReadSettings();
  const Pool* PoolOf(const net::Cidr& destination) const;
  bool Encrypts(net::Family family) const {
    return family == net::Family::kV4 ? wireguard_v4_ : wireguard_v6_;
  }
  // The host of an address; nullptr: nobody has it.
  const std::string* HolderOf(const net::Ip& ip) const;
  const std::string* BlockHost(const net::Cidr& block) const;
  std::optional<net::Cidr> BlockOf(const net::Ip& ip) const;
  // Where a destination of its own leads to; nullptr: it needs none.
  const std::string* OwnerOf(const net::Cidr& destination) const;
  std::optional<Route> RouteTo(const net::Cidr& destination);

  const ClusterState& cluster_;
  const IpSetIndex& addresses_;
  std::vector<std::string> nodes_{""};  // by number
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::vector<std::uint32_t> node_of_;  // by source
  std::map<std::string, dataplane_api::RemoteHost> hosts_;
  std::map<net::Ip, std::set<std::string>> tunnel_addresses_;
  std::map<std::string, std::set<net::Ip>> tunnel_addresses_of_;
  std::set<std::pair<net::Family, int>> lengths_;         // of blocks, also of former ones
  std::map<std::string, std::set<net::Cidr>> routes_of_;  // sent, by node
  std::map<net::Cidr, Route> sent_;
  std::map<net::Cidr, std::string> unreachable_;
  std::set<net::Cidr> dirty_;
  bool everything_ = true;
  // As of the last time that everything was looked at.
  bool active_ = false;
  std::vector<Pool> pools_;
  std::optional<net::Cidr> subnet_v4_, subnet_v6_;    // of this host
  bool wireguard_v4_ = false, wireguard_v6_ = false;  // in use on this host
};

}  // namespace calico::calc
