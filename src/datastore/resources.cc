// SPDX-License-Identifier: Apache-2.0
#include "datastore/resources.h"

#include <charconv>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::datastore {
namespace {

constexpr char kAllowProfile[] = "projectcalico-default-allow";
constexpr int kReplaceTries = 5;

bool IsStaticProfile(const model::Key& key) {
  return key.kind == model::Kind::kProfile && key.name == kAllowProfile;
}

// Reference datastore-model A.7.1: it appears to exist without being stored.
Stored StaticProfile() {
  model::Profile profile;
  profile.metadata.name = kAllowProfile;
  profile.metadata.resource_version = "1";
  model::Rule allow;
  allow.action = "Allow";
  profile.ingress = profile.egress = {allow};
  return {profile, 1};
}

// The store's error in upstream's words (A.16).
Error Named(Error error, const model::Key& key) {
  const std::string what = model::Describe(key);
  switch (error.code()) {
    case ErrorCode::kNotFound:
      return Error(ErrorCode::kNotFound, fmt::format("resource does not exist: {} with error: <nil>", what));
    case ErrorCode::kAlreadyExists:
      return Error(ErrorCode::kAlreadyExists,
                   fmt::format("resource already exists: {} with error: <nil>", what));
    case ErrorCode::kConflict:
      return Error(ErrorCode::kConflict, fmt::format("update conflict: {}", what));
    default:
      return error;
  }
}

Error Missing(const std::string& field, const std::string& reason) {
  return model::FieldError(field, "", reason);
}

Result<Stored> Decode(const model::Key& key, const KeyValue& kv) {
  ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv.value));
  if (model::IsResource(key.kind)) model::MetadataOf(object).resource_version = std::to_string(kv.revision);
  return Stored{std::move(object), kv.revision};
}

Result<Revision> ParseRevision(const std::string& text) {
  Revision revision = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error != std::errc() || end != text.data() + text.size()) {
    return model::FieldError("ResourceVersion", text, "resource version must be an integer");
  }
  return revision;
}

}  // namespace

Result<Stored> Resources::Get(const model::Key& key) {
  if (IsStaticProfile(key)) return StaticProfile();
  auto kv = client_.Get(model::ToPath(key));
  if (!kv.has_value()) return Named(std::move(kv).error(), key);
  return Decode(key, *kv);
}

Result<ObjectList> Resources::List(model::Kind kind) {
  return List(kind, "");
}

Result<ObjectList> Resources::List(model::Kind kind, const std::string& ns) {
  ASSIGN_OR_RETURN(const ListResult listed,
                   client_.List(ns.empty() ? model::ListPrefix(kind) : model::ListPrefix(kind, ns)));
  ObjectList result;
  result.revision = listed.revision;
  for (const KeyValue& kv : listed.items) {
    const auto key = model::ParsePath(kv.key);
    if (!key || key->kind != kind) continue;
    auto stored = Decode(*key, kv);
    if (!stored.has_value()) {
      LogWarning("datastore", "skipping {}: {}", kv.key, stored.error().message());
      continue;
    }
    result.items.push_back(std::move(*stored));
  }
  if (kind == model::Kind::kProfile) result.items.push_back(StaticProfile());
  return result;
}

Result<Stored> Resources::Create(model::Object object) {
  model::Metadata& metadata = model::MetadataOf(object);
  if (auto* endpoint = std::get_if<model::WorkloadEndpoint>(&object);
      endpoint != nullptr && endpoint->metadata.ns.empty()) {
    return Missing("Metadata.Namespace", "namespace is not specified on namespaced resource");
  }
  RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
  if (metadata.name.empty()) return Missing("Metadata.Name", "field must be set for a Create request");
  if (!metadata.resource_version.empty()) {
    return model::FieldError("Metadata.ResourceVersion", metadata.resource_version,
                             "field must not be set for a Create request");
  }
  RETURN_IF_ERROR(model::Validate(object));
  const model::Key key = model::KeyOf(object);
  if (IsStaticProfile(key)) return Named(Error(ErrorCode::kAlreadyExists, ""), key);
  if (const auto* pool = std::get_if<model::IPPool>(&object)) {
    ASSIGN_OR_RETURN(const ObjectList pools, List(model::Kind::kIPPool));
    const auto cidr = net::Cidr::Parse(pool->cidr);
    for (const Stored& other : pools.items) {
      const auto& old = std::get<model::IPPool>(other.object);
      const auto old_cidr = net::Cidr::Parse(old.cidr);
      if (old.metadata.name != metadata.name && cidr && old_cidr && cidr->Overlaps(*old_cidr)) {
        return model::FieldError("IPPool.Spec.CIDR", pool->cidr,
                                 fmt::format("IPPool({}) CIDR overlaps with IPPool({}) CIDR {}",
                                             metadata.name, old.metadata.name, old.cidr));
      }
    }
  }
  if (metadata.creation_timestamp.empty()) metadata.creation_timestamp = FormatRfc3339(clock_.WallNow());
  if (metadata.uid.empty()) metadata.uid = RandomUuid();
  auto revision = client_.Create(model::ToPath(key), model::EncodeValue(key, object));
  if (!revision.has_value()) return Named(std::move(revision).error(), key);
  metadata.resource_version = std::to_string(*revision);
  return Stored{std::move(object), *revision};
}

Result<Stored> Resources::Update(model::Object object) {
  model::Metadata& metadata = model::MetadataOf(object);
  const model::Key key = model::KeyOf(object);
  if (IsStaticProfile(key)) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("operation Update is not supported on {}: The profile \"{}\" is a default "
                             "provided by Calico and cannot be updated",
                             model::Describe(key), kAllowProfile));
  }
  if (metadata.resource_version.empty())
    return Missing("Metadata.ResourceVersion", "field must be set for an Update request");
  if (metadata.creation_timestamp.empty())
    return Missing("Metadata.CreationTimestamp", "field must be set for an Update request");
  if (metadata.uid.empty()) return Missing("Metadata.UID", "field must be set for an Update request");
  ASSIGN_OR_RETURN(const Revision expected, ParseRevision(metadata.resource_version));
  model::Object old;
  const model::Object* old_object = nullptr;
  if (key.kind == model::Kind::kIPPool) {  // the only kind whose defaults look at the old object
    ASSIGN_OR_RETURN(Stored stored, Get(key));
    old = std::move(stored.object);
    old_object = &old;
  }
  RETURN_IF_ERROR(model::ApplyDefaults(object, old_object));
  RETURN_IF_ERROR(model::Validate(object));
  auto revision = client_.Update(model::ToPath(key), model::EncodeValue(key, object), expected);
  if (!revision.has_value()) return Named(std::move(revision).error(), key);
  metadata.resource_version = std::to_string(*revision);
  return Stored{std::move(object), *revision};
}

Status Resources::Delete(const model::Key& key, Revision expected) {
  if (IsStaticProfile(key)) {
    return Error(ErrorCode::kUnsupported,
                 fmt::format("operation Delete is not supported on {}: The profile \"{}\" is a default "
                             "provided by Calico and cannot be deleted",
                             model::Describe(key), kAllowProfile));
  }
  Status status = client_.Delete(model::ToPath(key), expected);
  if (!status.has_value()) return Named(std::move(status).error(), key);
  return Ok();
}

Result<Stored> Resources::Replace(model::Object object) {
  model::Metadata& metadata = model::MetadataOf(object);
  const std::string wanted = metadata.resource_version;
  // A pool's or endpoint's name may follow from its spec.
  if (metadata.name.empty()) RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
  const model::Key key = model::KeyOf(object);
  for (int attempt = 0;; ++attempt) {
    ASSIGN_OR_RETURN(const Stored current, Get(key));
    const model::Metadata& stored = model::MetadataOf(current.object);
    if (!wanted.empty() && wanted != stored.resource_version)
      return Named(Error(ErrorCode::kConflict, ""), key);
    model::Metadata merged = stored;
    merged.labels = metadata.labels;
    merged.annotations = metadata.annotations;
    model::Object next = object;
    model::MetadataOf(next) = std::move(merged);
    auto updated = Update(std::move(next));
    if (updated.has_value() || updated.error().code() != ErrorCode::kConflict || !wanted.empty() ||
        attempt + 1 == kReplaceTries) {
      return updated;
    }
    SleepFor(std::chrono::milliseconds(50 << attempt));
  }
}

Result<Stored> Resources::Apply(model::Object object) {
  model::Object fresh = object;
  model::MetadataOf(fresh).resource_version.clear();
  auto created = Create(std::move(fresh));
  if (created.has_value() || created.error().code() != ErrorCode::kAlreadyExists) return created;
  return Replace(std::move(object));
}

}  // namespace calico::datastore
