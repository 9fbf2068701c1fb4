// SPDX-License-Identifier: Apache-2.0
#include "dataplane/policy_tables.h"

#include <set>

#include "base/text.h"
#include "dataplane/names.h"
#include "dataplane/rule_rendering.h"

namespace calico::dataplane {

using kernel::nft::Set;
using kernel::nft::SetType;
using kernel::nft::Verdict;
using kernel::nft::VerdictKind;

namespace {

constexpr Direction kBoth[] = {Direction::kIngress, Direction::kEgress};
const char* DispatchOf(Direction direction) {
  return direction == Direction::kIngress ? kToDispatch : kFromDispatch;
}

kernel::nft::SetMember Member(const net::Ip& ip) {
  return {net::Cidr::Host(ip), std::nullopt};
}
std::string MemberKey(const net::Ip& ip) {
  return net::Cidr::Host(ip).ToString();
}

}  // namespace

void PolicyTables::OnBatch(const dataplane_api::Batch& batch) {
  if (batch.host) SetHost(*batch.host);
  for (const auto& [id, set] : batch.ip_sets) {
    if (set != nullptr) SetIpSet(id, *set);
  }
  for (const auto& [id, delta] : batch.ip_set_deltas) {
    for (const net::Ip& ip : delta.removed) TableOf(ip.family()).RemoveMember(id, MemberKey(ip));
    for (const net::Ip& ip : delta.added) TableOf(ip.family()).SetMember(id, MemberKey(ip), Member(ip));
  }
  for (const auto& [name, rules] : batch.profiles) {
    if (rules) SetProfile(name, *rules);
  }
  for (const auto& [name, endpoint] : batch.endpoints) {
    if (endpoint)
      SetEndpoint(name, *endpoint);
    else
      RemoveEndpoint(name);
  }
  // What others referred to goes last; within one transaction the order is free, but our own books need it.
  for (const auto& [name, rules] : batch.profiles) {
    if (rules) continue;
    for (TableSync& table : tables_) {
      for (const Direction direction : kBoth) table.RemoveChain(ProfileChainName(name, direction));
    }
  }
  for (const auto& [id, set] : batch.ip_sets) {
    if (set != nullptr) continue;
    for (TableSync& table : tables_) table.RemoveSet(id);
  }
}

void PolicyTables::SetHost(const dataplane_api::HostSettings& host) {
  for (TableSync& table : tables_) {
    for (const char* counter : kCounters) table.AddCounter(counter);
    const auto chains = RenderHostChains(host, table.family());
    for (const auto& [name, chain] : chains) table.SetChain(name, chain);
    if (!chains.contains(kNatChain)) table.RemoveChain(kNatChain);
    for (auto& [name, set] : RenderPoolSets(host, table.family())) table.SetSet(name, set);
    for (const Direction direction : kBoth) {
      if (!table.desired().sets.contains(DispatchOf(direction)))
        table.SetSet(DispatchOf(direction), Set{SetType::kVerdictByIfname, {}});
    }
  }
}

void PolicyTables::SetIpSet(const std::string& id, const dataplane_api::IpSet& set) {
  for (TableSync& table : tables_) {
    Set content{SetType::kAddresses, {}};
    for (const net::Ip& ip : set.members) {
      if (ip.family() == table.family()) content.members.emplace(MemberKey(ip), Member(ip));
    }
    table.SetSet(id, std::move(content));
  }
}

void PolicyTables::SetProfile(const std::string& name, const dataplane_api::ProfileRules& rules) {
  for (TableSync& table : tables_) {
    for (const Direction direction : kBoth) {
      table.SetChain(ProfileChainName(name, direction), RenderProfile(rules, direction, table.family()));
    }
  }
}

void PolicyTables::UseChains(const std::vector<std::string>& profiles) {
  if (++chain_users_[Join(profiles, "\n")] > 1) return;
  for (TableSync& table : tables_) {
    for (const Direction direction : kBoth) {
      table.SetChain(EndpointChainName(profiles, direction), RenderEndpointChain(profiles, direction));
    }
  }
}
void PolicyTables::ReleaseChains(const std::vector<std::string>& profiles) {
  const auto users = chain_users_.find(Join(profiles, "\n"));
  if (--users->second > 0) return;
  chain_users_.erase(users);
  for (TableSync& table : tables_) {
    for (const Direction direction : kBoth) table.RemoveChain(EndpointChainName(profiles, direction));
  }
}

void PolicyTables::SetEndpoint(const std::string& name, const dataplane_api::Endpoint& endpoint) {
  UseChains(endpoint.profiles);
  ++interface_users_[endpoint.interface_name];
  RemoveEndpoint(name);
  for (TableSync& table : tables_) {
    for (const Direction direction : kBoth) {
      const Verdict verdict{VerdictKind::kGoto, EndpointChainName(endpoint.profiles, direction)};
      table.SetMember(DispatchOf(direction), endpoint.interface_name, {endpoint.interface_name, verdict});
    }
  }
  endpoints_.insert_or_assign(name, endpoint);
}

void PolicyTables::RemoveEndpoint(const std::string& name) {
  const auto found = endpoints_.find(name);
  if (found == endpoints_.end()) return;
  const std::string& interface = found->second.interface_name;
  if (--interface_users_[interface] == 0) {
    interface_users_.erase(interface);
    for (TableSync& table : tables_) {
      for (const Direction direction : kBoth) table.RemoveMember(DispatchOf(direction), interface);
    }
  }
  ReleaseChains(found->second.profiles);
  endpoints_.erase(found);
}

Result<PolicyTables::Outcome> PolicyTables::Apply() {
  if (must_read_) {
    for (TableSync& table : tables_) {
      ASSIGN_OR_RETURN(kernel::nft::TableContent actual, nftables_.Read(table.family()));
      table.ReplaceActual(std::move(actual));
    }
    must_read_ = false;
  }
  std::vector<kernel::nft::Transaction> transactions;
  for (const TableSync& table : tables_) {
    kernel::nft::Transaction changes = table.PendingChanges();
    if (!changes.changes.empty()) transactions.push_back(std::move(changes));
  }
  if (!transactions.empty()) {
    if (Status status = nftables_.Apply(transactions); !status.has_value()) {
      must_read_ = true;  // whatever was in the way, we see it next time
      return std::move(status).error();
    }
  }
  for (TableSync& table : tables_) table.Applied();
  return Outcome{!transactions.empty()};
}

}  // namespace calico::dataplane
