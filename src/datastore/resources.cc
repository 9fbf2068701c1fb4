// SPDX-License-Identifier: Apache-2.0
#include "datastore/resources.h"

#include <utility>

#include "base/log.h"
#include "datastore/resource_errors.h"
#include "model/codec/json.h"
#include "model/v1_convert.h"
#include "model/validate/validate.h"

namespace calico::datastore {
namespace {

constexpr int kReplaceTries = 5;
constexpr std::string_view kOldPrefix = "default.";

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

Result<Stored> Decode(const model::Key& key, const KeyValue& kv) {
  auto decoded = model::DecodeValue(key, kv.value);
  if (!decoded.has_value()) {
    const char* consequence =
        model::IsEnforced(key.kind) ? "; agents let it deny everything that it selects" : "";
    return Error(decoded.error().code(), decoded.error().message() + consequence);
  }
  model::Object object = *std::move(decoded);
  if (model::IsResource(key.kind)) model::MetadataOf(object).resource_version = std::to_string(kv.revision);
  return Stored{std::move(object), kv.revision};
}

model::Key OldKey(model::Key key) {
  key.name = std::string(kOldPrefix) + key.name;
  return key;
}

std::string Prefix(model::Kind kind, const std::string& ns) {
  return ns.empty() ? model::ListPrefix(kind) : model::ListPrefix(kind, ns);
}

// What is not known of the stored object's metadata stays with it when its other parts are replaced.
void KeepUnknownMetadata(model::Object& next, const model::Object& stored) {
  std::visit(
      [&](auto& o) {
        using T = std::decay_t<decltype(o)>;
        for (const auto& [pointer, text] : std::get<T>(stored).unknown) {
          if (pointer.starts_with("/metadata/")) o.unknown.insert_or_assign(pointer, text);
        }
      },
      next);
}

}  // namespace

Result<Resources::Found> Resources::Find(const model::Key& key) {
  std::string path = model::ToPath(key);
  auto kv = client_.Get(path);
  if (kv.has_value()) {
    ASSIGN_OR_RETURN(Stored stored, Decode(key, *kv));
    return Found{std::move(stored), std::move(path)};
  }
  if (kv.error().code() == ErrorCode::kNotFound && model::IsTieredPolicy(key.kind) && !v1()) {
    path = model::ToPath(OldKey(key));
    if (const auto old = client_.Get(path); old.has_value()) {
      ASSIGN_OR_RETURN(Stored stored, Decode(OldKey(key), *old));
      if (model::MetadataOf(stored.object).name == key.name) return Found{std::move(stored), std::move(path)};
    }
  }
  return Named(std::move(kv).error(), key);
}

Error Resources::Named(Error error, const model::Key& key) const {
  return v1() ? WordedV1(std::move(error), model::DescribeV1(key))
              : WordedV3(std::move(error), model::Describe(key));
}
Error Resources::Named(Error error, const model::Object& object) const {
  if (!v1()) return Named(std::move(error), model::KeyOf(object));
  std::string what = model::DescribeV1(object);
  // Of the three keys of a profile the tags are created first.
  if (std::holds_alternative<model::Profile>(object) && error.code() == ErrorCode::kAlreadyExists)
    what = "ProfileTags" + what.substr(what.find('('));
  return WordedV1(std::move(error), what);
}

// One list of what old releases left, however many policies are then created.
Result<bool> Resources::HasOldName(const model::Key& key) {
  const std::string prefix = Prefix(key.kind, key.ns) + std::string(kOldPrefix);
  const auto [known, fresh] = old_names_.try_emplace(prefix);
  if (fresh) {
    std::set<std::string> names;
    const auto walked = client_.ForEach(prefix, [&](const KeyValue& kv) {
      const auto stored_key = model::ParsePath(kv.key);
      const auto stored =
          stored_key ? Decode(*stored_key, kv) : Result<Stored>(Error(ErrorCode::kNotFound, ""));
      if (stored.has_value()) names.insert(model::MetadataOf(stored->object).name);
      return Ok();
    });
    if (!walked.has_value()) {
      old_names_.erase(known);
      return walked.error();
    }
    known->second = std::move(names);
  }
  return known->second.contains(key.name);
}

Result<Stored> Resources::Get(const model::Key& key) {
  if (IsStaticProfile(key) && !v1()) return StaticProfile();
  if (model::IsNamespaced(key.kind) && key.ns.empty())
    return model::FieldError("Metadata.Namespace", "", "namespace is not specified on namespaced resource");
  ASSIGN_OR_RETURN(Found found, Find(key));
  return std::move(found.stored);
}

Result<ObjectList> Resources::List(model::Kind kind) {
  return List(kind, "");
}

Result<ObjectList> Resources::List(model::Kind kind, const std::string& ns) {
  ObjectList result;
  ASSIGN_OR_RETURN(result.revision, ForEach(kind, ns, [&result](Stored stored) {
                     result.items.push_back(std::move(stored));
                     return Ok();
                   }));
  return result;
}

Result<Revision> Resources::ForEach(model::Kind kind, const std::string& ns, const Visit& visit,
                                    const Skipped& skipped) {
  ASSIGN_OR_RETURN(const Revision revision,
                   client_.ForEach(Prefix(kind, ns), [&](const KeyValue& kv) -> Status {
                     const auto key = model::ParsePath(kv.key);
                     if (!key || key->kind != kind) return Ok();
                     auto stored = Decode(*key, kv);
                     if (!stored.has_value()) {
                       if (skipped == nullptr)
                         LogWarning("datastore", "skipping {}: {}", kv.key, stored.error().message());
                       else
                         skipped(stored.error());
                       return Ok();
                     }
                     // A.7.4: unlike a Get, a list of tiers has the defaults filled in.
                     if (kind == model::Kind::kTier) {
                       auto& tier = std::get<model::Tier>(stored->object);
                       if (!tier.order) tier.order = model::kDefaultTierOrder;
                       if (tier.default_action.empty()) tier.default_action = "Deny";
                     }
                     return visit(std::move(*stored));
                   }));
  // Calico 2.6 has no such profile.
  if (kind == model::Kind::kProfile && !v1()) RETURN_IF_ERROR(visit(StaticProfile()));
  return revision;
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
      return Named(Error(ErrorCode::kConflict, ""), object);
    model::Metadata merged = stored;
    merged.labels = metadata.labels;
    merged.annotations = metadata.annotations;
    model::Object next = object;
    model::MetadataOf(next) = std::move(merged);
    KeepUnknownMetadata(next, current.object);
    auto updated = Update(std::move(next));
    if (updated.has_value() || updated.error().code() != ErrorCode::kConflict || !wanted.empty() ||
        attempt + 1 == kReplaceTries) {
      return updated;
    }
    SleepFor(std::chrono::milliseconds(50 << attempt));
  }
}

Result<Stored> Resources::Apply(model::Object object) {
  return ApplyAll({std::move(object)}).front();
}

std::vector<Result<Stored>> Resources::ApplyAll(std::vector<model::Object> objects) {
  std::vector<model::Object> fresh = objects;
  for (model::Object& object : fresh) model::MetadataOf(object).resource_version.clear();
  std::vector<Result<Stored>> results = CreateAll(std::move(fresh));
  for (std::size_t i = 0; i < objects.size(); ++i) {
    if (!results[i].has_value() && results[i].error().code() == ErrorCode::kAlreadyExists)
      results[i] = Replace(std::move(objects[i]));
  }
  return results;
}

}  // namespace calico::datastore
