// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "kernel/rtnetlink.h"
#include "kernel/testing/call_script.h"
#include "kernel/testing/fake_monitor.h"

namespace calico::kernel::testing {

// Links, addresses, routes and neighbours in memory, with the kernel's rules as far as our code can meet
// them (rtnetlink_contract_test.cc runs one suite on both). Writes are logged as text: "create veth cali1
// temp1", "delete link cali1", "delete group 7", "set group cali1 7", "set link 3 up", "set mtu 3 1400",
// "replace route 254 10.65.0.1/32 metric 0", "delete route …", "replace neighbour 3 10.65.0.1", "delete
// neighbour …", "add address 3 10.65.0.1/32", "delete address …", "create vxlan vxlan.calico", "set mac 3
// 66:…", "replace fdb 3 66:…", "delete fdb …", "add rule 99", "delete rule 99"; reads fail under "list
// routes", "list links", "get link", "list addresses", "list neighbours", "list fdb", "list rules".
class FakeRtnetlink final : public Rtnetlink {
 public:
  FakeRtnetlink();  // has `lo`, up

  // What others do on a host. A link with index 0 gets the next free one; returns it.
  int AddLink(Link link);
  // Changes are told to it from now on. Must outlive this.
  void Announce(FakeMonitor* monitor) { monitors_.push_back(monitor); }
  CallScript& script() { return script_; }

  Result<std::map<RouteKey, Route>> ListRoutes(net::Family family, std::uint32_t table) override;
  Status ReplaceRoute(std::uint32_t table, const RouteKey& key, const Route& route) override;
  Status DeleteRoute(std::uint32_t table, const RouteKey& key, std::uint8_t protocol) override;

  Result<std::vector<Link>> ListLinks() override;
  Result<Link> GetLink(const std::string& name) override;
  Result<std::vector<Address>> ListAddresses() override;
  Status AddAddress(const Address& address) override;  // with the connected route, as the kernel does
  Status DeleteAddress(const Address& address) override;
  Status CreateVeth(const VethPair& pair) override;
  Status CreateLink(const NewLink& link) override;
  Result<bool> HasLinkKind(const std::string& kind) override { return !unknown_kinds_.contains(kind); }
  void ForgetKind(const std::string& kind) { unknown_kinds_.insert(kind); }  // as a kernel without it
  Status DeleteLink(const std::string& name) override;
  Status DeleteLinkGroup(std::uint32_t group) override;
  Status SetLinkGroup(const std::string& name, std::uint32_t group) override;
  Status SetLinkUp(int ifindex, bool up) override;
  Status SetLinkMtu(int ifindex, int mtu_bytes) override;
  Status SetLinkMac(int ifindex, const net::Mac& mac) override;

  Result<std::map<NeighbourKey, Neighbour>> ListNeighbours(net::Family family) override;
  Status ReplaceNeighbour(const NeighbourKey& key, const Neighbour& neighbour) override;
  Status DeleteNeighbour(const NeighbourKey& key) override;

  Result<std::map<FdbKey, net::Ip>> ListFdb(int ifindex) override;
  Status ReplaceFdb(const FdbKey& key, const net::Ip& remote_host) override;
  Status DeleteFdb(const FdbKey& key) override;

  Result<std::set<RoutingRule>> ListRules(net::Family family) override;
  Status AddRule(const RoutingRule& rule) override;
  Status DeleteRule(const RoutingRule& rule) override;

 private:
  using Routes = std::map<RouteKey, Route>;

  Link* FindLink(const std::string& name);
  Link* FindLink(int ifindex);
  void Erase(int ifindex);
  bool ForgetAddress(const Address& address);
  void DropRoutesVia(int ifindex);
  void UpdateCarrier(Link& link);
  void StoreRoute(std::uint32_t table, const RouteKey& key, const Route& route);
  bool GatewayIsOnLink(const net::Ip& gateway) const;
  template <typename Event>
  void Tell(const Event& event) {
    for (FakeMonitor* monitor : monitors_) monitor->Inject(event);
  }

  std::map<int, Link> links_;
  int next_ifindex_ = 1;  // an index is not used twice
  std::vector<Address> addresses_;
  std::map<std::uint32_t, Routes> tables_;
  std::map<NeighbourKey, Neighbour> neighbours_;
  std::map<FdbKey, net::Ip> fdb_;
  std::set<RoutingRule> rules_;
  std::vector<FakeMonitor*> monitors_;
  std::set<std::string> unknown_kinds_{"calico-nothing"};
  CallScript script_;
};

}  // namespace calico::kernel::testing
