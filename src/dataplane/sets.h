// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/rule_rendering.h"
#include "dataplane/table_sync.h"
#include "dataplane_api/ip_set.h"
#include "net/cidr.h"
#include "net/ports.h"
#include "net/prefix_cover.h"

namespace calico::dataplane {

// ---- Sets whose content stands in a rule or in settings.

// Of prefixes that do not overlap: a hash set if all are single addresses.
kernel::nft::Set AddressSet(const std::vector<net::Cidr>& cover);
kernel::nft::Set PrefixSet(const std::vector<net::Cidr>& cover);
kernel::nft::Set PortSet(std::vector<net::PortRange> ranges);  // ranges that touch are joined

// ---- The members of calc's IP sets, in both tables.

// One IP set is, in each family, a hash set of its single addresses and, only if it has any, an interval set
// of its prefixes: the kernel builds an interval set anew at each change. A set of named ports is one hash
// set.
class IpSetTables final {
 public:
  using Tables = std::array<TableSync, 2>;
  explicit IpSetTables(Tables& tables) : tables_(tables) {}

  void Set(const std::string& id, const dataplane_api::IpSet& content);
  void Change(const std::string& id, const dataplane_api::IpSetDelta& delta);
  void Remove(const std::string& id);

  SetShape ShapeOf(const std::string& id, net::Family family) const;
  // Sets whose shape is another one since the last call: what refers to them must be rendered anew.
  std::set<std::string> TakeReshaped() { return std::exchange(reshaped_, {}); }

 private:
  struct State {
    std::array<net::PrefixCover, 2> prefixes;
  };
  void ChangeMember(const std::string& id, State& state, const net::Cidr& member, bool add);
  static std::size_t IndexOf(net::Family family) { return family == net::Family::kV4 ? 0 : 1; }
  TableSync& TableOf(net::Family family) { return tables_[IndexOf(family)]; }

  Tables& tables_;
  std::map<std::string, State> sets_;
  std::set<std::string> reshaped_;
};

}  // namespace calico::dataplane
