// SPDX-License-Identifier: Apache-2.0
#include "datastore/initialisation.h"

#include <algorithm>

#include "base/text.h"
#include "datastore/resources.h"

namespace calico::datastore {
namespace {

using model::Key;
using model::Kind;

void AddType(std::string& list, const std::string& type) {
  const std::vector<std::string> known = Split(list, ',');
  if (type.empty() || std::find(known.begin(), known.end(), type) != known.end()) return;
  list += (list.empty() ? "" : ",") + type;
}

// One try; kConflict when another start-up was faster.
Status TryClusterInformation(Resources& resources, const ClusterFacts& facts) {
  auto stored = resources.Get(Key::Resource(Kind::kClusterInformation, "default"));
  if (!stored.has_value() && stored.error().code() != ErrorCode::kNotFound) return std::move(stored).error();
  model::ClusterInformation information;
  if (stored.has_value()) information = std::get<model::ClusterInformation>(stored->object);
  const model::ClusterInformation before = information;
  information.metadata.name = "default";
  if (information.cluster_guid.empty()) information.cluster_guid = ReplaceAll(RandomUuid(), "-", "");
  if (!facts.version.empty()) information.calico_version = facts.version;
  // An explicit false is somebody's lock.
  information.datastore_ready = information.datastore_ready.value_or(true);
  for (const std::string& type : Split(facts.types, ','))
    AddType(information.cluster_type, std::string(Trim(type)));
  if (stored.has_value() && information == before) return Ok();
  auto written = stored.has_value() ? resources.Update(information) : resources.Create(information);
  if (written.has_value()) return Ok();
  if (written.error().code() == ErrorCode::kAlreadyExists) return Error(ErrorCode::kConflict, "");
  return std::move(written).error();
}

Status CreateTier(Client& client, Resources& resources, const char* name, double order, const char* action) {
  // Reading first keeps the common case free of writes.
  const auto there = client.Get(model::ToPath(Key::Resource(Kind::kTier, name)));
  if (there.has_value()) return Ok();
  if (there.error().code() != ErrorCode::kNotFound) return there.error();
  model::Tier tier;
  tier.metadata.name = name;
  tier.order = order;
  tier.default_action = action;
  auto created = resources.Create(tier);
  if (created.has_value() || created.error().code() == ErrorCode::kAlreadyExists) return Ok();
  return std::move(created).error();
}

}  // namespace

Status EnsureInitialised(Client& client, const Clock& clock, const ClusterFacts& facts) {
  constexpr int kTries = 5;
  Resources resources(client, clock);
  for (int attempt = 0;; ++attempt) {
    Status status = TryClusterInformation(resources, facts);
    if (status.has_value()) break;
    if (client.dialect() == Dialect::kCalico26 && status.error().code() == ErrorCode::kUnsupported) break;
    if (status.error().code() != ErrorCode::kConflict || attempt + 1 == kTries) return status;
    SleepFor(std::chrono::milliseconds(50 << attempt));
  }
  if (client.dialect() == Dialect::kCalico26) return Ok();
  RETURN_IF_ERROR(CreateTier(client, resources, "default", 1'000'000, "Deny"));
  RETURN_IF_ERROR(CreateTier(client, resources, "kube-admin", 1'000, "Pass"));
  return CreateTier(client, resources, "kube-baseline", 10'000'000, "Pass");
}

}  // namespace calico::datastore
