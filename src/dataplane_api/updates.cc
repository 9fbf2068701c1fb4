// SPDX-License-Identifier: Apache-2.0
#include "dataplane_api/updates.h"

#include <utility>

namespace calico::dataplane_api {
namespace {

// A whole set and a later delta are a whole set; two deltas are one.
void MergeDelta(Batch& into, const std::string& id, Batch::IpSetDelta delta) {
  if (const auto whole = into.ip_sets.find(id); whole != into.ip_sets.end() && whole->second != nullptr) {
    IpSet merged = *whole->second;
    for (const net::Ip& ip : delta.removed) merged.members.erase(ip);
    merged.members.insert(delta.added.begin(), delta.added.end());
    whole->second = std::make_shared<const IpSet>(std::move(merged));
    return;
  }
  Batch::IpSetDelta& earlier = into.ip_set_deltas[id];
  for (const net::Ip& ip : delta.removed) {
    if (earlier.added.erase(ip) == 0) earlier.removed.insert(ip);
  }
  for (const net::Ip& ip : delta.added) {
    if (earlier.removed.erase(ip) == 0) earlier.added.insert(ip);
  }
}

}  // namespace

bool Batch::empty() const {
  return endpoints.empty() && profiles.empty() && ip_sets.empty() && ip_set_deltas.empty() && !host &&
         !in_sync;
}

void Batch::MergeFrom(Batch later) {
  for (auto& [name, value] : later.endpoints) endpoints.insert_or_assign(name, std::move(value));
  for (auto& [name, value] : later.profiles) profiles.insert_or_assign(name, std::move(value));
  for (auto& [id, value] : later.ip_sets) {
    ip_set_deltas.erase(id);
    ip_sets.insert_or_assign(id, std::move(value));
  }
  for (auto& [id, delta] : later.ip_set_deltas) MergeDelta(*this, id, std::move(delta));
  if (later.host) host = std::move(later.host);
  in_sync = in_sync || later.in_sync;
}

}  // namespace calico::dataplane_api
