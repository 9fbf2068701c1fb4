// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "kernel/nftables.h"
#include "net/ip.h"

namespace calico::dataplane {

// The difference between the table we want and the one that the kernel has, in one family. Pure. Work follows
// the change: only what was touched since the last Applied() is compared.
//
// Why it is not trivial: a base chain's hook and a set's type cannot be changed in place, and a member cannot
// be deleted twice; when anything is in the way the whole table is made anew, still in one transaction.
class TableSync final {
 public:
  explicit TableSync(net::Family family) : family_(family) {}

  void SetChain(const std::string& name, kernel::nft::Chain chain);
  void RemoveChain(const std::string& name);
  void SetSet(const std::string& name, kernel::nft::Set set);
  void RemoveSet(const std::string& name);
  void SetMember(const std::string& set, kernel::nft::SetKey key,
                 std::optional<kernel::nft::Verdict> verdict = std::nullopt);
  void RemoveMember(const std::string& set, const kernel::nft::SetKey& key);
  void AddCounter(const std::string& name);

  // What the kernel has, from Nftables::Read(): everything is compared next time.
  void ReplaceActual(kernel::nft::TableContent actual);

  // New chains and sets, which no packet comes to yet. They go to the kernel in a transaction of their own
  // before PendingChanges(): a packet that is in our chains during a commit sees each chain as it was when it
  // came in, and a chain that is new as an empty one, but the new members of a map (nft_do_chain() in
  // net/netfilter/nf_tables_core.c reads the generation once, a lookup reads it again). No changes if there
  // is no such chain, or if the table has no packet in it yet.
  kernel::nft::Transaction PendingAdditions() const;
  void AdditionsApplied();
  // What brings the kernel where we want it; no changes when it is there.
  kernel::nft::Transaction PendingChanges() const;
  // The pending changes are in the kernel.
  void Applied();

  const kernel::nft::TableContent& desired() const { return desired_; }
  net::Family family() const { return family_; }

 private:
  bool NeedsRebuild() const;
  kernel::nft::Transaction Rebuild() const;
  // Names of chains, without base chains, and of sets that the kernel does not have.
  std::set<std::string> NewChains() const;
  std::set<std::string> NewSets() const;
  using Keys = std::set<kernel::nft::SetKey>;
  void AddSetChanges(const std::string& name, const Keys& keys, kernel::nft::Transaction& out) const;

  const net::Family family_;
  kernel::nft::TableContent desired_, actual_;
  std::set<std::string> dirty_chains_, dirty_counters_;
  std::map<std::string, Keys> dirty_members_;  // by set; an entry without keys: only whether it exists
};

}  // namespace calico::dataplane
