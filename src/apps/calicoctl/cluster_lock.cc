// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/cluster_lock.h"

#include "datastore/initialisation.h"
#include "model/codec/json.h"

namespace calico::calicoctl {
namespace {

constexpr int kTries = 10;

const model::Key& ClusterKey() {
  static const model::Key kKey = model::Key::Resource(model::Kind::kClusterInformation, "default");
  return kKey;
}

}  // namespace

Result<model::ClusterInformation> ReadClusterInformation(const Session& session) {
  auto stored = session.resources().Get(ClusterKey());
  if (stored.has_value()) return std::get<model::ClusterInformation>(std::move(stored->object));
  if (stored.error().code() == ErrorCode::kNotFound) return model::ClusterInformation{};
  return std::move(stored).error();
}

bool IsLocked(const model::ClusterInformation& information) {
  return information.datastore_ready.has_value() && !*information.datastore_ready;
}

Status SetLocked(const Session& session, bool locked) {
  RETURN_IF_ERROR(datastore::EnsureInitialised(session.client(), session.clock(), {}));
  const std::string path = model::ToPath(ClusterKey());
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const datastore::KeyValue kv, session.client().Get(path));
    ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(ClusterKey(), kv.value));
    std::get<model::ClusterInformation>(object).datastore_ready = !locked;
    const auto updated = session.client().Update(path, model::EncodeValue(ClusterKey(), object), kv.revision);
    if (updated.has_value()) return Ok();
    if (updated.error().code() != ErrorCode::kConflict || attempt == kTries) return updated.error();
  }
}

}  // namespace calico::calicoctl
