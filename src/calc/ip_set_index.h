// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "calc/selector_index.h"
#include "dataplane_api/updates.h"
#include "model/key.h"
#include "net/cidr.h"

namespace calico::calc {

struct NamedPort {
  std::string name;
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  bool operator==(const NamedPort&) const = default;
};

// The members of all IP sets in use: the addresses, or named ports, of what each set's selector matches in
// the whole cluster. An address that two sources have for a moment, as when a container moves, stays until
// the last one goes. Members are not stored: whether one is in a set follows from the sources.
class IpSetIndex final {
 public:
  IpSetIndex();

  using SourceId = SelectorIndex::ItemId;

  // An endpoint or a network set. Its number stays while it is there.
  SourceId SetSource(const model::Key& key, const model::Labels& labels,
                     const std::vector<std::string>& profiles, std::vector<net::Cidr> addresses,
                     std::vector<NamedPort> ports);
  void RemoveSource(const model::Key& key);
  std::optional<SourceId> Find(const model::Key& key) const;
  const std::vector<net::Cidr>& AddressesOf(SourceId id) const { return sources_[id].addresses; }
  bool HasHolder(const net::Cidr& address) const { return holders_.contains(address); }
  template <typename Visit>  // visit(SourceId)
  void ForEachHolder(const net::Cidr& address, const Visit& visit) const {
    for (auto [at, end] = holders_.equal_range(address); at != end; ++at) visit(at->second);
  }
  template <typename Visit>  // visit(net::Cidr), once for each holder
  void ForEachHeld(const Visit& visit) const {
    for (const auto& [address, holder] : holders_) visit(address);
  }
  void SetParent(const std::string& profile, const model::Labels& labels) {
    index_.SetParent(profile, labels);
  }

  // Counted: each use needs its Release. The same selector has the same id on every host.
  std::string UseSelector(const model::Selector& selector);
  std::string UseNamedPort(const model::Selector& selector, const std::string& port);
  void Release(const std::string& id);

  // What changed since the last call, as the dataplane wants it: new sets whole, others as deltas.
  void Flush(dataplane_api::Batch& batch);

 private:
  using SetId = SelectorIndex::SelectorId;
  struct Source {
    std::vector<net::Cidr> addresses;
    std::vector<NamedPort> ports;
  };
  struct SetState {
    std::string id;
    std::string port;  // of named ports; empty: addresses
    int users = 0;
    bool sent = false;  // as a whole, since it came into use
    // Since the last flush; the other one does not hold it.
    std::set<net::Cidr> added, removed;
    std::set<net::AddressPort> added_ports, removed_ports;
  };

  std::string Use(std::string id, const model::Selector& selector, const std::string& port);
  void OnTransition(const SelectorIndex::Transition& transition);
  // All of what the items (sorted) have becomes a part of the set, or stops being one.
  void ChangeMembers(SetId id, std::span<const SourceId> items, bool add);
  // Whether another source gives the set this member as well.
  bool HasAddress(SetId id, const net::Cidr& address, std::span<const SourceId> except) const;
  bool HasPort(SetId id, const net::AddressPort& port, std::span<const SourceId> except) const;
  template <typename Visit>
  static void ForEachPort(const SetState& set, const Source& source, const Visit& visit);
  dataplane_api::IpSet Whole(SetId id, const SetState& set) const;
  void SetHolders(SourceId id, const std::vector<net::Cidr>& addresses, bool holds);

  SelectorIndex index_;
  std::unordered_map<std::string, SourceId> ids_;  // by key
  std::vector<Source> sources_;
  std::vector<SourceId> free_;
  struct CidrHash {
    std::size_t operator()(const net::Cidr& cidr) const;
  };
  std::unordered_multimap<net::Cidr, SourceId, CidrHash> holders_;
  std::unordered_map<SetId, SetState> sets_;
  std::unordered_map<std::string, SetId> set_ids_;
  SetId next_set_ = 0;
  std::set<SetId> changed_;
  std::set<std::string> gone_;  // that the dataplane has and nothing uses any more
};

}  // namespace calico::calc
