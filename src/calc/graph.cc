// SPDX-License-Identifier: Apache-2.0
#include "calc/graph.h"

#include <algorithm>
#include <set>

#include "calc/cluster_state.h"
#include "calc/label_index.h"
#include "calc/rules.h"

namespace calico::calc {
namespace {

using dataplane_api::Batch;
using model::Key;
using ObjectPtr = std::shared_ptr<const model::Object>;

// Reference datastore-model A.7.1: this profile exists without being stored.
constexpr char kAllowProfile[] = "projectcalico-default-allow";

const model::Profile& AllowProfile() {
  static const model::Profile profile = [] {
    model::Profile allow;
    model::Rule rule;
    rule.action = "Allow";
    allow.ingress = allow.egress = {rule};
    return allow;
  }();
  return profile;
}

const model::WorkloadEndpoint& EndpointIn(const ObjectPtr& object) {
  return std::get<model::WorkloadEndpoint>(*object);
}

std::vector<net::Cidr> AddressesOf(const model::WorkloadEndpoint& endpoint) {
  std::vector<net::Cidr> addresses;
  for (const std::string& text : endpoint.ip_networks) {
    if (const auto cidr = net::Cidr::Parse(text)) addresses.push_back(*cidr);
  }
  return addresses;
}

dataplane_api::Endpoint ToDataplane(const model::WorkloadEndpoint& endpoint) {
  dataplane_api::Endpoint out;
  out.id = endpoint.orchestrator + "/" + endpoint.workload + "/" + endpoint.endpoint;
  out.interface_name = endpoint.interface_name;
  out.mac = net::Mac::Parse(endpoint.mac);
  out.addresses = AddressesOf(endpoint);
  out.profiles = endpoint.profiles;
  return out;
}

}  // namespace

struct Graph::Impl {
  struct ActiveProfile {
    int references = 0;  // local endpoints that name it
    dataplane_api::ProfileRules rules;
    std::vector<std::string> sets;  // one entry per use
    std::vector<std::string> warnings;
  };

  bool IsLocal(const ObjectPtr& endpoint) const { return EndpointIn(endpoint).node == cluster.node_name; }

  const model::Profile* FindProfile(const std::string& name) const {
    const auto found = profiles.find(name);
    if (found != profiles.end()) return &std::get<model::Profile>(*found->second);
    return name == kAllowProfile ? &AllowProfile() : nullptr;
  }

  // An endpoint's own labels win over those of its profiles, and an earlier profile's over a later one's
  // (felix 2.9).
  model::Labels EffectiveLabels(const model::WorkloadEndpoint& endpoint) const {
    model::Labels labels = endpoint.metadata.labels;
    labels.emplace("projectcalico.org/namespace", endpoint.metadata.ns);
    for (const std::string& name : endpoint.profiles) {
      if (const model::Profile* profile = FindProfile(name)) {
        labels.insert(profile->labels_to_apply.begin(), profile->labels_to_apply.end());
      }
    }
    return labels;
  }

  void Index(const Key& key, const model::WorkloadEndpoint& endpoint) {
    std::vector<net::Ip> ips;
    for (const net::Cidr& cidr : AddressesOf(endpoint)) ips.push_back(cidr.ip());
    index.SetEndpoint(key, EffectiveLabels(endpoint), std::move(ips));
  }

  void OnEndpoint(const Key& key, const ObjectPtr& object) {
    const auto found = endpoints.find(key);
    const ObjectPtr old = found == endpoints.end() ? nullptr : found->second;
    if (object != nullptr) {
      for (const std::string& profile : EndpointIn(object).profiles) users[profile].insert(key);
      endpoints[key] = object;
      Index(key, EndpointIn(object));
      if (IsLocal(object)) {
        for (const std::string& profile : EndpointIn(object).profiles) Activate(profile);
        dirty_endpoints.insert(key);
      }
    } else if (old != nullptr) {
      endpoints.erase(key);
      index.RemoveEndpoint(key);
    }
    if (old == nullptr) return;
    // The old one's references go after the new ones came, so that what both use stays.
    for (const std::string& profile : EndpointIn(old).profiles) {
      const bool still = object != nullptr && std::count(EndpointIn(object).profiles.begin(),
                                                         EndpointIn(object).profiles.end(), profile) > 0;
      if (!still) users[profile].erase(key);
      if (users[profile].empty()) users.erase(profile);
      if (IsLocal(old)) Deactivate(profile);
    }
    if (IsLocal(old)) dirty_endpoints.insert(key);
  }

  void OnProfile(const Key& key, const ObjectPtr& object) {
    if (object == nullptr)
      profiles.erase(key.name);
    else
      profiles[key.name] = object;
    if (const auto found = users.find(key.name); found != users.end()) {
      for (const Key& endpoint : found->second) Index(endpoint, EndpointIn(endpoints.at(endpoint)));
    }
    if (const auto found = active.find(key.name); found != active.end()) Convert(key.name, found->second);
  }

  void Activate(const std::string& name) {
    ActiveProfile& profile = active[name];
    if (++profile.references == 1) Convert(name, profile);
  }
  void Deactivate(const std::string& name) {
    const auto found = active.find(name);
    if (--found->second.references > 0) return;
    for (const std::string& set : found->second.sets) index.RemoveSelector(set);
    active.erase(found);
    dirty_profiles.insert(name);
  }
  void Convert(const std::string& name, ActiveProfile& profile) {
    const std::vector<std::string> old_sets = std::exchange(profile.sets, {});
    profile.rules = {};
    profile.warnings.clear();
    if (const model::Profile* resource = FindProfile(name)) {
      const UseSelector use = [&](const model::Selector& selector) {
        profile.sets.push_back(index.AddSelector(selector));
        return profile.sets.back();
      };
      profile.rules.ingress =
          ConvertRules(resource->ingress, "profile " + name + " ingress", use, profile.warnings);
      profile.rules.egress =
          ConvertRules(resource->egress, "profile " + name + " egress", use, profile.warnings);
    }
    for (const std::string& set : old_sets) index.RemoveSelector(set);
    dirty_profiles.insert(name);
  }

  // Sends what differs from what was sent.
  Batch Flush() {
    Batch batch;
    index.Flush(batch);
    for (const Key& key : std::exchange(dirty_endpoints, {})) {
      const auto found = endpoints.find(key);
      const bool ours = found != endpoints.end() && IsLocal(found->second);
      const std::string name = key.ns + "/" + key.name;
      if (!ours) {
        if (sent_endpoints.erase(name) > 0) batch.endpoints[name] = std::nullopt;
        continue;
      }
      dataplane_api::Endpoint now = ToDataplane(EndpointIn(found->second));
      const auto sent = sent_endpoints.find(name);
      if (sent != sent_endpoints.end() && sent->second == now) continue;
      sent_endpoints.insert_or_assign(name, now);
      batch.endpoints[name] = std::move(now);
    }
    for (const std::string& name : std::exchange(dirty_profiles, {})) {
      const auto found = active.find(name);
      if (found == active.end()) {
        if (sent_profiles.erase(name) > 0) batch.profiles[name] = std::nullopt;
        continue;
      }
      const auto sent = sent_profiles.find(name);
      if (sent != sent_profiles.end() && sent->second == found->second.rules) continue;
      sent_profiles.insert_or_assign(name, found->second.rules);
      batch.profiles[name] = found->second.rules;
    }
    if (std::exchange(dirty_cluster, false)) {
      auto host = ComputeHostSettings(cluster);
      if (!sent_host || *sent_host != host) batch.host = sent_host = std::move(host);
    }
    batch.in_sync = true;
    return batch;
  }

  ClusterState cluster;
  LabelIndex index;
  std::map<Key, ObjectPtr> endpoints;  // of the whole cluster
  std::map<std::string, ObjectPtr> profiles;
  std::map<std::string, std::set<Key>> users;   // profile -> endpoints
  std::map<std::string, ActiveProfile> active;  // profiles of local endpoints, stored or not
  std::set<Key> dirty_endpoints;
  std::set<std::string> dirty_profiles;
  bool dirty_cluster = true;
  std::map<std::string, dataplane_api::Endpoint> sent_endpoints;
  std::map<std::string, dataplane_api::ProfileRules> sent_profiles;
  std::optional<dataplane_api::HostSettings> sent_host;
  bool in_sync = false;
};

Graph::Graph(std::string node_name, model::FelixConfiguration overrides) : impl_(std::make_unique<Impl>()) {
  impl_->cluster.node_name = std::move(node_name);
  impl_->cluster.overrides = std::move(overrides);
}
Graph::~Graph() = default;

Batch Graph::Apply(const model::UpdateBatch& batch) {
  for (const auto& [key, object] : batch.updates) {
    if (key.kind == model::Kind::kWorkloadEndpoint) {
      impl_->OnEndpoint(key, object);
    } else if (key.kind == model::Kind::kProfile) {
      impl_->OnProfile(key, object);
    } else if (impl_->cluster.Apply(key, object.get())) {
      impl_->dirty_cluster = true;
    }
  }
  impl_->in_sync = impl_->in_sync || batch.in_sync;
  return impl_->in_sync ? impl_->Flush() : Batch{};
}

dataplane_api::BgpView Graph::bgp_view() const {
  return ComputeBgpView(impl_->cluster);
}
bool Graph::in_sync() const {
  return impl_->in_sync;
}

std::vector<std::string> Graph::warnings() const {
  std::vector<std::string> all;
  for (const auto& [name, profile] : impl_->active)
    all.insert(all.end(), profile.warnings.begin(), profile.warnings.end());
  return all;
}

}  // namespace calico::calc
