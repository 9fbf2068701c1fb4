// SPDX-License-Identifier: Apache-2.0
// The law of the graph: whatever the order and the detours, the dataplane ends where a fresh graph would put
// it.
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
  std::map<std::string, dataplane_api::ProfileRules> profiles;
  std::map<std::string, std::set<net::Ip>> ip_sets;
  dataplane_api::HostSettings host;
  bool operator==(const Held&) const = default;

  void Apply(const Batch& batch) {
    for (const auto& [name, value] : batch.endpoints) Store(endpoints, name, value);
    for (const auto& [name, value] : batch.profiles) Store(profiles, name, value);
    for (const auto& [id, set] : batch.ip_sets) {
      if (set == nullptr)
        RC_ASSERT(ip_sets.erase(id) == 1U);
      else
        ip_sets[id] = set->members;
    }
    for (const auto& [id, delta] : batch.ip_set_deltas) {
      RC_ASSERT(ip_sets.contains(id));
      for (const net::Ip& ip : delta.removed) RC_ASSERT(ip_sets[id].erase(ip) == 1U);
      for (const net::Ip& ip : delta.added) RC_ASSERT(ip_sets[id].insert(ip).second);
    }
    if (batch.host) host = *batch.host;
    CheckReferences();
  }
  // Every set and profile that is named is there.
  void CheckReferences() const {
    for (const auto& [name, endpoint] : endpoints) {
      for (const std::string& profile : endpoint.profiles) RC_ASSERT(profiles.contains(profile));
    }
    for (const auto& [name, rules] : profiles) {
      for (const auto& rule : rules.ingress) {
        for (const std::string& id : rule.source.ip_sets) RC_ASSERT(ip_sets.contains(id));
      }
    }
  }
  template <typename T>
  static void Store(std::map<std::string, T>& into, const std::string& name, const std::optional<T>& value) {
    if (value)
      into.insert_or_assign(name, *value);
    else
      into.erase(name);
  }
};

using Change = std::pair<Key, std::shared_ptr<const Object>>;

Change AnyChange() {
  const bool remove = *rc::gen::inRange(0, 4) == 0;
  const int number = *rc::gen::inRange(0, 4);
  const int what = *rc::gen::inRange(0, 10);
  const auto made = [&](Key key, Object object) {
    return Change{std::move(key), remove ? nullptr : std::make_shared<const Object>(std::move(object))};
  };
  if (what < 5) {
    model::WorkloadEndpoint endpoint;
    endpoint.node = *rc::gen::element<std::string>("node1", "node2");
    endpoint.endpoint = endpoint.interface_name = "cali" + std::to_string(number);
    endpoint.ip_networks = {"10.0.0." + std::to_string(*rc::gen::inRange(1, 5)) + "/32"};
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i)
      endpoint.profiles.push_back("p" + std::to_string(*rc::gen::inRange(0, 3)));
    std::sort(endpoint.profiles.begin(), endpoint.profiles.end());
    endpoint.profiles.erase(std::unique(endpoint.profiles.begin(), endpoint.profiles.end()),
                            endpoint.profiles.end());
    endpoint.metadata.ns = "default";
    if (*rc::gen::arbitrary<bool>()) endpoint.metadata.labels["a"] = std::to_string(*rc::gen::inRange(0, 2));
    return made(Key::Resource(Kind::kWorkloadEndpoint, "e" + std::to_string(number), "default"), endpoint);
  }
  if (what < 8) {
    model::Profile profile;
    if (*rc::gen::arbitrary<bool>()) profile.labels_to_apply["a"] = std::to_string(*rc::gen::inRange(0, 2));
    for (int i = *rc::gen::inRange(0, 3); i > 0; --i) {
      model::Rule rule;
      rule.action = "Allow";
      rule.source.selector = *rc::gen::element<std::string>("a == '0'", "a == '1'", "has(a)", "all()");
      profile.ingress.push_back(rule);
    }
    return made(Key::Resource(Kind::kProfile, "p" + std::to_string(number % 3)), profile);
  }
  model::IPPool pool;
  pool.cidr = "10." + std::to_string(number) + ".0.0/16";
  pool.nat_outgoing = *rc::gen::arbitrary<bool>();
  return made(Key::Resource(Kind::kIPPool, "pool" + std::to_string(number)), pool);
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
    merged.Apply(all);
    RC_ASSERT(merged == one_by_one);
  }));
}

}  // namespace
}  // namespace calico::calc
