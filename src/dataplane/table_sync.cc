// SPDX-License-Identifier: Apache-2.0
#include "dataplane/table_sync.h"

namespace calico::dataplane {

using namespace kernel::nft;

namespace {

template <typename Map>
const typename Map::mapped_type* Find(const Map& map, const std::string& key) {
  const auto found = map.find(key);
  return found == map.end() ? nullptr : &found->second;
}

const std::optional<Verdict>* Find(const Set& set, const SetKey& key) {
  const auto found = set.members.find(key);
  return found == set.members.end() ? nullptr : &found->second;
}

void Copy(const Set& from, Set& to, const SetKey& key) {
  if (const auto* verdict = Find(from, key))
    to.members.insert_or_assign(key, *verdict);
  else
    to.members.erase(key);
}

}  // namespace

void TableSync::SetChain(const std::string& name, Chain chain) {
  desired_.chains.insert_or_assign(name, std::move(chain));
  dirty_chains_.insert(name);
}
void TableSync::RemoveChain(const std::string& name) {
  desired_.chains.erase(name);
  dirty_chains_.insert(name);
}
void TableSync::SetSet(const std::string& name, Set set) {
  Keys& dirty = dirty_members_[name];
  for (const auto& [key, verdict] : set.members) dirty.insert(key);
  for (const TableContent* content : {&desired_, &actual_}) {
    if (const Set* old = Find(content->sets, name)) {
      for (const auto& [key, verdict] : old->members) dirty.insert(key);
    }
  }
  desired_.sets.insert_or_assign(name, std::move(set));
}
void TableSync::RemoveSet(const std::string& name) {
  desired_.sets.erase(name);
  dirty_members_[name];
}
void TableSync::SetMember(const std::string& set, SetKey key, std::optional<Verdict> verdict) {
  dirty_members_[set].insert(key);
  desired_.sets[set].members.insert_or_assign(std::move(key), std::move(verdict));
}
void TableSync::RemoveMember(const std::string& set, const SetKey& key) {
  desired_.sets[set].members.erase(key);
  dirty_members_[set].insert(key);
}
void TableSync::AddCounter(const std::string& name) {
  desired_.counters[name] = {};
  dirty_counters_.insert(name);
}

void TableSync::ReplaceActual(TableContent actual) {
  actual_ = std::move(actual);
  for (const TableContent* content : {&desired_, &actual_}) {
    for (const auto& [name, chain] : content->chains) dirty_chains_.insert(name);
    for (const auto& [name, value] : content->counters) dirty_counters_.insert(name);
    for (const auto& [name, set] : content->sets) {
      Keys& dirty = dirty_members_[name];
      for (const auto& [key, verdict] : set.members) dirty.insert(key);
    }
  }
}

bool TableSync::NeedsRebuild() const {
  for (const std::string& name : dirty_chains_) {
    const Chain* want = Find(desired_.chains, name);
    const Chain* have = Find(actual_.chains, name);
    if (want != nullptr && have != nullptr && want->base != have->base) return true;
  }
  for (const auto& [name, keys] : dirty_members_) {
    const Set* want = Find(desired_.sets, name);
    const Set* have = Find(actual_.sets, name);
    if (want != nullptr && have != nullptr && want->type != have->type) return true;
  }
  return false;
}

Transaction TableSync::Rebuild() const {
  Transaction out{family_, {DeleteTable{}, AddTable{}}};
  for (const auto& [name, value] : desired_.counters) out.changes.push_back(kernel::nft::AddCounter{name});
  for (const auto& [name, chain] : desired_.chains) out.changes.push_back(kernel::nft::SetChain{name, chain});
  for (const auto& [name, set] : desired_.sets) {
    out.changes.push_back(AddSet{name, set.type});
    for (const auto& [key, verdict] : set.members)
      out.changes.push_back(AddMember{name, set.type, {key, verdict}});
  }
  return out;
}

void TableSync::AddSetChanges(const std::string& name, const Keys& keys, Transaction& out) const {
  const Set* want = Find(desired_.sets, name);
  const Set* have = Find(actual_.sets, name);
  if (want == nullptr) {
    if (have != nullptr) out.changes.push_back(DeleteSet{name});
    return;
  }
  if (have == nullptr) {
    out.changes.push_back(AddSet{name, want->type});
    for (const auto& [key, verdict] : want->members)
      out.changes.push_back(AddMember{name, want->type, {key, verdict}});
    return;
  }
  for (const SetKey& key : keys) {
    const auto* wanted = Find(*want, key);
    const auto* held = Find(*have, key);
    if (wanted != nullptr && held != nullptr && *wanted == *held) continue;
    if (held != nullptr) out.changes.push_back(DeleteMember{name, have->type, {key, *held}});
    if (wanted != nullptr) out.changes.push_back(AddMember{name, want->type, {key, *wanted}});
  }
}

std::set<std::string> TableSync::NewChains() const {
  std::set<std::string> names;
  for (const std::string& name : dirty_chains_) {
    const Chain* want = Find(desired_.chains, name);
    if (want != nullptr && !want->base && Find(actual_.chains, name) == nullptr) names.insert(name);
  }
  return names;
}
std::set<std::string> TableSync::NewSets() const {
  std::set<std::string> names;
  for (const auto& [name, keys] : dirty_members_) {
    if (Find(desired_.sets, name) != nullptr && Find(actual_.sets, name) == nullptr) names.insert(name);
  }
  return names;
}

Transaction TableSync::PendingAdditions() const {
  Transaction out{family_, {}};
  if (actual_.chains.empty() || NeedsRebuild()) return out;
  const std::set<std::string> chains = NewChains();
  if (chains.empty()) return out;
  for (const std::string& name : dirty_counters_) {
    if (desired_.counters.contains(name) && !actual_.counters.contains(name))
      out.changes.push_back(kernel::nft::AddCounter{name});
  }
  for (const std::string& name : NewSets()) AddSetChanges(name, {}, out);
  for (const std::string& name : chains)
    out.changes.push_back(kernel::nft::SetChain{name, desired_.chains.at(name)});
  return out;
}
void TableSync::AdditionsApplied() {
  for (const std::string& name : NewSets()) actual_.sets[name] = desired_.sets.at(name);
  for (const std::string& name : NewChains()) actual_.chains[name] = desired_.chains.at(name);
  for (const auto& [name, value] : desired_.counters) actual_.counters.try_emplace(name, value);
}

Transaction TableSync::PendingChanges() const {
  if (NeedsRebuild()) return Rebuild();
  Transaction out{family_, {}};
  for (const std::string& name : dirty_counters_) {
    const bool want = desired_.counters.contains(name), have = actual_.counters.contains(name);
    if (want && !have) out.changes.push_back(kernel::nft::AddCounter{name});
    if (have && !want) out.changes.push_back(DeleteCounter{name});
  }
  for (const auto& [name, keys] : dirty_members_) AddSetChanges(name, keys, out);
  for (const std::string& name : dirty_chains_) {
    const Chain* want = Find(desired_.chains, name);
    const Chain* have = Find(actual_.chains, name);
    if (want == nullptr && have != nullptr) out.changes.push_back(DeleteChain{name});
    if (want != nullptr && (have == nullptr || *want != *have))
      out.changes.push_back(kernel::nft::SetChain{name, *want});
  }
  // Fine if it exists: an empty one reads like none.
  if (!out.changes.empty() && actual_.chains.empty()) out.changes.push_back(AddTable{});
  return out;
}

void TableSync::Applied() {
  for (const std::string& name : dirty_chains_) {
    if (const Chain* chain = Find(desired_.chains, name))
      actual_.chains.insert_or_assign(name, *chain);
    else
      actual_.chains.erase(name);
  }
  for (const auto& [name, keys] : dirty_members_) {
    const Set* set = Find(desired_.sets, name);
    if (set == nullptr) {
      actual_.sets.erase(name);
    } else if (!actual_.sets.contains(name)) {
      actual_.sets[name] = *set;
    } else {
      actual_.sets[name].type = set->type;
      for (const SetKey& key : keys) Copy(*set, actual_.sets[name], key);
    }
  }
  actual_.counters = desired_.counters;
  dirty_chains_.clear();
  dirty_members_.clear();
  dirty_counters_.clear();
}

}  // namespace calico::dataplane
