// SPDX-License-Identifier: Apache-2.0
#include "calc/label_index.h"

#include "base/check.h"
#include "base/text.h"

namespace calico::calc {
namespace {

// Part of an nf_tables set name; equal selectors of all nodes get equal names.
std::string IdOf(const model::Selector& selector) {
  return "s-" + Sha256Hex(selector.text()).substr(0, 20);
}

}  // namespace

void LabelIndex::Add(SetState& set, const std::vector<net::Ip>& ips) {
  for (const net::Ip& ip : ips) {
    if (++set.members[ip] > 1) continue;
    if (set.removed.erase(ip) == 0) set.added.insert(ip);
  }
}
void LabelIndex::Remove(SetState& set, const std::vector<net::Ip>& ips) {
  for (const net::Ip& ip : ips) {
    const auto member = set.members.find(ip);
    CHECK(member != set.members.end(), "an endpoint's address is in the sets that it matched");
    if (--member->second > 0) continue;
    set.members.erase(member);
    if (set.added.erase(ip) == 0) set.removed.insert(ip);
  }
}

void LabelIndex::SetEndpoint(const model::Key& endpoint, model::Labels labels, std::vector<net::Ip> ips) {
  Endpoint& entry = endpoints_[endpoint];
  for (auto& [id, set] : sets_) {
    const bool before = set.selector.Matches(entry.labels);
    const bool after = set.selector.Matches(labels);
    if (before && after && entry.ips == ips) continue;
    if (!before && !after) continue;
    // The new ones first: an address that stays is not taken out in between.
    if (after) Add(set, ips);
    if (before) Remove(set, entry.ips);
    changed_.insert(id);
  }
  entry = {std::move(labels), std::move(ips)};
}

void LabelIndex::RemoveEndpoint(const model::Key& endpoint) {
  const auto found = endpoints_.find(endpoint);
  if (found == endpoints_.end()) return;
  for (auto& [id, set] : sets_) {
    if (!set.selector.Matches(found->second.labels)) continue;
    Remove(set, found->second.ips);
    changed_.insert(id);
  }
  endpoints_.erase(found);
}

std::string LabelIndex::AddSelector(const model::Selector& selector) {
  const std::string id = IdOf(selector);
  auto [entry, fresh] = sets_.try_emplace(id, selector);
  SetState& set = entry->second;
  ++set.references;
  if (!fresh) return id;
  // A set that went away and came back within one batch is still in the dataplane; it gets its whole content
  // again.
  set.in_dataplane = gone_.erase(id) > 0;
  changed_.insert(id);
  for (const auto& [key, endpoint] : endpoints_) {
    if (selector.Matches(endpoint.labels)) Add(set, endpoint.ips);
  }
  return id;
}

void LabelIndex::RemoveSelector(const std::string& id) {
  const auto found = sets_.find(id);
  CHECK(found != sets_.end(), "a selector in use is known");
  if (--found->second.references > 0) return;
  if (found->second.sent || found->second.in_dataplane) gone_.insert(id);
  sets_.erase(found);
  changed_.erase(id);
}

void LabelIndex::Flush(dataplane_api::Batch& batch) {
  for (const std::string& id : gone_) batch.ip_sets[id] = nullptr;
  gone_.clear();
  for (const std::string& id : changed_) {
    SetState& set = sets_.at(id);
    if (!set.sent) {
      auto whole = std::make_shared<dataplane_api::IpSet>();
      for (const auto& [ip, count] : set.members) whole->members.insert(ip);
      batch.ip_sets[id] = std::move(whole);
      set.sent = true;
    } else if (!set.added.empty() || !set.removed.empty()) {
      batch.ip_set_deltas[id] = {set.added, set.removed};
    }
    set.added.clear();
    set.removed.clear();
  }
  changed_.clear();
}

}  // namespace calico::calc
