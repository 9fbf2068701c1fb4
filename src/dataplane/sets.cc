// SPDX-License-Identifier: Apache-2.0
#include "dataplane/sets.h"

#include <algorithm>
#include <utility>

namespace calico::dataplane {

using kernel::nft::Set;
using kernel::nft::SetType;

Set AddressSet(const std::vector<net::Cidr>& cover) {
  const bool single =
      std::all_of(cover.begin(), cover.end(), [](const auto& cidr) { return cidr.is_host(); });
  Set set = PrefixSet(cover);
  if (single) set.type = SetType::kAddresses;
  return set;
}
Set PrefixSet(const std::vector<net::Cidr>& cover) {
  Set set{SetType::kPrefixes, {}};
  for (const net::Cidr& cidr : cover) set.members.emplace(cidr, std::nullopt);
  return set;
}

Set PortSet(std::vector<net::PortRange> ranges) {
  std::sort(ranges.begin(), ranges.end());
  Set set{SetType::kPorts, {}};
  std::optional<net::PortRange> open;
  for (const net::PortRange& range : ranges) {
    if (open && range.first <= open->last + 1) {
      open->last = std::max(open->last, range.last);
      continue;
    }
    if (open) set.members.emplace(*open, std::nullopt);
    open = range;
  }
  if (open) set.members.emplace(*open, std::nullopt);
  return set;
}

// ---- IpSetTables

void IpSetTables::Set(const std::string& id, const dataplane_api::IpSet& content) {
  const bool known = sets_.contains(id);
  const std::array<bool, 2> had{known && !sets_[id].prefixes[0].empty(),
                                known && !sets_[id].prefixes[1].empty()};
  State& state = sets_[id] = {};
  std::array<kernel::nft::Set, 2> hashes, intervals;
  for (std::size_t i = 0; i < 2; ++i) {
    hashes[i].type = content.of_ports ? SetType::kAddressPorts : SetType::kAddresses;
    intervals[i].type = SetType::kPrefixes;
  }
  for (const net::Cidr& member : content.members) {
    const std::size_t i = IndexOf(member.family());
    if (member.is_host()) {
      hashes[i].members.emplace(member, std::nullopt);
      continue;
    }
    state.prefixes[i].Add(member, [&](const net::Cidr& prefix, bool shown) {
      if (shown)
        intervals[i].members.emplace(prefix, std::nullopt);
      else
        intervals[i].members.erase(prefix);
    });
  }
  for (const net::AddressPort& port : content.ports)
    hashes[IndexOf(port.ip.family())].members.emplace(port, std::nullopt);
  for (std::size_t i = 0; i < 2; ++i) {
    tables_[i].SetSet(id, std::move(hashes[i]));
    const bool has = !state.prefixes[i].empty();
    if (has)
      tables_[i].SetSet(PrefixSetName(id), std::move(intervals[i]));
    else if (had[i])
      tables_[i].RemoveSet(PrefixSetName(id));
    if (known && has != had[i]) reshaped_.insert(id);
  }
}

void IpSetTables::Change(const std::string& id, const dataplane_api::IpSetDelta& delta) {
  State& state = sets_.at(id);
  for (const net::Cidr& member : delta.removed.members) ChangeMember(id, state, member, false);
  for (const net::Cidr& member : delta.added.members) ChangeMember(id, state, member, true);
  for (const net::AddressPort& port : delta.removed.ports) TableOf(port.ip.family()).RemoveMember(id, port);
  for (const net::AddressPort& port : delta.added.ports) TableOf(port.ip.family()).SetMember(id, port);
}

void IpSetTables::ChangeMember(const std::string& id, State& state, const net::Cidr& member, bool add) {
  TableSync& table = TableOf(member.family());
  if (member.is_host()) {
    if (add)
      table.SetMember(id, member);
    else
      table.RemoveMember(id, member);
    return;
  }
  net::PrefixCover& cover = state.prefixes[IndexOf(member.family())];
  const bool had = !cover.empty();
  const std::string name = PrefixSetName(id);
  if (add && !had) {
    table.SetSet(name, PrefixSet({}));
    reshaped_.insert(id);
  }
  const auto write = [&](const net::Cidr& prefix, bool shown) {
    if (shown)
      table.SetMember(name, prefix);
    else
      table.RemoveMember(name, prefix);
  };
  if (add)
    cover.Add(member, write);
  else
    cover.Remove(member, write);
  if (had && cover.empty()) {
    table.RemoveSet(name);
    reshaped_.insert(id);
  }
}

void IpSetTables::Remove(const std::string& id) {
  const auto found = sets_.find(id);
  if (found == sets_.end()) return;
  for (std::size_t i = 0; i < 2; ++i) {
    tables_[i].RemoveSet(id);
    if (!found->second.prefixes[i].empty()) tables_[i].RemoveSet(PrefixSetName(id));
  }
  sets_.erase(found);
}

SetShape IpSetTables::ShapeOf(const std::string& id, net::Family family) const {
  const auto found = sets_.find(id);
  return {found != sets_.end() && !found->second.prefixes[IndexOf(family)].empty()};
}

}  // namespace calico::dataplane
