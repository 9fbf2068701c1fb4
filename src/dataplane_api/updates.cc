// SPDX-License-Identifier: Apache-2.0
#include "dataplane_api/updates.h"

#include <utility>

namespace calico::dataplane_api {
namespace {

// A whole set and a later delta are a whole set; two deltas are one.
void MergeDelta(Batch& into, const std::string& id, IpSetDelta delta) {
  if (const auto whole = into.ip_sets.find(id); whole != into.ip_sets.end() && whole->second != nullptr) {
    whole->second = std::make_shared<const IpSet>(Apply(*whole->second, delta));
    return;
  }
  const auto [earlier, fresh] = into.ip_set_deltas.try_emplace(id, delta);
  if (!fresh) earlier->second = Combine(earlier->second, delta);
}

}  // namespace

bool Batch::empty() const {
  return endpoints.empty() && host_endpoints.empty() && policies.empty() && profiles.empty() &&
         ip_sets.empty() && ip_set_deltas.empty() && hosts.empty() && routes.empty() && !host && !in_sync;
}

void Batch::MergeFrom(Batch later) {
  for (auto& [name, value] : later.endpoints) endpoints.insert_or_assign(name, std::move(value));
  for (auto& [name, value] : later.host_endpoints) host_endpoints.insert_or_assign(name, std::move(value));
  for (auto& [name, value] : later.policies) policies.insert_or_assign(name, std::move(value));
  for (auto& [name, value] : later.profiles) profiles.insert_or_assign(name, std::move(value));
  for (auto& [id, value] : later.ip_sets) {
    ip_set_deltas.erase(id);
    ip_sets.insert_or_assign(id, std::move(value));
  }
  for (auto& [id, delta] : later.ip_set_deltas) MergeDelta(*this, id, std::move(delta));
  for (auto& [name, value] : later.hosts) hosts.insert_or_assign(name, std::move(value));
  for (auto& [destination, value] : later.routes) routes.insert_or_assign(destination, std::move(value));
  if (later.host) host = std::move(later.host);
  in_sync = in_sync || later.in_sync;
}

}  // namespace calico::dataplane_api
