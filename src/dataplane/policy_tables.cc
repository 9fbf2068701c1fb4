// SPDX-License-Identifier: Apache-2.0
#include "dataplane/policy_tables.h"

#include <algorithm>
#include <utility>

#include "base/text.h"
#include "dataplane/names.h"

namespace calico::dataplane {

using kernel::nft::Chain;
using kernel::nft::Set;
using kernel::nft::SetType;
using kernel::nft::Verdict;
using kernel::nft::VerdictKind;

namespace {

// Of the one direction and way, the map from workloads' interfaces.
const char* DispatchOf(Direction direction, Way way) {
  if (direction == Direction::kIngress) return way == Way::kOriginal ? kToDispatch : kToDispatchReply;
  return way == Way::kOriginal ? kFromDispatch : kFromDispatchReply;
}
constexpr std::uint32_t kHighestGeneration = kGenerationMask >> kGenerationShift;

}  // namespace

std::vector<Way> PolicyTables::Ways() const {
  if (host_.settings.recheck_flows) return {Way::kOriginal, Way::kReply};
  return {Way::kOriginal};
}

void PolicyTables::OnBatch(const dataplane_api::Batch& batch) {
  if (batch.host && (!std::exchange(host_known_, true) || host_.settings != *batch.host))
    SetHost(*batch.host);
  for (const auto& [id, set] : batch.ip_sets) {
    if (set != nullptr) ip_sets_.Set(id, *set);
  }
  for (const auto& [id, delta] : batch.ip_set_deltas) ip_sets_.Change(id, delta);
  std::set<UnitKey> reshaped;
  for (const std::string& id : ip_sets_.TakeReshaped()) {
    if (const auto users = units_of_sets_.find(id); users != units_of_sets_.end())
      reshaped.insert(users->second.begin(), users->second.end());
  }
  for (const auto& [id, rules] : batch.policies) {
    if (rules) SetUnit({false, id}, *rules);
    reshaped.erase({false, id});
  }
  for (const auto& [name, rules] : batch.profiles) {
    if (rules) SetUnit({true, name}, *rules);
    reshaped.erase({true, name});
  }
  for (const UnitKey& key : reshaped) RenderUnit(key, units_.at(key));
  for (const auto& [name, endpoint] : batch.endpoints) {
    if (endpoint)
      SetWorkload(name, *endpoint);
    else
      RemoveWorkload(name);
  }
  for (const auto& [name, endpoint] : batch.host_endpoints) {
    if (endpoint)
      SetHostEndpoint(name, *endpoint);
    else
      RemoveHostEndpoint(name);
  }
  if (!batch.host_endpoints.empty()) RenderHostDispatch();
  for (const auto& [name, remote] : batch.hosts) SetRemoteHost(name, remote);
  if (std::exchange(floating_changed_, false)) PointFloatingIps();
  // What others referred to goes last; within one transaction the order is free, but our own books need it.
  for (const auto& [id, rules] : batch.policies) {
    if (!rules) RemoveUnit({false, id});
  }
  for (const auto& [name, rules] : batch.profiles) {
    if (!rules) RemoveUnit({true, name});
  }
  for (const auto& [id, set] : batch.ip_sets) {
    if (set == nullptr) ip_sets_.Remove(id);
  }
}

// ---- The host.

void PolicyTables::SetHost(const dataplane_api::HostSettings& settings) {
  const dataplane_api::HostSettings old = std::exchange(host_.settings, settings);
  for (TableSync& table : tables_) {
    for (const char* counter : kCounters) table.AddCounter(counter);
    for (auto& [name, set] : RenderHostSets(settings, table.family())) table.SetSet(name, set);
    const auto add = [&](const char* set, SetType type) {
      if (!table.desired().sets.contains(set)) table.SetSet(set, Set{type, {}});
    };
    for (const Direction direction : kBothDirections) {
      for (const Way way : kBothWays) add(DispatchOf(direction, way), SetType::kVerdictByIfname);
    }
    for (const char* map : {kMacDispatch, kSpoofDispatch}) add(map, SetType::kVerdictByIfname);
    add(kWorkloadMacs, SetType::kInterfaceMacs);
    add(kAllHosts, SetType::kAddresses);
  }
  const auto rendered_from = [](const dataplane_api::HostSettings& s) {
    return std::tuple(s.recheck_flows, s.drop_invalid, s.allow_vxlan_from_workloads,
                      s.allow_ipip_from_workloads, s.vxlan_port, s.log_prefix);
  };
  if (rendered_from(old) != rendered_from(settings)) RenderAllAnew();
  RenderHostDispatch();
}

// What stands in every policy or endpoint has changed.
void PolicyTables::RenderAllAnew() {
  for (auto& [key, unit] : units_) RenderUnit(key, unit);
  // Without users nothing is left of the shared chains.
  const auto workloads = workloads_;
  const auto hosts = host_endpoints_;
  for (const auto& [name, workload] : workloads) RemoveWorkload(name);
  for (const auto& [name, host] : hosts) RemoveHostEndpoint(name);
  for (const auto& [name, workload] : workloads) SetWorkload(name, workload.endpoint);
  for (const auto& [name, host] : hosts) SetHostEndpoint(name, host.endpoint);
}

void PolicyTables::SetRemoteHost(const std::string& name,
                                 const std::optional<dataplane_api::RemoteHost>& remote) {
  std::set<net::Ip>& addresses = remote_addresses_[name];
  const auto change = [&](const net::Ip& ip, bool add) {
    int& users = remote_users_[ip];
    users += add ? 1 : -1;
    const kernel::nft::SetKey key(net::Cidr::Host(ip));
    if (add && users == 1) TableOf(ip.family()).SetMember(kAllHosts, key);
    if (users > 0) return;
    TableOf(ip.family()).RemoveMember(kAllHosts, key);
    remote_users_.erase(ip);
  };
  const std::set<net::Ip> before = std::exchange(addresses, {});
  for (const auto& ip : {remote ? remote->ipv4 : std::nullopt, remote ? remote->ipv6 : std::nullopt}) {
    if (ip) addresses.insert(*ip);
  }
  for (const net::Ip& ip : addresses) change(ip, true);
  for (const net::Ip& ip : before) change(ip, false);
  if (addresses.empty()) remote_addresses_.erase(name);
}

// Of several that claim one outer address the workload with the smallest inner one has it (reference felix
// 3.5).
void PolicyTables::PointFloatingIps() {
  std::map<net::Ip, net::Ip> floating_ips;
  for (const std::string& name : with_floating_ips_) {
    for (const dataplane_api::FloatingIp& one : workloads_.at(name).endpoint.floating_ips) {
      const auto [known, fresh] = floating_ips.try_emplace(one.external, one.internal);
      if (!fresh) known->second = std::min(known->second, one.internal);
    }
  }
  host_.floating_ips = std::move(floating_ips);
  RenderHost();
}

void PolicyTables::RenderHost() {
  for (TableSync& table : tables_) {
    std::set<std::string> names;
    for (auto& [name, chain] : RenderHostChains(host_, table.family())) {
      names.insert(name);
      const auto known = table.desired().chains.find(name);
      if (known == table.desired().chains.end() || known->second != chain) table.SetChain(name, chain);
    }
    std::set<std::string>& before = host_chains_[IndexOf(table.family())];
    for (const std::string& name : before) {
      if (!names.contains(name)) table.RemoveChain(name);
    }
    before = std::move(names);
  }
}

void PolicyTables::SetHostInterfaces(std::map<std::string, std::string> interfaces) {
  if (host_interfaces_ == interfaces) return;
  host_interfaces_ = std::move(interfaces);
  RenderHostDispatch();
}

// Which ways lead to which chains of host endpoints, and the host's chains that use them.
void PolicyTables::RenderHostDispatch() {
  std::map<HostDispatch, std::map<std::string, std::string>> maps;
  host_.host_endpoints.clear();
  for (const auto& [interface, name] : host_interfaces_) {
    const auto host = host_endpoints_.find(name);
    if (host == host_endpoints_.end()) continue;
    for (const auto& [dispatch, chain] : host->second.entry) {
      if (interface == "*" && dispatch.stage == Stage::kUntracked) continue;  // reference felix 2.11
      maps[dispatch];
      auto& wildcard = host_.host_endpoints[dispatch];
      if (interface == "*")
        wildcard = chain;
      else
        maps[dispatch][interface] = chain;
    }
  }
  // An interface with a host endpoint of its own is none of the business of "*", whatever its own one does.
  for (auto& [dispatch, chains] : maps) {
    if (!host_.host_endpoints[dispatch]) continue;
    for (const auto& [interface, name] : host_interfaces_) {
      if (interface != "*" && host_endpoints_.contains(name)) chains.try_emplace(interface, kLeftAloneChain);
    }
  }
  std::set<std::string> names;
  for (const auto& [dispatch, chains] : maps) {
    Set map{SetType::kVerdictByIfname, {}};
    for (const auto& [interface, chain] : chains) map.members[interface] = Verdict{VerdictKind::kGoto, chain};
    const std::string name = HostDispatchName(dispatch);
    names.insert(name);
    for (TableSync& table : tables_) {
      const auto known = table.desired().sets.find(name);
      if (known == table.desired().sets.end() || known->second != map) table.SetSet(name, map);
    }
  }
  for (const std::string& name : host_maps_) {
    if (names.contains(name)) continue;
    for (TableSync& table : tables_) table.RemoveSet(name);
  }
  host_maps_ = std::move(names);
  RenderHost();
}

void PolicyTables::NewGeneration() {
  if (!host_.settings.recheck_flows) return;
  host_.generation = host_.generation % kHighestGeneration + 1;
  RenderHost();
}

// ---- Policies and profiles.

void PolicyTables::SetUnit(const UnitKey& key, const dataplane_api::Rules& rules) {
  Unit& unit = units_[key];
  unit.rules = rules;
  unit.profile = key.first;
  RenderUnit(key, unit);
}

std::string PolicyTables::ChainNameOf(const UnitKey& key, Direction direction, Way way) {
  return key.first ? ProfileChainName(key.second, direction, way)
                   : PolicyChainName(key.second, direction, way);
}

void PolicyTables::RenderUnit(const UnitKey& key, Unit& unit) {
  const auto old_literals = std::exchange(unit.literals, {});
  for (const std::string& id : std::exchange(unit.ip_sets, {})) {
    units_of_sets_[id].erase(key);
    if (units_of_sets_[id].empty()) units_of_sets_.erase(id);
  }
  for (TableSync& table : tables_) {
    for (const Way way : Ways()) {
      RuleContext context;
      context.family = table.family();
      context.way = way;
      context.profile = unit.profile;
      context.log_prefix = host_.settings.log_prefix;
      context.shape = [&](const std::string& id) { return ip_sets_.ShapeOf(id, table.family()); };
      for (const Direction direction : kBothDirections) {
        if (!unit_users_.contains({key, direction})) continue;
        RenderedRules rendered = RenderRules(unit.rules, direction, context);
        UseLiterals(table.family(), rendered.literals, unit.literals[IndexOf(table.family())]);
        unit.ip_sets.merge(rendered.ip_sets);
        table.SetChain(ChainNameOf(key, direction, way), std::move(rendered.chain));
      }
    }
    for (const Direction direction : kBothDirections) {
      for (const Way way : kBothWays) {
        if (unit_users_.contains({key, direction}) && (way == Way::kOriginal || host_.settings.recheck_flows))
          continue;
        const std::string name = ChainNameOf(key, direction, way);
        if (table.desired().chains.contains(name)) table.RemoveChain(name);
      }
    }
    ReleaseLiterals(table.family(), old_literals[IndexOf(table.family())]);
  }
  for (const std::string& id : unit.ip_sets) units_of_sets_[id].insert(key);
}

void PolicyTables::RemoveUnit(const UnitKey& key) {
  const auto found = units_.find(key);
  if (found == units_.end()) return;
  for (TableSync& table : tables_) {
    for (const Way way : kBothWays) {
      for (const Direction direction : kBothDirections) {
        const std::string name = ChainNameOf(key, direction, way);
        if (table.desired().chains.contains(name)) table.RemoveChain(name);
      }
    }
    ReleaseLiterals(table.family(), found->second.literals[IndexOf(table.family())]);
  }
  for (const std::string& id : found->second.ip_sets) {
    units_of_sets_[id].erase(key);
    if (units_of_sets_[id].empty()) units_of_sets_.erase(id);
  }
  units_.erase(found);
}

// ---- Endpoints.

void PolicyTables::SetWorkload(const std::string& name, const dataplane_api::Endpoint& endpoint) {
  Workload workload{endpoint, {}, {}, {}};
  for (const Way way : Ways()) {
    for (const Direction direction : kBothDirections) {
      const bool ingress = direction == Direction::kIngress;
      workload.entry[{direction, way}] =
          UseEndpointChains(
              {Stage::kWorkload, direction, ingress ? endpoint.policies.ingress : endpoint.policies.egress,
               endpoint.profiles, false},
              way, workload.chains)
              .endpoint;
    }
  }
  if (!endpoint.spoofable.empty()) {
    std::string content;
    for (const net::Cidr& net : endpoint.spoofable) content += net.ToString() + ",";
    workload.spoof_chain = "cali-sp-" + Sha256Hex(content).substr(0, 16);
    if (++spoof_users_[workload.spoof_chain] == 1) {
      for (TableSync& table : tables_) {
        std::vector<net::Cidr> sources = endpoint.spoofable;
        std::erase_if(sources, [&](const net::Cidr& net) { return net.family() != table.family(); });
        std::map<std::string, Set> literals;
        table.SetChain(workload.spoof_chain, RenderSpoofable(sources, literals));
        UseLiterals(table.family(), literals, spoof_literals_[workload.spoof_chain][IndexOf(table.family())]);
      }
    }
  }
  RemoveWorkload(name);
  if (!endpoint.floating_ips.empty())
    floating_changed_ = with_floating_ips_.insert(name).second || floating_changed_;
  workloads_.insert_or_assign(name, std::move(workload));
  interface_users_[endpoint.interface_name].insert(name);
  PointInterface(endpoint.interface_name);
}

void PolicyTables::RemoveWorkload(const std::string& name) {
  const auto found = workloads_.find(name);
  if (found == workloads_.end()) return;
  const Workload workload = std::move(found->second);
  workloads_.erase(found);
  if (with_floating_ips_.erase(name) > 0) floating_changed_ = true;
  const std::string& interface = workload.endpoint.interface_name;
  auto& users = interface_users_[interface];
  users.erase(name);
  if (users.empty()) interface_users_.erase(interface);
  for (TableSync& table : tables_) {
    if (workload.endpoint.mac)
      table.RemoveMember(kWorkloadMacs, kernel::nft::InterfaceMac{interface, *workload.endpoint.mac});
  }
  PointInterface(interface);
  ReleaseChains(workload.chains);
  if (workload.spoof_chain.empty() || --spoof_users_[workload.spoof_chain] > 0) return;
  spoof_users_.erase(workload.spoof_chain);
  for (TableSync& table : tables_) {
    table.RemoveChain(workload.spoof_chain);
    ReleaseLiterals(table.family(), spoof_literals_[workload.spoof_chain][IndexOf(table.family())]);
  }
  spoof_literals_.erase(workload.spoof_chain);
}

// Where the interface's packets go. Of several endpoints with one interface the first by name counts.
void PolicyTables::PointInterface(const std::string& interface) {
  const auto users = interface_users_.find(interface);
  if (users == interface_users_.end()) {
    for (TableSync& table : tables_) {
      for (const Direction direction : kBothDirections) {
        for (const Way way : kBothWays) table.RemoveMember(DispatchOf(direction, way), interface);
      }
      table.RemoveMember(kMacDispatch, interface);
      table.RemoveMember(kSpoofDispatch, interface);
    }
    return;
  }
  const Workload& workload = workloads_.at(*users->second.begin());
  for (TableSync& table : tables_) {
    for (const Direction direction : kBothDirections) {
      for (const Way way : kBothWays) {
        const auto chain = workload.entry.find({direction, way});
        if (chain == workload.entry.end())
          table.RemoveMember(DispatchOf(direction, way), interface);
        else
          table.SetMember(DispatchOf(direction, way), interface, Verdict{VerdictKind::kGoto, chain->second});
      }
    }
    if (workload.endpoint.mac) {
      table.SetMember(kMacDispatch, interface, Verdict{VerdictKind::kGoto, kForeignMacChain});
      table.SetMember(kWorkloadMacs, kernel::nft::InterfaceMac{interface, *workload.endpoint.mac});
    } else {
      table.RemoveMember(kMacDispatch, interface);
    }
    if (workload.spoof_chain.empty())
      table.RemoveMember(kSpoofDispatch, interface);
    else
      table.SetMember(kSpoofDispatch, interface, Verdict{VerdictKind::kJump, workload.spoof_chain});
  }
}

bool PolicyTables::AnyEnforced(const dataplane_api::BothDirections& policies) const {
  const auto enforced = [&](const std::string& policy) {
    const auto unit = units_.find({false, policy});
    return unit == units_.end() || !unit->second.rules.staged;
  };
  for (const auto* tiers : {&policies.ingress, &policies.egress}) {
    for (const dataplane_api::Tier& tier : *tiers) {
      if (std::any_of(tier.policies.begin(), tier.policies.end(), enforced)) return true;
    }
  }
  return false;
}

void PolicyTables::SetHostEndpoint(const std::string& name, const dataplane_api::HostEndpoint& endpoint) {
  Host host{endpoint, {}, {}};
  const auto add = [&](Stage stage, Direction direction, const dataplane_api::BothDirections& policies,
                       Way way, bool left_alone) {
    const bool has_profiles = stage == Stage::kHost;
    host.entry[{stage, direction, way}] =
        UseEndpointChains(
            {stage, direction, direction == Direction::kIngress ? policies.ingress : policies.egress,
             has_profiles ? endpoint.profiles : std::vector<std::string>(), left_alone},
            way, host.chains)
            .endpoint;
  };
  for (const Direction direction : kBothDirections) {
    for (const Way way : Ways()) {
      add(Stage::kHost, direction, endpoint.normal, way, false);
      add(Stage::kForwarded, direction, endpoint.forwarded, way, !AnyEnforced(endpoint.forwarded));
    }
    if (AnyEnforced(endpoint.untracked))
      add(Stage::kUntracked, direction, endpoint.untracked, Way::kOriginal, false);
  }
  const dataplane_api::BothDirections before_dnat{endpoint.before_dnat, {}};
  if (AnyEnforced(before_dnat))
    add(Stage::kBeforeDnat, Direction::kIngress, before_dnat, Way::kOriginal, false);
  RemoveHostEndpoint(name);
  host_endpoints_.insert_or_assign(name, std::move(host));
}

void PolicyTables::RemoveHostEndpoint(const std::string& name) {
  const auto found = host_endpoints_.find(name);
  if (found == host_endpoints_.end()) return;
  ReleaseChains(found->second.chains);
  host_endpoints_.erase(found);
}

// ---- What several share.

EndpointChainNames PolicyTables::UseEndpointChains(const EndpointPolicies& policies, Way way,
                                                   std::vector<std::string>& used) {
  EndpointChainNames names = NamesOf(policies, way);
  if (policies.left_alone) return names;
  std::map<std::string, Chain> rendered;  // once any of them is new
  const auto use = [&](const std::string& name, std::vector<UnitKey> units) {
    used.push_back(name);
    SharedChain& shared = shared_chains_[name];
    if (++shared.users > 1) return;
    if (rendered.empty()) rendered = RenderEndpoint(policies, {way, &host_.settings});
    for (TableSync& table : tables_) table.SetChain(name, rendered.at(name));
    for (UnitKey& unit : units) shared.units.emplace_back(std::move(unit), policies.direction);
    UseUnits(shared.units, 1);
  };
  const auto keys = [](bool profiles, const std::vector<std::string>& units) {
    std::vector<UnitKey> out;
    for (const std::string& unit : units) out.emplace_back(profiles, unit);
    return out;
  };
  for (std::size_t i = 0; i < names.tiers.size(); ++i)
    use(names.tiers[i], keys(false, policies.tiers[i].policies));
  use(names.endpoint, keys(true, policies.profiles));
  return names;
}
void PolicyTables::ReleaseChains(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const auto shared = shared_chains_.find(name);
    if (--shared->second.users > 0) continue;
    for (TableSync& table : tables_) table.RemoveChain(name);
    UseUnits(shared->second.units, -1);
    shared_chains_.erase(shared);
  }
}
void PolicyTables::UseUnits(const std::vector<UnitChain>& units, int change) {
  for (const UnitChain& unit : units) {
    int& users = unit_users_[unit];
    const int before = std::exchange(users, users + change);
    if (users == 0) unit_users_.erase(unit);
    if (before != 0 && before + change != 0) continue;
    if (const auto found = units_.find(unit.first); found != units_.end())
      RenderUnit(unit.first, found->second);
  }
}
void PolicyTables::UseLiterals(net::Family family, const std::map<std::string, Set>& literals,
                               std::vector<std::string>& used) {
  for (const auto& [name, set] : literals) {
    used.push_back(name);
    if (++literal_users_[IndexOf(family)][name] == 1) TableOf(family).SetSet(name, set);
  }
}
void PolicyTables::ReleaseLiterals(net::Family family, const std::vector<std::string>& names) {
  auto& users = literal_users_[IndexOf(family)];
  for (const std::string& name : names) {
    if (--users.at(name) > 0) continue;
    users.erase(name);
    TableOf(family).RemoveSet(name);
  }
}

// ---- The kernel.

template <typename Pending>
Result<bool> PolicyTables::Write(const Pending& pending) {
  std::vector<kernel::nft::Transaction> transactions;
  for (const TableSync& table : tables_) {
    kernel::nft::Transaction changes = pending(table);
    if (!changes.changes.empty()) transactions.push_back(std::move(changes));
  }
  if (transactions.empty()) return false;
  if (Status status = nftables_.Apply(transactions); !status.has_value()) {
    must_read_ = true;  // whatever was in the way, we see it next time
    return std::move(status).error();
  }
  if (expected_generation_) ++*expected_generation_;
  return true;
}

void PolicyTables::RereadNextIfOthersCommitted() {
  const auto generation = nftables_.Generation();
  if (!generation.has_value() || !expected_generation_ || *generation != *expected_generation_)
    must_read_ = true;
}

Result<PolicyTables::Outcome> PolicyTables::Apply() {
  if (must_read_) {
    // Before the content: what is committed meanwhile then counts as somebody else's.
    ASSIGN_OR_RETURN(expected_generation_, nftables_.Generation());
    for (TableSync& table : tables_) {
      ASSIGN_OR_RETURN(kernel::nft::TableContent actual, nftables_.Read(table.family()));
      // A restart goes on with the generation that connections have been marked with.
      if (std::exchange(first_read_, false)) {
        if (const auto generation = GenerationIn(actual)) {
          host_.generation = *generation;
          RenderHost();
        }
      }
      table.ReplaceActual(std::move(actual));
    }
    must_read_ = false;
  }
  ASSIGN_OR_RETURN(const bool added, Write([](const TableSync& table) { return table.PendingAdditions(); }));
  if (added) {
    for (TableSync& table : tables_) table.AdditionsApplied();
  }
  ASSIGN_OR_RETURN(const bool changed, Write([](const TableSync& table) { return table.PendingChanges(); }));
  for (TableSync& table : tables_) table.Applied();
  return Outcome{added || changed};
}

}  // namespace calico::dataplane
