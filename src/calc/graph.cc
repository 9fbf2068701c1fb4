// SPDX-License-Identifier: Apache-2.0
#include "calc/graph.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "calc/cluster_state.h"
#include "calc/conversion.h"
#include "calc/endpoints.h"
#include "calc/ip_set_index.h"
#include "calc/policies.h"
#include "calc/remote_routes.h"
#include "calc/selector_index.h"
#include "model/codec/v1_stored.h"

namespace calico::calc {
namespace {

using dataplane_api::Batch;
using model::Key;
using model::Kind;
using ObjectPtr = std::shared_ptr<const model::Object>;

// The rules of a policy or profile that the dataplane has, and the sets that they use.
class ActiveRules final : public SetsInUse {
 public:
  explicit ActiveRules(IpSetIndex& index) : index_(&index) {}

  std::string Addresses(const model::Selector& selector) override {
    return sets_.emplace_back(index_->UseSelector(selector));
  }
  std::string NamedPort(const model::Selector& selector, const std::string& port) override {
    return sets_.emplace_back(index_->UseNamedPort(selector, port));
  }
  // `convert(sets)` gives the new ones. Sets of before that are used again stay in between.
  template <typename Convert>
  void Renew(const Convert& convert) {
    const std::vector<std::string> before = std::exchange(sets_, {});
    converted = convert(static_cast<SetsInUse&>(*this));
    for (const std::string& set : before) index_->Release(set);
  }
  void Release() {
    Renew([](SetsInUse&) { return Converted(); });
  }

  Converted converted;

 private:
  IpSetIndex* index_;
  std::vector<std::string> sets_;  // one entry per use
};

// By the name that the dataplane knows: what is to be sent again, and what it has.
template <typename T>
class Sent {
 public:
  void MarkChanged(const std::string& name) { changed_.insert(name); }
  // `now(name)` is the value as it should be, nullopt if there should be none.
  template <typename Now>
  void Flush(std::map<std::string, std::optional<T>>& out, const Now& now) {
    for (const std::string& name : std::exchange(changed_, {})) {
      std::optional<T> value = now(name);
      const auto sent = sent_.find(name);
      if (!value) {
        if (sent == sent_.end()) continue;
        sent_.erase(sent);
      } else {
        if (sent != sent_.end() && sent->second == *value) continue;
        sent_.insert_or_assign(name, *value);
      }
      out[name] = std::move(value);
    }
  }

 private:
  std::set<std::string> changed_;
  std::map<std::string, T> sent_;
};

std::string NameOf(const Key& endpoint) {
  return endpoint.ns.empty() ? endpoint.name : endpoint.ns + "/" + endpoint.name;
}

}  // namespace

struct Graph::Impl {
  struct LocalEndpoint {
    EndpointId id = 0;
    ObjectPtr object;
  };
  struct Match {
    SelectorIndex::SelectorId selector;
    EndpointId endpoint;
    bool matches;
  };
  struct PolicyState {
    ObjectPtr object;
    std::string id;
    PolicySelection selection;
    SelectorIndex::SelectorId selector_id = 0;
  };

  // ---- endpoints ----

  void OnEndpoint(const Key& key, const ObjectPtr& object) {
    const auto found = local.find(key);
    const ObjectPtr old = found == local.end() ? nullptr : found->second.object;
    const bool has_place = key.kind == Kind::kWorkloadEndpoint;
    if (const auto id = sets.Find(key); id && has_place) remote_routes.RemoveEndpoint(*id);
    if (object == nullptr) {
      sets.RemoveSource(key);
    } else {
      const auto id = IndexSource(key, *object);
      if (has_place) remote_routes.SetEndpoint(id, NodeOf(*object));
    }
    const bool is_local = object != nullptr && NodeOf(*object) == cluster.node_name;
    if (is_local) {
      LocalEndpoint& endpoint = local[key];
      if (old == nullptr) {
        endpoint.id = next_endpoint++;
        names_of_ids[endpoint.id] = key;
      }
      endpoint.object = object;
      for (const std::string& profile : ProfilesOf(*object)) UseProfile(profile);
      local_index.SetItem(endpoint.id, OwnLabels(*object), ProfilesOf(*object));
    } else if (old != nullptr) {
      const EndpointId id = found->second.id;
      local_index.RemoveItem(id);
      TakeMatches();
      names_of_ids.erase(id);
      local.erase(found);
    }
    // The old one's references go after the new ones came, so that what both use stays.
    if (old != nullptr) {
      for (const std::string& profile : ProfilesOf(*old)) ReleaseProfile(profile);
    }
    if (is_local || old != nullptr) {
      MarkEndpoint(key);
      for (const ObjectPtr& changed : {old, object}) {
        ForSiblings(key, changed, [&](const Key& sibling, const model::Object&) { MarkEndpoint(sibling); });
      }
      bgp_changed = bgp_changed || cluster.HasWorkloadPeers();
    }
  }
  // The other local endpoints of the same container, which Docker has connected to several networks.
  template <typename Visit>
  void ForSiblings(const Key& key, const ObjectPtr& object, const Visit& visit) const {
    const std::string container = object == nullptr ? "" : DockerContainerOf(*object);
    if (container.empty()) return;
    for (const auto& [other, endpoint] : local) {
      if (other != key && DockerContainerOf(*endpoint.object) == container) visit(other, *endpoint.object);
    }
  }
  std::vector<ClusterState::LocalWorkload> LocalWorkloads() const {
    std::vector<ClusterState::LocalWorkload> workloads;
    for (const auto& [key, endpoint] : local) {
      const auto* workload = std::get_if<model::WorkloadEndpoint>(endpoint.object.get());
      if (workload == nullptr || model::IsSwitchedOff(*workload)) continue;
      model::Labels labels = OwnLabels(*endpoint.object);
      for (const std::string& profile : ProfilesOf(*endpoint.object)) {
        if (const model::Profile* found = FindProfile(profile))
          labels.insert(found->labels_to_apply.begin(), found->labels_to_apply.end());
      }
      workloads.push_back({std::move(labels), AddressesOf(*endpoint.object)});
    }
    return workloads;
  }
  void MarkEndpoint(const Key& key) {
    if (key.kind == Kind::kHostEndpoint)
      sent_host_endpoints.MarkChanged(key.name);
    else
      sent_endpoints.MarkChanged(NameOf(key));
  }
  IpSetIndex::SourceId IndexSource(const Key& key, const model::Object& object) {
    return sets.SetSource(key, OwnLabels(object), ProfilesOf(object), AddressesOf(object),
                          NamedPortsOf(object));
  }
  void OnNetworkSet(const Key& key, const ObjectPtr& object) {
    if (object == nullptr)
      sets.RemoveSource(key);
    else
      IndexSource(key, *object);
  }

  // ---- what is few ----

  void OnClusterObject(const Key& key, const ObjectPtr& object) {
    if (cluster.Apply(key, object.get())) dirty_cluster = bgp_changed = true;
    if (key.kind == Kind::kBlockAffinity) {
      if (const auto block = net::Cidr::ParsePrefix(key.name)) remote_routes.OnBlock(*block);
    } else if (key.kind == Kind::kNode) {
      remote_routes.OnNode(key.name);
      sent_hosts.MarkChanged(key.name);
    } else {
      remote_routes.OnAnything();
    }
  }

  // ---- profiles ----

  const model::Profile* FindProfile(const std::string& name) const {
    const auto found = profiles.find(name);
    if (found != profiles.end()) return &std::get<model::Profile>(*found->second);
    return name == kAllowProfile ? &AllowProfile() : nullptr;
  }
  void OnProfile(const Key& key, const ObjectPtr& object) {
    if (object == nullptr)
      profiles.erase(key.name);
    else
      profiles[key.name] = object;
    const model::Profile* profile = FindProfile(key.name);
    const model::Labels labels = profile == nullptr ? model::Labels() : profile->labels_to_apply;
    sets.SetParent(key.name, labels);
    local_index.SetParent(key.name, labels);
    if (const auto found = active_profiles.find(key.name); found != active_profiles.end()) {
      Convert(key.name, found->second.second);
      bgp_changed = bgp_changed || cluster.HasWorkloadPeers();
    }
  }
  void UseProfile(const std::string& name) {
    auto [found, fresh] = active_profiles.try_emplace(name, 0, ActiveRules(sets));
    if (++found->second.first == 1) Convert(name, found->second.second);
  }
  void ReleaseProfile(const std::string& name) {
    const auto found = active_profiles.find(name);
    if (--found->second.first > 0) return;
    found->second.second.Release();
    active_profiles.erase(found);
    Note("profile " + name, {});
    sent_profiles.MarkChanged(name);
  }
  void Convert(const std::string& name, ActiveRules& active) {
    active.Renew([&](SetsInUse& uses) { return ConvertProfile(name, FindProfile(name), uses); });
    Note("profile " + name, active.converted.problems);
    sent_profiles.MarkChanged(name);
  }

  // ---- policies ----

  void OnPolicy(const Key& key, const ObjectPtr& stored) {
    const ObjectPtr object = AsCalicoPolicy(stored);
    const auto traits = object == nullptr ? std::nullopt : TraitsOf(key, *object);
    if (!traits) {
      RemovePolicy(key);
      return;
    }
    const auto [found, fresh] = policy_states.try_emplace(key);
    PolicyState& state = found->second;
    state.object = object;
    state.id = traits->id;
    const model::Selector before = state.selection.selector;
    state.selection = SelectionOf(key, *object);
    const model::Selector& now = state.selection.selector;
    Note("policy " + state.id, state.selection.problems);
    policies.SetPolicy(key, *traits);
    keys_of_policies[state.id] = key;
    if (fresh || before.text() != now.text()) {
      if (!fresh) local_index.RemoveSelector(state.selector_id);
      if (fresh) state.selector_id = next_selector++;
      keys_of_selectors[state.selector_id] = key;
      local_index.AddSelector(state.selector_id, now);
    }
    changed_policies.insert(key);
  }
  void RemovePolicy(const Key& key) {
    const auto found = policy_states.find(key);
    if (found == policy_states.end()) return;
    local_index.RemoveSelector(found->second.selector_id);
    TakeMatches();
    policies.RemovePolicy(key);
    keys_of_selectors.erase(found->second.selector_id);
    keys_of_policies.erase(found->second.id);
    Deactivate(key, found->second.id);
    Note("policy " + found->second.id, {});
    policy_states.erase(found);
  }
  void TakeMatches() {
    for (const Match& match : std::exchange(matches, {})) {
      const Key& policy = keys_of_selectors.at(match.selector);
      policies.SetMatch(policy, match.endpoint, match.matches);
      changed_policies.insert(policy);
    }
  }
  // Policies that apply somewhere, and only those, have rules in the dataplane.
  void ActivatePolicies() {
    for (const Key& key : std::exchange(changed_policies, {})) {
      const auto found = policy_states.find(key);
      if (found == policy_states.end()) continue;
      const PolicyState& state = found->second;
      if (!state.selection.everywhere && !policies.Applies(key)) {
        Deactivate(key, state.id);
        continue;
      }
      auto [active, fresh] = active_policies.try_emplace(key, nullptr, ActiveRules(sets));
      if (!fresh && active->second.first == state.object) continue;
      active->second.first = state.object;
      ActiveRules& rules = active->second.second;
      rules.Renew([&](SetsInUse& uses) { return ConvertPolicy(key, *state.object, state.selection, uses); });
      Note("rules of " + state.id, rules.converted.problems);
      sent_policies.MarkChanged(state.id);
    }
  }
  void Deactivate(const Key& key, const std::string& id) {
    const auto found = active_policies.find(key);
    if (found == active_policies.end()) return;
    found->second.second.Release();
    active_policies.erase(found);
    Note("rules of " + id, {});
    sent_policies.MarkChanged(id);
  }

  // ---- what cannot be expressed ----

  void Note(const std::string& whose, const std::vector<std::string>& found) {
    if (found.empty())
      problems.erase(whose);
    else
      problems[whose] = found;
  }

  // ---- what is sent ----

  std::optional<dataplane_api::Endpoint> EndpointNow(const std::string& name) const {
    const std::size_t slash = name.find('/');
    const auto found =
        local.find(Key::Resource(Kind::kWorkloadEndpoint, name.substr(slash + 1), name.substr(0, slash)));
    if (found == local.end()) return std::nullopt;
    const auto& endpoint = std::get<model::WorkloadEndpoint>(*found->second.object);
    dataplane_api::Endpoint out = ToDataplane(endpoint);
    if (model::IsSwitchedOff(endpoint)) return std::nullopt;  // nothing passes an interface without endpoint
    // Reference felix 1.3: without the permission such an endpoint is as if it were not there.
    if (!out.spoofable.empty() && !host.allow_spoofing) return std::nullopt;
    // It answers through one of its interfaces, whichever address was asked.
    ForSiblings(found->first, found->second.object, [&](const Key&, const model::Object& sibling) {
      for (const net::Cidr& address : AddressesOf(sibling)) out.spoofable.push_back(address);
    });
    // OpenStack's endpoints have them without being asked (reference felix 3.5).
    if (!host.floating_ips && endpoint.orchestrator != "openstack") out.floating_ips.clear();
    out.policies = policies.OfWorkload(found->second.id);
    return out;
  }
  std::optional<dataplane_api::HostEndpoint> HostEndpointNow(const std::string& name) const {
    const auto found = local.find(Key::Resource(Kind::kHostEndpoint, name));
    if (found == local.end()) return std::nullopt;
    dataplane_api::HostEndpoint out = ToDataplane(std::get<model::HostEndpoint>(*found->second.object));
    Policies::OfHost stages = policies.OfHostEndpoint(found->second.id);
    out.normal = std::move(stages.normal);
    out.forwarded = std::move(stages.forwarded);
    out.untracked = std::move(stages.untracked);
    out.before_dnat = std::move(stages.before_dnat);
    return out;
  }
  std::optional<dataplane_api::Rules> PolicyNow(const std::string& id) const {
    const auto key = keys_of_policies.find(id);
    if (key == keys_of_policies.end()) return std::nullopt;
    const auto found = active_policies.find(key->second);
    if (found == active_policies.end()) return std::nullopt;
    return found->second.second.converted.rules;
  }
  std::optional<dataplane_api::Rules> ProfileNow(const std::string& name) const {
    const auto found = active_profiles.find(name);
    if (found == active_profiles.end()) return std::nullopt;
    return found->second.second.converted.rules;
  }

  Batch Flush() {
    TakeMatches();
    ActivatePolicies();
    for (const EndpointId id : policies.TakeChanged()) {
      if (const auto key = names_of_ids.find(id); key != names_of_ids.end()) MarkEndpoint(key->second);
    }
    Batch batch;
    FlushHost(batch);
    sets.Flush(batch);
    sent_endpoints.Flush(batch.endpoints, [&](const auto& name) { return EndpointNow(name); });
    sent_host_endpoints.Flush(batch.host_endpoints, [&](const auto& name) { return HostEndpointNow(name); });
    sent_policies.Flush(batch.policies, [&](const auto& id) { return PolicyNow(id); });
    sent_profiles.Flush(batch.profiles, [&](const auto& name) { return ProfileNow(name); });
    sent_hosts.Flush(batch.hosts, [&](const auto& name) -> std::optional<dataplane_api::RemoteHost> {
      const auto found = remote_routes.hosts().find(name);
      return found == remote_routes.hosts().end() ? std::nullopt : std::optional(found->second);
    });
    remote_routes.Flush(batch.routes);
    batch.in_sync = true;
    return batch;
  }
  void FlushHost(Batch& batch) {
    if (!std::exchange(dirty_cluster, false)) return;
    dataplane_api::HostSettings now = ComputeHostSettings(cluster);
    if (host_sent && host == now) return;
    if (host.allow_spoofing != now.allow_spoofing || host.floating_ips != now.floating_ips) {
      for (const auto& [key, endpoint] : local) MarkEndpoint(key);
    }
    host = std::move(now);
    host_sent = true;
    batch.host = host;
  }

  ClusterState cluster;
  IpSetIndex sets;  // members of rules' sets: endpoints and network sets of the whole cluster
  RemoteRoutes remote_routes{cluster, sets};
  std::vector<Match> matches;  // not yet told to `policies`
  // Which policies apply to which local endpoint.
  SelectorIndex local_index{[this](const SelectorIndex::Transition& transition) {
    for (const EndpointId endpoint : transition.items)
      matches.push_back({transition.selector, endpoint, transition.matches});
  }};
  Policies policies;

  std::map<Key, LocalEndpoint> local;  // workload and host endpoints of this node
  std::map<EndpointId, Key> names_of_ids;
  EndpointId next_endpoint = 0;
  std::map<std::string, ObjectPtr> profiles;
  std::map<std::string, std::pair<int, ActiveRules>> active_profiles;  // uses by local endpoints
  std::map<Key, PolicyState> policy_states;
  std::map<Key, std::pair<ObjectPtr, ActiveRules>> active_policies;  // the object that was converted
  std::map<SelectorIndex::SelectorId, Key> keys_of_selectors;
  std::map<std::string, Key> keys_of_policies;
  SelectorIndex::SelectorId next_selector = 0;
  std::set<Key> changed_policies;

  Sent<dataplane_api::Endpoint> sent_endpoints;
  Sent<dataplane_api::HostEndpoint> sent_host_endpoints;
  Sent<dataplane_api::Rules> sent_policies, sent_profiles;
  Sent<dataplane_api::RemoteHost> sent_hosts;
  dataplane_api::HostSettings host;
  bool host_sent = false;
  bool dirty_cluster = true;
  bool bgp_changed = true;                                   // since TakeBgpChanged()
  std::map<std::string, std::vector<std::string>> problems;  // by whose they are; none is empty
  bool in_sync = false;
};

Graph::Graph(std::string node_name, model::FelixConfiguration overrides, bool speaker, bool beyond_subnet)
    : impl_(std::make_unique<Impl>()) {
  impl_->cluster.node_name = std::move(node_name);
  impl_->cluster.speaker = speaker;
  impl_->cluster.beyond_subnet = beyond_subnet;
  impl_->cluster.overrides = std::move(overrides);
  impl_->OnProfile(Key::Resource(Kind::kProfile, kAllowProfile), nullptr);
}
Graph::~Graph() = default;

Batch Graph::Apply(const model::UpdateBatch& batch) {
  for (const auto& [key, object] : batch.updates) {
    switch (key.kind) {
      case Kind::kWorkloadEndpoint:
      case Kind::kHostEndpoint:
        impl_->OnEndpoint(key, object);
        break;
      case Kind::kGlobalNetworkSet:
      case Kind::kNetworkSet:
        impl_->OnNetworkSet(key, object);
        break;
      case Kind::kProfile:
        impl_->OnProfile(key, object);
        break;
      case Kind::kTier:
        impl_->policies.SetTier(key.name, object == nullptr ? nullptr : &std::get<model::Tier>(*object));
        break;
      case Kind::kNetworkPolicy:
      case Kind::kGlobalNetworkPolicy:
      case Kind::kStagedNetworkPolicy:
      case Kind::kStagedGlobalNetworkPolicy:
      case Kind::kStagedKubernetesNetworkPolicy:
        impl_->OnPolicy(key, object);
        break;
      default:
        impl_->OnClusterObject(key, object);
    }
  }
  impl_->in_sync = impl_->in_sync || batch.in_sync;
  return impl_->in_sync ? impl_->Flush() : Batch{};
}

dataplane_api::BgpView Graph::bgp_view() const {
  if (!impl_->cluster.HasWorkloadPeers()) return ComputeBgpView(impl_->cluster);
  ClusterState cluster = impl_->cluster;
  cluster.local_workloads = impl_->LocalWorkloads();
  return ComputeBgpView(cluster);
}
bool Graph::TakeBgpChanged() {
  return std::exchange(impl_->bgp_changed, false);
}
bool Graph::in_sync() const {
  return impl_->in_sync;
}

std::vector<std::string> Graph::unreachable() const {
  return impl_->remote_routes.Problems();
}

std::vector<std::string> Graph::warnings() const {
  std::vector<std::string> all;
  for (const auto& [whose, problems] : impl_->problems)
    all.insert(all.end(), problems.begin(), problems.end());
  std::sort(all.begin(), all.end());
  return all;
}

}  // namespace calico::calc
