// SPDX-License-Identifier: Apache-2.0
// The law of the graph: whatever the order and the detours, the dataplane ends where a fresh graph would put
// it.
#include <algorithm>
#include <map>
#include <set>

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "calc/graph.h"

namespace calico::calc {
namespace {

using dataplane_api::Batch;
using model::Key;
using model::Kind;
using model::Object;

// What a dataplane would hold after a sequence of batches.
struct Held {
  std::map<std::string, dataplane_api::Endpoint> endpoints;
  std::map<std::string, dataplane_api::HostEndpoint> host_endpoints;
  std::map<std::string, dataplane_api::Rules> policies, profiles;
  std::map<std::string, dataplane_api::IpSet> ip_sets;
  std::map<std::string, dataplane_api::RemoteHost> hosts;
  std::map<net::Cidr, dataplane_api::RemoteRoute> routes;
  dataplane_api::HostSettings host;
  bool operator==(const Held&) const = default;

  void Apply(const Batch& batch) {
    for (const auto& [name, value] : batch.endpoints) Store(endpoints, name, value);
    for (const auto& [name, value] : batch.host_endpoints) Store(host_endpoints, name, value);
    for (const auto& [name, value] : batch.policies) Store(policies, name, value);
    for (const auto& [name, value] : batch.profiles) Store(profiles, name, value);
    for (const auto& [name, value] : batch.hosts) Store(hosts, name, value);
    for (const auto& [destination, value] : batch.routes) Store(routes, destination, value);
    for (const auto& [id, set] : batch.ip_sets) {
      if (set == nullptr)
        RC_ASSERT(ip_sets.erase(id) == 1U);
      else
        ip_sets[id] = *set;
    }
    for (const auto& [id, delta] : batch.ip_set_deltas) {
      RC_ASSERT(ip_sets.contains(id));
      Change(ip_sets[id].members, delta.added.members, delta.removed.members);
      Change(ip_sets[id].ports, delta.added.ports, delta.removed.ports);
    }
    if (batch.host) host = *batch.host;
    CheckReferences();
  }
  // Nothing is added that is there, nothing removed that is not.
  template <typename T>
  static void Change(std::vector<T>& members, const std::vector<T>& added, const std::vector<T>& removed) {
    std::set<T> now(members.begin(), members.end());
    for (const T& member : removed) RC_ASSERT(now.erase(member) == 1U);
    for (const T& member : added) RC_ASSERT(now.insert(member).second);
    members.assign(now.begin(), now.end());
  }
  // Every set, policy and profile that is named is there.
  void CheckReferences() const {
    const auto check = [&](const dataplane_api::Tiers& tiers) {
      for (const dataplane_api::Tier& tier : tiers) {
        RC_ASSERT(!tier.policies.empty());
        for (const std::string& policy : tier.policies) RC_ASSERT(policies.contains(policy));
      }
    };
    for (const auto& [name, endpoint] : endpoints) {
      for (const std::string& profile : endpoint.profiles) RC_ASSERT(profiles.contains(profile));
      check(endpoint.policies.ingress);
      check(endpoint.policies.egress);
    }
    for (const auto& [name, endpoint] : host_endpoints) {
      check(endpoint.normal.ingress);
      check(endpoint.forwarded.egress);
      check(endpoint.untracked.ingress);
      check(endpoint.before_dnat);
    }
    for (const auto* rules : {&policies, &profiles}) {
      for (const auto& [name, both] : *rules) {
        for (const auto& rule : both.ingress) {
          for (const auto* side : {&rule.source, &rule.destination}) {
            for (const auto* ids : {&side->ip_sets, &side->not_ip_sets, &side->port_sets})
              for (const std::string& id : *ids) RC_ASSERT(ip_sets.contains(id));
          }
        }
      }
    }
  }
  template <typename K, typename T>
  static void Store(std::map<K, T>& into, const K& name, const std::optional<T>& value) {
    if (value)
      into.insert_or_assign(name, *value);
    else
      RC_ASSERT(into.erase(name) == 1U);
  }
};

using Change = std::pair<Key, std::shared_ptr<const Object>>;

bool Maybe() {
  return *rc::gen::arbitrary<bool>();
}
int Below(int limit) {
  return *rc::gen::inRange(0, limit);
}
std::string AnySelector() {
  return *rc::gen::element<std::string>("a == '0'", "a == '1'", "has(a)", "all()", "!has(a)", "a != '0'",
                                        "a in {'0', '1'} && b == '0'", "b == '0' || a == '1'",
                                        "b starts with '0'", "has(b) && !(a == '1')", "nonsense(");
}
std::map<std::string, std::string> AnyLabels() {
  std::map<std::string, std::string> labels;
  if (Maybe()) labels["a"] = std::to_string(Below(2));
  if (Maybe()) labels["b"] = std::to_string(Below(2));
  return labels;
}
std::vector<model::Rule> AnyRules() {
  std::vector<model::Rule> rules;
  for (int i = Below(3); i > 0; --i) {
    model::Rule rule;
    rule.action = *rc::gen::element<std::string>("Allow", "Deny", "Pass", "Log");
    if (Maybe()) rule.source.selector = AnySelector();
    if (Maybe()) rule.destination.not_selector = AnySelector();
    if (Below(4) == 0)
      rule.source.namespace_selector = *rc::gen::element<std::string>("all()", "global()", "a == '0'");
    if (Below(3) == 0) rule.destination.ports = {std::string("web")};
    rules.push_back(rule);
  }
  return rules;
}
std::vector<std::string> AnyProfiles() {
  std::vector<std::string> profiles;
  for (int i = Below(3); i > 0; --i) profiles.push_back("p" + std::to_string(Below(3)));
  std::sort(profiles.begin(), profiles.end());
  profiles.erase(std::unique(profiles.begin(), profiles.end()), profiles.end());
  return profiles;
}
model::PolicySpec AnyPolicy() {
  model::PolicySpec spec;
  spec.tier = *rc::gen::element<std::string>("", "default", "t0", "t1");
  if (Maybe()) spec.order = Below(3);
  if (Below(4) != 0) spec.selector = AnySelector();
  spec.types = *rc::gen::element(std::vector<std::string>{"Ingress"}, std::vector<std::string>{"Egress"},
                                 std::vector<std::string>{"Ingress", "Egress"}, std::vector<std::string>{});
  spec.ingress = AnyRules();
  spec.egress = AnyRules();
  if (Below(8) == 0) spec.performance_hints = {"AssumeNeededOnEveryNode"};
  return spec;
}
model::GlobalPolicySpec AnyGlobalPart() {
  model::GlobalPolicySpec global;
  if (Below(3) == 0) {
    global.apply_on_forward = true;
    global.do_not_track = Maybe();
    global.pre_dnat = !global.do_not_track && Maybe();
  }
  if (Below(4) == 0)
    global.namespace_selector = *rc::gen::element<std::string>("all()", "a == '0'", "!has(a)");
  return global;
}

Change AnyChange() {
  const bool remove = Below(4) == 0;
  const int number = Below(4);
  const auto made = [&](Key key, Object object) {
    return Change{std::move(key), remove ? nullptr : std::make_shared<const Object>(std::move(object))};
  };
  const std::string digit = std::to_string(number);
  switch (Below(12)) {
    case 0:
    case 1:
    case 2: {
      model::WorkloadEndpoint endpoint;
      endpoint.node = *rc::gen::element<std::string>("node1", "node2");
      endpoint.endpoint = endpoint.interface_name = "cali" + digit;
      for (int i = Below(3); i > 0; --i)
        endpoint.ip_networks.push_back("10.0.0." + std::to_string(Below(5)) + "/32");
      endpoint.profiles = AnyProfiles();
      endpoint.metadata.ns = "default";
      endpoint.metadata.labels = AnyLabels();
      if (Maybe()) endpoint.ports = {{"web", "TCP", 80 + Below(2), 0, ""}};
      return made(Key::Resource(Kind::kWorkloadEndpoint, "e" + digit, "default"), endpoint);
    }
    case 3: {
      model::HostEndpoint endpoint;
      endpoint.node = *rc::gen::element<std::string>("node1", "node2");
      endpoint.interface_name = "eth" + digit;
      if (Maybe()) endpoint.expected_ips = {"10.0.0." + std::to_string(Below(5))};
      endpoint.profiles = AnyProfiles();
      endpoint.metadata.labels = AnyLabels();
      return made(Key::Resource(Kind::kHostEndpoint, "h" + digit), endpoint);
    }
    case 4: {
      model::GlobalNetworkSet set;
      set.metadata.labels = AnyLabels();
      for (int i = Below(3); i > 0; --i)
        set.nets.push_back(*rc::gen::element<std::string>("10.0.0.0/30", "0.0.0.0/0", "10.0.0.1/32"));
      return made(Key::Resource(Kind::kGlobalNetworkSet, "g" + digit), set);
    }
    case 5:
    case 6: {
      model::Profile profile;
      profile.labels_to_apply = AnyLabels();
      profile.ingress = AnyRules();
      return made(Key::Resource(Kind::kProfile, "p" + std::to_string(number % 3)), profile);
    }
    case 7:
    case 8: {
      model::GlobalNetworkPolicy policy;
      policy.spec = AnyPolicy();
      policy.global = AnyGlobalPart();
      return made(Key::Resource(Kind::kGlobalNetworkPolicy, "n" + digit), policy);
    }
    case 9: {
      if (Maybe()) {
        model::NetworkPolicy policy;
        policy.spec = AnyPolicy();
        return made(Key::Resource(Kind::kNetworkPolicy, "n" + digit, "default"), policy);
      }
      model::StagedNetworkPolicy policy;
      policy.spec = AnyPolicy();
      policy.staged_action = *rc::gen::element<std::string>("Set", "Delete");
      return made(Key::Resource(Kind::kStagedNetworkPolicy, "n" + digit, "default"), policy);
    }
    case 10: {
      model::Tier tier;
      if (Maybe()) tier.order = Below(3);
      tier.default_action = Maybe() ? "Pass" : "Deny";
      return made(Key::Resource(Kind::kTier, *rc::gen::element<std::string>("default", "t0", "t1")), tier);
    }
    default: {
      model::IPPool pool;
      pool.cidr = "10." + digit + ".0.0/16";
      pool.nat_outgoing = Maybe();
      return made(Key::Resource(Kind::kIPPool, "pool" + digit), pool);
    }
  }
}

// Of what decides where addresses are and how one gets there.
Change AnyPlaceChange() {
  const bool remove = Below(4) == 0;
  const std::string digit = std::to_string(Below(3)), node = "node" + std::to_string(1 + Below(3));
  const auto made = [&](Key key, Object object) {
    return Change{std::move(key), remove ? nullptr : std::make_shared<const Object>(std::move(object))};
  };
  switch (Below(6)) {
    case 0: {
      model::IPPool pool;
      pool.cidr = *rc::gen::element<std::string>("10.0.0.0/16", "10.0.0.0/29", "fd00::/48");
      pool.vxlan_mode = *rc::gen::element<std::string>("Never", "Always", "CrossSubnet");
      if (pool.vxlan_mode == "Never" && Maybe())
        pool.ipip_mode = *rc::gen::element<std::string>("Always", "CrossSubnet");
      return made(Key::Resource(Kind::kIPPool, "pool" + digit), pool);
    }
    case 1: {
      model::Node object;
      object.bgp = model::NodeBgp{};
      if (Below(4) != 0)
        object.bgp->ipv4_address = "172.30." + std::to_string(Below(2)) + ".3" + digit + "/24";
      if (Maybe()) object.bgp->ipv6_address = "fd00:30::3" + digit + "/64";
      if (Maybe()) object.bgp->ipv4_ipip_tunnel_addr = "10.0.0." + std::to_string(Below(16));
      if (Maybe()) object.ipv4_vxlan_tunnel_addr = "10.0.0." + std::to_string(Below(16));
      if (Maybe()) object.ipv6_vxlan_tunnel_addr = "fd00::1" + digit;
      return made(Key::Resource(Kind::kNode, node), object);
    }
    case 2: {
      model::BlockAffinity affinity;
      affinity.state = Below(4) == 0 ? model::AffinityState::kPending : model::AffinityState::kConfirmed;
      const std::string block = *rc::gen::element<std::string>("10.0.0.0/30", "10.0.0.4/30", "10.0.0.8/29",
                                                               "10.0.0.9/32", "fd00::/122");
      return made({Kind::kBlockAffinity, node, block}, affinity);
    }
    case 3: {
      model::FelixConfiguration felix;
      if (Maybe()) felix.other_parameters["programClusterRoutes"] = Maybe() ? "\"Enabled\"" : "\"Disabled\"";
      return made(Key::Resource(Kind::kFelixConfiguration, Maybe() ? "default" : "node.node1"), felix);
    }
    default: {
      model::WorkloadEndpoint endpoint;
      endpoint.node = node;
      endpoint.endpoint = endpoint.interface_name = "cali" + digit;
      for (int i = Below(3); i > 0; --i)
        endpoint.ip_networks.push_back("10.0.0." + std::to_string(Below(16)) + "/32");
      if (Maybe()) endpoint.ip_networks.push_back("fd00::1" + digit + "/128");
      endpoint.metadata.ns = "default";
      return made(Key::Resource(Kind::kWorkloadEndpoint, "e" + digit, "default"), endpoint);
    }
  }
}

TEST(GraphPermutation, RoutesEndWhereAFreshGraphWouldPutThem) {
  int routes = 0;
  EXPECT_TRUE(rc::check([&] {
    const bool speaker = Maybe();
    Graph graph("node1", {}, speaker);
    Held held;
    std::map<Key, std::shared_ptr<const Object>> latest;
    for (int step = *rc::gen::inRange(1, 60); step > 0; --step) {
      model::UpdateBatch batch;
      for (int i = *rc::gen::inRange(1, 4); i > 0; --i) {
        const Change change = AnyPlaceChange();
        batch.updates.insert_or_assign(change.first, change.second);
      }
      for (const auto& [key, value] : batch.updates) latest[key] = value;
      batch.in_sync = true;
      held.Apply(graph.Apply(batch));
      Graph fresh("node1", {}, speaker);
      Held expected;
      model::UpdateBatch all;
      all.updates = latest;
      all.in_sync = true;
      expected.Apply(fresh.Apply(all));
      RC_ASSERT(held.routes == expected.routes);
      RC_ASSERT(held == expected);
      RC_ASSERT(graph.unreachable() == fresh.unreachable());
      routes += static_cast<int>(held.routes.size());
    }
  }));
  EXPECT_GT(routes, 50) << "the cases reach what they are about";
}

TEST(GraphPermutation, EndsWhereAFreshGraphWouldEnd) {
  EXPECT_TRUE(rc::check([] {
    Graph graph("node1");
    Held held;
    std::map<Key, std::shared_ptr<const Object>> latest;
    const int steps = *rc::gen::inRange(1, 40);
    const int sync_at = *rc::gen::inRange(0, steps);
    for (int step = 0; step < steps; ++step) {
      model::UpdateBatch batch;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i)
        batch.updates.insert_or_assign(AnyChange().first, nullptr);
      for (auto& [key, value] : batch.updates) {
        const Change change = AnyChange();
        if (change.first.kind == key.kind) value = change.second;
      }
      const Change change = AnyChange();
      batch.updates.insert_or_assign(change.first, change.second);
      for (const auto& [key, value] : batch.updates) latest[key] = value;
      batch.in_sync = step >= sync_at;
      const Batch out = graph.Apply(batch);
      if (step < sync_at) RC_ASSERT(out.empty());
      held.Apply(out);
      if (step < sync_at) continue;
      Graph fresh("node1");
      Held expected;
      model::UpdateBatch all;
      all.updates = latest;
      all.in_sync = true;
      expected.Apply(fresh.Apply(all));
      RC_ASSERT(held == expected);
      RC_ASSERT(graph.bgp_view() == fresh.bgp_view());
      RC_ASSERT(graph.warnings() == fresh.warnings());
    }
  }));
}

TEST(GraphPermutation, MergedBatchesHoldTheSameAsTheirSequence) {
  EXPECT_TRUE(rc::check([] {
    Graph graph("node1");
    Held one_by_one, merged;
    Batch all;
    for (int step = *rc::gen::inRange(1, 20); step > 0; --step) {
      model::UpdateBatch batch;
      const Change change = AnyChange();
      batch.updates.insert_or_assign(change.first, change.second);
      batch.in_sync = true;
      const Batch out = graph.Apply(batch);
      one_by_one.Apply(out);
      all.MergeFrom(out);
    }
    // Removals of sets that the receiver never had are fine for a merged batch.
    std::erase_if(all.ip_sets, [](const auto& entry) { return entry.second == nullptr; });
    for (auto* map : {&all.policies, &all.profiles})
      std::erase_if(*map, [](const auto& entry) { return !entry.second; });
    std::erase_if(all.endpoints, [](const auto& entry) { return !entry.second; });
    std::erase_if(all.host_endpoints, [](const auto& entry) { return !entry.second; });
    merged.Apply(all);
    RC_ASSERT(merged == one_by_one);
  }));
}

}  // namespace
}  // namespace calico::calc
