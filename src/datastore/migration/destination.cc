// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/destination.h"

#include <map>

#include <fmt/format.h>

#include "model/codec/json.h"

namespace calico::datastore::migration {
namespace {

using model::Key;
using model::Kind;

std::string NameOf(const Key& key) {
  return model::IsResource(key.kind) ? model::Describe(key) : model::ToPath(key);
}

// What "initialise" makes by itself.
bool IsBuiltIn(const Key& key) {
  if (key.kind == Kind::kClusterInformation) return true;
  return key.kind == Kind::kTier &&
         (key.name == "default" || key.name == "kube-admin" || key.name == "kube-baseline");
}

// The bytes without what each write of the same object makes anew or adds by rule.
std::string Comparable(const Key& key, model::Object object) {
  if (model::IsResource(key.kind)) {
    model::Metadata& metadata = model::MetadataOf(object);
    metadata.uid.clear();
    metadata.creation_timestamp.clear();
    metadata.resource_version.clear();
    metadata.annotations.erase("projectcalico.org/metadata");
    for (const char* label :
         {"projectcalico.org/tier", "projectcalico.org/namespace", "projectcalico.org/orchestrator"}) {
      metadata.labels.erase(label);
    }
  }
  return model::EncodeValue(key, object);
}

bool IsSame(const Step& step, const model::Object& stored) {
  if (const auto* cluster = std::get_if<model::ClusterInformation>(&stored)) {
    // The nodes write the rest of it.
    const std::string& wanted = std::get<model::ClusterInformation>(step.object).cluster_guid;
    return wanted.empty() || cluster->cluster_guid == wanted;
  }
  return Comparable(step.key, stored) == Comparable(step.key, step.object);
}

Result<model::Object> ReadStored(Client& destination, const Clock& clock, const Key& key,
                                 const KeyValue& kv) {
  if (!model::IsResource(key.kind)) return model::DecodeValue(key, kv.value);
  ASSIGN_OR_RETURN(Stored stored, Resources(destination, clock).Get(key));
  return std::move(stored.object);
}

}  // namespace

Result<std::set<Key>> FindDone(Client& destination, const Clock& clock, const Plan& plan) {
  std::map<Key, const Step*> steps;
  for (const Step& step : plan.steps) steps.emplace(step.key, &step);
  std::set<Key> done;
  for (const char* prefix : {"/calico/resources/v3/", "/calico/ipam/v2/"}) {
    ASSIGN_OR_RETURN(const ListResult list, destination.List(prefix));
    for (const KeyValue& kv : list.items) {
      const auto key = model::ParsePath(kv.key);
      const auto step = key ? steps.find(*key) : steps.end();
      if (step == steps.end()) {
        if (key && IsBuiltIn(*key)) continue;
        return Error(ErrorCode::kAlreadyExists,
                     fmt::format("the destination is not empty: it holds {}, which the source does not have",
                                 key ? NameOf(*key) : kv.key));
      }
      const auto stored = ReadStored(destination, clock, *key, kv);
      if (!stored.has_value() || !IsSame(*step->second, *stored)) {
        return Error(
            ErrorCode::kAlreadyExists,
            fmt::format("the destination is not empty: its {} is not what {} {} of the source becomes",
                        NameOf(*key), step->second->v1_kind, step->second->v1_name));
      }
      done.insert(*key);
    }
  }
  return done;
}

Status WriteStep(Client& destination, Resources& resources, const Step& step) {
  if (model::IsResource(step.key.kind)) {
    const auto stored = resources.Create(step.object);
    if (stored.has_value()) return Ok();
    return stored.error();
  }
  const auto created = destination.Create(model::ToPath(step.key), model::EncodeValue(step.key, step.object));
  if (created.has_value()) return Ok();
  return Error(created.error()).WithContext(model::ToPath(step.key));
}

}  // namespace calico::datastore::migration
