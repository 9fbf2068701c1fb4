// SPDX-License-Identifier: Apache-2.0
#include "datastore/etcdv2/writer.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "model/codec/json.h"

namespace calico::datastore::etcdv2 {
namespace {

using model::Key;
using model::Kind;

constexpr char kIpipEnabled[] = "/calico/v1/config/IpInIpEnabled";

Error NotFound(const Key& key) {
  return Error(ErrorCode::kNotFound, "no such key: " + model::ToPath(key));
}
Error Changed(const Key& key) {
  return Error(ErrorCode::kConflict, "revision of " + model::ToPath(key) + " has changed");
}

// What has to be listed to know the object.
struct Question {
  std::string root;
  bool recursive;
};
std::vector<Question> QuestionsOf(const Place& place) {
  const std::string host = "/calico/v1/host/" + place.identity.node,
                    bgp = "/calico/bgp/v1/host/" + place.identity.node;
  switch (place.key.kind) {
    case Kind::kNode:
      // Not recursive: a host has thousands of workloads.
      return {{host, false}, {RawKey(place, "IpInIpTunnelAddr"), false}, {bgp, false}};
    case Kind::kProfile: {
      const std::string tags = RawKey(place, "tags");
      return {{tags.substr(0, tags.rfind('/')), false}};
    }
    case Kind::kFelixConfiguration:
      return {{place.identity.node.empty() ? "/calico/v1/config" : host + "/config", false}};
    case Kind::kBGPConfiguration:
      return {{place.identity.node.empty() ? "/calico/bgp/v1/global" : bgp, false}};
    case Kind::kClusterInformation:
      return {{"/calico/v1/Ready", false}, {"/calico/v1/config", false}};
    default:
      return {{RawKey(place, ""), false}};
  }
}

Result<model::Object> DecodeCanonical(const Key& key, const std::string& value) {
  if (!IsStored(key.kind)) return model::NeedsEtcdV3(std::string(model::KindName(key.kind)));
  return model::DecodeValue(key, value);
}

// Roles in the order in which they are written: the primary one decides and comes first.
std::vector<std::string> InOrder(const Place& place, const model::V1Values& values) {
  std::vector<std::string> roles;
  for (const std::string& role : RolesOf(place.key.kind, place.identity)) {
    if (values.contains(role)) roles.push_back(role);
  }
  return roles;
}

// A pool with IP-in-IP turns it on for the hosts; nothing turns it off (B.4.5).
Status AfterPool(const RawStore& store, const model::Object& object) {
  const auto* pool = std::get_if<model::IPPool>(&object);
  if (pool == nullptr || pool->ipip_mode.empty() || pool->ipip_mode == "Never") return Ok();
  const auto set = store.Get(kIpipEnabled);
  if (set.has_value() && set->value == "true") return Ok();
  auto written = store.Put(kIpipEnabled, "true", Condition::None());
  return written.has_value() ? Ok() : Status(std::move(written).error());
}

void RemoveEmptyParents(const RawStore& store, const Place& place) {
  std::string directory = RawKey(place, "");
  directory = directory.substr(0, directory.rfind('/'));  // …/endpoint
  for (int level = 0; level < 2; ++level) {
    if (!store.DeleteEmptyDirectory(directory).has_value()) return;
    directory = directory.substr(0, directory.rfind('/'));  // …/<workload>
  }
}

Status DeleteNode(const RawStore& store, const StoredObject& stored, Revision expected) {
  const std::string& node = stored.place.identity.node;
  if (const auto metadata = stored.revisions.find("metadata");
      expected != 0 && metadata != stored.revisions.end())
    RETURN_IF_ERROR(store.Delete(RawKey(stored.place, "metadata"), metadata->second, false));
  for (const std::string& root : {"/calico/bgp/v1/host/" + node, "/calico/v1/host/" + node}) {
    Status deleted = store.Delete(root, std::nullopt, true);
    if (!deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound) return deleted;
  }
  // Directories of affinities that have been released; those that still hold one stay.
  const std::string ipam = "/calico/ipam/v2/host/" + node;
  for (const std::string family : {"ipv4", "ipv6"}) {
    if (store.DeleteEmptyDirectory(fmt::format("{}/{}/block", ipam, family)).has_value())
      static_cast<void>(store.DeleteEmptyDirectory(fmt::format("{}/{}", ipam, family)));
  }
  static_cast<void>(store.DeleteEmptyDirectory(ipam));
  return Ok();
}

Status DeleteProfile(const RawStore& store, const StoredObject& stored, Revision expected) {
  const std::string tags = RawKey(stored.place, "tags");
  if (expected != 0) RETURN_IF_ERROR(store.Delete(tags, stored.revisions.at("tags"), false));
  return store.Delete(tags.substr(0, tags.rfind('/')), std::nullopt, true);
}

}  // namespace

Result<StoredObject> Read(const RawStore& store, const Place& place) {
  Mirror mirror;
  for (const Question& question : QuestionsOf(place)) {
    ASSIGN_OR_RETURN(const RawList list, store.List(question.root, question.recursive));
    for (const RawNode& node : list.nodes) mirror.Put(node);
  }
  auto object = Collect(mirror, place);
  if (!object) return NotFound(place.key);
  return *std::move(object);
}

Result<StoredObject> Find(const RawStore& store, const Key& key) {
  for (const Place& place : PlacesOf(key)) {
    auto object = Read(store, place);
    if (object.has_value() || object.error().code() != ErrorCode::kNotFound) return object;
  }
  return NotFound(key);
}

Result<Revision> Create(const RawStore& store, const Key& key, const std::string& value) {
  ASSIGN_OR_RETURN(const model::Object object, DecodeCanonical(key, value));
  ASSIGN_OR_RETURN(const Place place, PlaceFor(key, object));
  ASSIGN_OR_RETURN(const model::V1Values values, model::ObjectToV1(key, place.identity, object, {}));
  const auto primary = PrimaryRole(key.kind);
  if (!primary) {
    const auto stored = Read(store, place);
    if (stored.has_value()) return Error(ErrorCode::kAlreadyExists, "key exists: " + model::ToPath(key));
    if (stored.error().code() != ErrorCode::kNotFound) return stored.error();
    if (values.empty())
      return Error(ErrorCode::kInvalidArgument,
                   model::Describe(key) + ": Calico 2.6 stores no empty settings");
  }
  Revision last = 0;
  for (const std::string& role : InOrder(place, values)) {
    // Once the primary key is ours, what a former owner left behind is overwritten.
    const bool decides = !primary || role == *primary;
    ASSIGN_OR_RETURN(last, store.Put(RawKey(place, role), values.at(role),
                                     decides ? Condition::Absent() : Condition::None()));
  }
  RETURN_IF_ERROR(AfterPool(store, object));
  return last;
}

Result<Revision> Update(const RawStore& store, const Key& key, const std::string& value, Revision expected) {
  ASSIGN_OR_RETURN(const model::Object object, DecodeCanonical(key, value));
  ASSIGN_OR_RETURN(const Place place, PlaceFor(key, object));
  ASSIGN_OR_RETURN(const StoredObject stored, Read(store, place));
  if (stored.revision != expected) return Changed(key);
  ASSIGN_OR_RETURN(const model::V1Values values,
                   model::ObjectToV1(key, place.identity, object, stored.values));
  const auto primary = PrimaryRole(key.kind);
  Revision newest = 0;
  for (const std::string& role : InOrder(place, values)) {
    const auto now = stored.values.find(role);
    // The primary key is written even if it stays the same: its revision is what others compare.
    if (now != stored.values.end() && now->second == values.at(role) && role != primary) {
      newest = std::max(newest, stored.revisions.at(role));
      continue;
    }
    const Condition condition =
        now == stored.values.end() ? Condition::Absent() : Condition::At(stored.revisions.at(role));
    auto written = store.Put(RawKey(place, role), values.at(role), condition);
    if (!written.has_value()) {
      // Gone or there since we looked.
      const ErrorCode code = written.error().code();
      if (code == ErrorCode::kNotFound || code == ErrorCode::kAlreadyExists)
        return IsSingle(key.kind) ? NotFound(key) : Changed(key);
      return written;
    }
    newest = std::max(newest, *written);
  }
  for (const auto& [role, revision] : stored.revisions) {
    if (values.contains(role)) continue;
    const Status deleted = store.Delete(RawKey(place, role), revision, false);
    if (!deleted.has_value() && deleted.error().code() != ErrorCode::kNotFound) return deleted.error();
  }
  RETURN_IF_ERROR(AfterPool(store, object));
  return newest;
}

Result<Revision> Put(const RawStore& store, const Key& key, const std::string& value) {
  ASSIGN_OR_RETURN(const model::Object object, DecodeCanonical(key, value));
  ASSIGN_OR_RETURN(const Place place, PlaceFor(key, object));
  auto stored = Read(store, place);
  if (!stored.has_value()) {
    if (stored.error().code() != ErrorCode::kNotFound) return stored.error();
    stored = StoredObject{place, {}, {}, 0};
  }
  ASSIGN_OR_RETURN(const model::V1Values values,
                   model::ObjectToV1(key, place.identity, object, stored->values));
  Revision newest = 0;
  for (const std::string& role : InOrder(place, values)) {
    ASSIGN_OR_RETURN(const Revision written,
                     store.Put(RawKey(place, role), values.at(role), Condition::None()));
    newest = std::max(newest, written);
  }
  for (const auto& [role, revision] : stored->revisions) {
    if (!values.contains(role)) RETURN_IF_ERROR(store.Delete(RawKey(place, role), std::nullopt, false));
  }
  RETURN_IF_ERROR(AfterPool(store, object));
  return newest;
}

Status Delete(const RawStore& store, const Key& key, Revision expected) {
  if (!IsStored(key.kind)) return model::NeedsEtcdV3(std::string(model::KindName(key.kind)));
  ASSIGN_OR_RETURN(const StoredObject stored, Find(store, key));
  if (expected != 0 && stored.revision != expected) return Changed(key);
  if (key.kind == Kind::kNode) return DeleteNode(store, stored, expected);
  if (key.kind == Kind::kProfile) return DeleteProfile(store, stored, expected);
  for (const auto& [role, revision] : stored.revisions) {
    RETURN_IF_ERROR(store.Delete(RawKey(stored.place, role),
                                 expected != 0 ? std::optional(revision) : std::nullopt, false));
  }
  if (key.kind == Kind::kWorkloadEndpoint) RemoveEmptyParents(store, stored.place);
  return Ok();
}

}  // namespace calico::datastore::etcdv2
