// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/plan.h"

#include <algorithm>
#include <iterator>
#include <map>

#include <fmt/format.h>

#include "datastore/migration/conversion.h"
#include "model/codec/json.h"
#include "model/v1_names.h"
#include "model/validate/validate.h"

namespace calico::datastore::migration {
namespace {

using model::Key;
using model::Kind;

// The order of writing (reference datastore-model D.4). Handles go before blocks: a handle whose block is
// missing is harmless.
constexpr Kind kOrder[] = {Kind::kFelixConfiguration,
                           Kind::kClusterInformation,
                           Kind::kBGPConfiguration,
                           Kind::kNode,
                           Kind::kBGPPeer,
                           Kind::kHostEndpoint,
                           Kind::kIPPool,
                           Kind::kGlobalNetworkPolicy,
                           Kind::kProfile,
                           Kind::kWorkloadEndpoint,
                           Kind::kIpamHandle,
                           Kind::kIpamBlock,
                           Kind::kBlockAffinity,
                           Kind::kIpamConfig};

int RankOf(Kind kind) {
  const auto found = std::find(std::begin(kOrder), std::end(kOrder), kind);
  return static_cast<int>(found - std::begin(kOrder));
}
bool IsConverted(Kind kind) {
  return RankOf(kind) < static_cast<int>(std::size(kOrder));
}

std::string NameIn26(const Key& key, const model::Object& object) {
  if (const auto* pool = std::get_if<model::IPPool>(&object)) return pool->cidr;
  if (const auto* peer = std::get_if<model::BGPPeer>(&object)) {
    return peer->node.empty() ? peer->peer_ip : peer->node + " " + peer->peer_ip;
  }
  if (key.kind == Kind::kWorkloadEndpoint) return key.ns + "/" + key.name;
  if (key.kind == Kind::kBlockAffinity) return key.ns + " " + key.name;
  return key.name;
}

class Planner final {
 public:
  void Add(const KeyValue& kv) {
    const auto key = model::ParsePath(kv.key);
    if (!key || !IsConverted(key->kind)) return;
    auto object = model::DecodeValue(*key, kv.value);
    if (!object.has_value()) {
      plan_.problems.push_back({KindIn26(key->kind), key->name, object.error().message()});
      return;
    }
    const std::string kind = KindIn26(key->kind), name = NameIn26(*key, *object);
    if (const std::string reason = ReasonToSkip(*key, *object); !reason.empty()) {
      plan_.skipped.push_back({kind, name, reason});
      return;
    }
    Status done = Convert(*key, *object);
    if (done.has_value() && model::IsResource(key->kind)) done = Finish(*object);
    if (!done.has_value()) {
      plan_.problems.push_back({kind, name, done.error().message()});
      return;
    }
    const Key after = KeyAfter(*key, *object);
    plan_.steps.push_back({kind, name, after, std::move(*object), after != *key});
  }

  Plan Done() {
    if (std::none_of(plan_.steps.begin(), plan_.steps.end(),
                     [](const Step& step) { return step.key.kind == Kind::kClusterInformation; })) {
      model::ClusterInformation cluster;
      cluster.metadata.name = "default";
      cluster.datastore_ready = false;
      plan_.steps.push_back({KindIn26(Kind::kClusterInformation), "default", model::KeyOf(cluster), cluster});
    }
    std::stable_sort(plan_.steps.begin(), plan_.steps.end(),
                     [](const Step& a, const Step& b) { return RankOf(a.key.kind) < RankOf(b.key.kind); });
    FindClashes();
    return std::move(plan_);
  }

 private:
  static Status Finish(model::Object& object) {
    model::Metadata& metadata = model::MetadataOf(object);
    metadata.resource_version.clear();
    RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
    return model::Validate(object);
  }

  void FindClashes() {
    std::map<Key, const Step*> seen;
    for (const Step& step : plan_.steps) {
      const auto [first, fresh] = seen.emplace(step.key, &step);
      if (fresh) continue;
      plan_.problems.push_back(
          {step.v1_kind, step.v1_name,
           fmt::format("name clash: {} becomes {} too", first->second->v1_name,
                       step.key.ns.empty() ? step.key.name : step.key.ns + "/" + step.key.name)});
    }
  }

  Plan plan_;
};

}  // namespace

Plan MakePlan(const std::vector<KeyValue>& source) {
  Planner planner;
  for (const KeyValue& kv : source) planner.Add(kv);
  return planner.Done();
}

bool IsIpam(const Step& step) {
  return !model::IsResource(step.key.kind);
}

}  // namespace calico::datastore::migration
