// SPDX-License-Identifier: Apache-2.0
#include "calc/ip_set_index.h"

#include <algorithm>
#include <cstring>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"

namespace calico::calc {
namespace {

std::string TextOf(const model::Key& key) {
  return fmt::format("{}/{}/{}", static_cast<int>(key.kind), key.ns, key.name);
}

template <typename T>
std::vector<T> Sorted(std::vector<T> items) {
  std::sort(items.begin(), items.end());
  items.erase(std::unique(items.begin(), items.end()), items.end());
  return items;
}

// Interval sets have no room for a whole family (reference felix 1.5).
std::vector<net::Cidr> InHalves(const std::vector<net::Cidr>& addresses) {
  std::vector<net::Cidr> out;
  for (const net::Cidr& address : addresses) {
    if (address.prefix_length() > 0) {
      out.push_back(address);
      continue;
    }
    const net::Cidr low(address.ip(), 1);
    out.push_back(low);
    out.push_back(net::Cidr(low.Last().Plus(1), 1));
  }
  return Sorted(std::move(out));
}

template <typename T>
std::vector<T> Listed(std::set<T>& from) {
  std::vector<T> out(from.begin(), from.end());
  from.clear();
  return out;
}

// It becomes a member, or stops being one: in the end only one of the two sets has it.
template <typename T>
void Note(const T& member, std::set<T>& into, std::set<T>& undone) {
  if (undone.erase(member) == 0) into.insert(member);
}

bool Contains(std::span<const SelectorIndex::ItemId> items, SelectorIndex::ItemId item) {
  return std::binary_search(items.begin(), items.end(), item);
}

}  // namespace

std::size_t IpSetIndex::CidrHash::operator()(const net::Cidr& cidr) const {
  std::uint64_t hash = static_cast<std::uint64_t>(cidr.prefix_length());
  for (std::size_t i = 0; i < cidr.ip().size(); i += 4) {
    std::uint32_t word = 0;
    std::memcpy(&word, cidr.ip().bytes() + i, sizeof word);
    hash = (hash ^ word) * 0x9E3779B97F4A7C15ULL;
    hash ^= hash >> 32;
  }
  return hash;
}

IpSetIndex::IpSetIndex()
    : index_([this](const SelectorIndex::Transition& transition) { OnTransition(transition); }) {}

// ---- sources

void IpSetIndex::SetHolders(SourceId id, const std::vector<net::Cidr>& addresses, bool holds) {
  for (const net::Cidr& address : addresses) {
    if (holds) {
      holders_.emplace(address, id);
      continue;
    }
    for (auto [at, end] = holders_.equal_range(address); at != end; ++at) {
      if (at->second != id) continue;
      holders_.erase(at);
      break;
    }
  }
}

std::optional<IpSetIndex::SourceId> IpSetIndex::Find(const model::Key& key) const {
  const auto found = ids_.find(TextOf(key));
  return found == ids_.end() ? std::nullopt : std::optional(found->second);
}

IpSetIndex::SourceId IpSetIndex::SetSource(const model::Key& key, const model::Labels& labels,
                                           const std::vector<std::string>& profiles,
                                           std::vector<net::Cidr> addresses, std::vector<NamedPort> ports) {
  const auto [found, fresh] = ids_.try_emplace(TextOf(key), 0);
  if (fresh) {
    if (free_.empty()) {
      found->second = static_cast<SourceId>(sources_.size());
      sources_.emplace_back();
    } else {
      found->second = free_.back();
      free_.pop_back();
    }
  }
  const SourceId id = found->second;
  Source now{InHalves(addresses), std::move(ports)};
  Source& source = sources_[id];
  if (source.addresses != now.addresses || source.ports != now.ports) {
    // What stays goes and comes back, which is nothing.
    const auto selectors = index_.SelectorsOf(id);
    for (const SetId set : selectors) ChangeMembers(set, {&id, 1}, false);
    SetHolders(id, source.addresses, false);
    source = std::move(now);
    SetHolders(id, source.addresses, true);
    for (const SetId set : selectors) ChangeMembers(set, {&id, 1}, true);
  }
  index_.SetItem(id, labels, profiles);
  return id;
}

void IpSetIndex::RemoveSource(const model::Key& key) {
  const auto found = ids_.find(TextOf(key));
  if (found == ids_.end()) return;
  const SourceId id = found->second;
  index_.RemoveItem(id);
  SetHolders(id, sources_[id].addresses, false);
  sources_[id] = {};
  free_.push_back(id);
  ids_.erase(found);
}

// ---- sets

std::string IpSetIndex::UseSelector(const model::Selector& selector) {
  return Use("s-" + Sha256Hex(selector.text()).substr(0, 20), selector, "");
}
std::string IpSetIndex::UseNamedPort(const model::Selector& selector, const std::string& port) {
  return Use("p-" + Sha256Hex(port + "\n" + selector.text()).substr(0, 20), selector, port);
}

std::string IpSetIndex::Use(std::string id, const model::Selector& selector, const std::string& port) {
  const auto [found, fresh] = set_ids_.try_emplace(id, next_set_);
  SetState& set = sets_[found->second];
  ++set.users;
  if (!fresh) return id;
  ++next_set_;
  set.id = id;
  set.port = port;
  changed_.insert(found->second);
  index_.AddSelector(found->second, selector);
  return id;
}

void IpSetIndex::Release(const std::string& id) {
  const auto found = set_ids_.find(id);
  CHECK(found != set_ids_.end(), "a set in use is known");
  const SetId number = found->second;
  SetState& set = sets_.at(number);
  if (--set.users > 0) return;
  if (set.sent) gone_.insert(id);
  set.sent = false;  // its members' leaving is not news
  index_.RemoveSelector(number);
  sets_.erase(number);
  set_ids_.erase(found);
  changed_.erase(number);
}

// ---- members

void IpSetIndex::OnTransition(const SelectorIndex::Transition& transition) {
  std::vector<SourceId> items(transition.items.begin(), transition.items.end());
  std::sort(items.begin(), items.end());
  ChangeMembers(transition.selector, items, transition.matches);
}

void IpSetIndex::ChangeMembers(SetId id, std::span<const SourceId> items, bool add) {
  SetState& set = sets_.at(id);
  if (!set.sent) return;  // it will be sent whole
  changed_.insert(id);
  std::vector<net::Cidr> addresses;
  std::vector<net::AddressPort> ports;
  for (const SourceId item : items) {
    const Source& source = sources_[item];
    if (set.port.empty()) addresses.insert(addresses.end(), source.addresses.begin(), source.addresses.end());
    ForEachPort(set, source, [&](const net::AddressPort& port) { ports.push_back(port); });
  }
  for (const net::Cidr& address : Sorted(std::move(addresses))) {
    if (!HasAddress(id, address, items))
      Note(address, add ? set.added : set.removed, add ? set.removed : set.added);
  }
  for (const net::AddressPort& port : Sorted(std::move(ports))) {
    if (!HasPort(id, port, items))
      Note(port, add ? set.added_ports : set.removed_ports, add ? set.removed_ports : set.added_ports);
  }
}

bool IpSetIndex::HasAddress(SetId id, const net::Cidr& address, std::span<const SourceId> except) const {
  for (auto [at, end] = holders_.equal_range(address); at != end; ++at) {
    if (!Contains(except, at->second) && index_.Matches(id, at->second)) return true;
  }
  return false;
}
bool IpSetIndex::HasPort(SetId id, const net::AddressPort& port, std::span<const SourceId> except) const {
  for (auto [at, end] = holders_.equal_range(net::Cidr::Host(port.ip)); at != end; ++at) {
    if (Contains(except, at->second) || !index_.Matches(id, at->second)) continue;
    bool has = false;
    ForEachPort(sets_.at(id), sources_[at->second],
                [&](const net::AddressPort& other) { has = has || other == port; });
    if (has) return true;
  }
  return false;
}

template <typename Visit>
void IpSetIndex::ForEachPort(const SetState& set, const Source& source, const Visit& visit) {
  if (set.port.empty()) return;
  for (const NamedPort& port : source.ports) {
    if (port.name != set.port) continue;
    for (const net::Cidr& address : source.addresses) {
      if (address.is_host()) visit(net::AddressPort{address.ip(), port.protocol, port.port});
    }
  }
}

dataplane_api::IpSet IpSetIndex::Whole(SetId id, const SetState& set) const {
  dataplane_api::IpSet whole;
  whole.of_ports = !set.port.empty();
  index_.ForEachItem(id, [&](SourceId item) {
    const Source& source = sources_[item];
    if (set.port.empty())
      whole.members.insert(whole.members.end(), source.addresses.begin(), source.addresses.end());
    ForEachPort(set, source, [&](const net::AddressPort& port) { whole.ports.push_back(port); });
  });
  whole.members = Sorted(std::move(whole.members));
  whole.ports = Sorted(std::move(whole.ports));
  return whole;
}

void IpSetIndex::Flush(dataplane_api::Batch& batch) {
  for (const std::string& id : std::exchange(gone_, {})) batch.ip_sets[id] = nullptr;
  for (const SetId number : std::exchange(changed_, {})) {
    SetState& set = sets_.at(number);
    if (!std::exchange(set.sent, true)) {
      batch.ip_sets[set.id] = std::make_shared<const dataplane_api::IpSet>(Whole(number, set));
      continue;
    }
    const bool of_ports = !set.port.empty();
    dataplane_api::IpSetDelta delta{{Listed(set.added), Listed(set.added_ports), of_ports},
                                    {Listed(set.removed), Listed(set.removed_ports), of_ports}};
    if (!delta.empty()) batch.ip_set_deltas[set.id] = std::move(delta);
  }
}

}  // namespace calico::calc
