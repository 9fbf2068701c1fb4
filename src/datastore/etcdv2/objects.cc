// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/objects.h"

#include <algorithm>
#include <set>

#include "base/log.h"
#include "model/codec/json.h"

namespace calico::datastore::etcdv2 {
namespace {

using model::Kind;

constexpr std::string_view kHosts = "/calico/v1/host/";
constexpr std::string_view kResources = "/calico/resources/v3/";

bool Exists(const Mirror& mirror, const StoredObject& object) {
  switch (object.place.key.kind) {
    case Kind::kNode:
      return mirror.Find(std::string(kHosts) + object.place.identity.node) != nullptr;
    case Kind::kProfile:
      return object.values.contains("tags");
    case Kind::kClusterInformation:
      return object.values.contains("Ready") || object.values.contains("ClusterGUID");
    default:
      return !object.values.empty();
  }
}

bool IsBelow(const std::string& key, const std::string& root) {
  return key.size() > root.size() && key.starts_with(root) && key[root.size()] == '/';
}

}  // namespace

void Mirror::Put(const RawNode& node, bool keep_value) {
  Entry& entry = entries_[node.key];
  entry.value = keep_value ? node.value : std::string();
  entry.modified = node.modified;
  entry.dir = node.dir;
  if (!node.key.starts_with(kHosts)) return;
  const std::size_t slash = node.key.find('/', kHosts.size());
  if (slash != std::string::npos)
    entries_.try_emplace(node.key.substr(0, slash), Entry{"", node.modified, true});
}

void Mirror::Remove(const std::string& key) {
  entries_.erase(key);
}

const Mirror::Entry* Mirror::Find(const std::string& key) const {
  const auto found = entries_.find(key);
  return found == entries_.end() ? nullptr : &found->second;
}

std::vector<std::string> Mirror::Tree(const std::string& root) const {
  std::vector<std::string> keys;
  if (entries_.contains(root)) keys.push_back(root);
  for (auto it = entries_.lower_bound(root + "/"); it != entries_.end() && IsBelow(it->first, root); ++it)
    keys.push_back(it->first);
  return keys;
}

bool IsSingle(Kind kind) {
  return PrimaryRole(kind) == "";
}

std::optional<StoredObject> Collect(const Mirror& mirror, const Place& place) {
  StoredObject object{place, {}, {}, 0};
  for (const std::string& role : RolesOf(place.key.kind, place.identity)) {
    const Mirror::Entry* entry = mirror.Find(RawKey(place, role));
    if (entry == nullptr || entry->dir) continue;
    object.values[role] = entry->value;
    object.revisions[role] = entry->modified;
    object.revision = std::max(object.revision, entry->modified);
  }
  if (!Exists(mirror, object)) return std::nullopt;
  if (object.revision == 0)
    object.revision = mirror.Find(std::string(kHosts) + place.identity.node)->modified;
  return object;
}

Result<KeyValue> ToKeyValue(const StoredObject& object) {
  const model::Key& key = object.place.key;
  const auto decoded = model::ObjectFromV1(key, object.place.identity, object.values);
  if (decoded.has_value())
    return KeyValue{model::ToPath(key), model::EncodeValue(key, *decoded), object.revision};
  if (!model::IsEnforced(key.kind)) return decoded.error();
  return KeyValue{model::ToPath(key), model::ValueForUnreadable(decoded.error().message()), object.revision};
}

Result<KeyValue> ToKeyValue(const std::string& raw_key, const std::string& value, Revision modified) {
  const auto key = model::ParsePath(raw_key);
  if (!key || !IsIpam(key->kind)) return KeyValue{raw_key, value, modified};
  auto canonical = model::IpamValueFromV1(*key, value, modified);
  // What cannot be read is handed on as it stands, as the driver for v3 does: its reader says what is wrong
  // with it.
  return KeyValue{raw_key, canonical.has_value() ? *std::move(canonical) : value, modified};
}

std::vector<KeyValue> ObjectsIn(const Mirror& mirror, std::string_view prefix) {
  std::map<std::string, Place> places;
  for (const auto& [raw_key, entry] : mirror.entries()) {
    for (Part& part : PartsAt(raw_key)) {
      if (entry.dir && part.role != kExistence) continue;
      std::string path = model::ToPath(part.place.key);
      if (path.starts_with(prefix)) places.try_emplace(std::move(path), std::move(part.place));
    }
  }
  std::vector<KeyValue> items;
  items.reserve(places.size());
  for (const auto& [path, place] : places) {
    const auto object = Collect(mirror, place);
    if (!object) continue;
    auto kv = ToKeyValue(*object);
    if (kv.has_value())
      items.push_back(*std::move(kv));
    else
      LogWarning("etcdv2", "skipping {}: {}", path, kv.error().message());
  }
  return items;
}

Scope ScopeOf(const std::string& prefix) {
  Scope scope;
  std::vector<std::string> roots = RootsOf(prefix);
  scope.raw = !prefix.starts_with(kResources);
  if (scope.raw) {
    const std::size_t slash = prefix.rfind('/');
    roots.push_back(slash == std::string::npos ? "" : prefix.substr(0, slash));
  }
  for (const std::string& root : roots) {
    const bool covered = std::any_of(roots.begin(), roots.end(),
                                     [&](const std::string& other) { return IsBelow(root, other); });
    if (!covered && std::find(scope.roots.begin(), scope.roots.end(), root) == scope.roots.end())
      scope.roots.push_back(root);
  }
  return scope;
}

}  // namespace calico::datastore::etcdv2
