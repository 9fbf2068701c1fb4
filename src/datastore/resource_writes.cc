// SPDX-License-Identifier: Apache-2.0
// Create, update and delete of one resource, with the checks that need other objects.
#include <charconv>

#include <fmt/format.h>

#include "base/text.h"
#include "datastore/initialisation.h"
#include "datastore/resource_errors.h"
#include "datastore/resources.h"
#include "model/codec/json.h"
#include "model/v1_convert.h"
#include "model/validate/v1.h"
#include "model/validate/validate.h"

namespace calico::datastore {
namespace {

using model::FieldError;
using model::Key;
using model::Kind;

Result<Revision> ParseRevision(const std::string& text) {
  Revision revision = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), revision);
  if (error != std::errc() || end != text.data() + text.size())
    return FieldError("ResourceVersion", text, "resource version must be an integer");
  return revision;
}

Status CheckNamespace(const Key& key) {
  if (model::IsNamespaced(key.kind) && key.ns.empty())
    return FieldError("Metadata.Namespace", "", "namespace is not specified on namespaced resource");
  return Ok();
}

// Upstream's defaults. Those of settings name things that Calico 2.6 does not know.
Status FillIn(model::Object& object, const model::Object* old, bool v1) {
  const bool settings = std::holds_alternative<model::FelixConfiguration>(object) ||
                        std::holds_alternative<model::BGPConfiguration>(object);
  return v1 && settings ? Ok() : model::ApplyDefaults(object, old);
}

// By the rules of the store's dialect. What a store of Calico 2.6 cannot hold at all is refused by its
// driver, which names the member.
Status CheckFields(const model::Object& object, bool v1) {
  if (!v1) return model::Validate(object);
  const auto resource = model::V3ToV1(object);
  return resource.has_value() ? model::ValidateV1(*resource) : Ok();
}

std::string TierOf(const model::Object& policy) {
  return std::visit(
      [](const auto& o) -> std::string {
        if constexpr (requires { o.spec.tier; })
          return o.spec.tier.empty() ? model::kDefaultTier : o.spec.tier;
        else
          return {};
      },
      policy);
}

}  // namespace

// Creating a policy in a tier that is not there (A.7.3).
Status Resources::CheckTier(const model::Object& policy) {
  const std::string tier = TierOf(policy);
  if (tiers_.contains(tier)) return Ok();
  const Key key = Key::Resource(Kind::kTier, tier);
  auto found = client_.Get(model::ToPath(key));
  if (!found.has_value()) return Named(std::move(found).error(), key);
  tiers_.insert(tier);
  return Ok();
}

// C.6.1, steps 8 and 13.
Status Resources::CheckPool(const model::IPPool& pool) {
  const auto cidr = net::Cidr::Parse(pool.cidr);
  if (!cidr) return Ok();  // refused by validation
  ASSIGN_OR_RETURN(const ObjectList pools, List(Kind::kIPPool));
  for (const Stored& other : pools.items) {
    const auto& old = std::get<model::IPPool>(other.object);
    const auto old_cidr = net::Cidr::Parse(old.cidr);
    if (old.metadata.name != pool.metadata.name && old_cidr && cidr->Overlaps(*old_cidr)) {
      return FieldError("IPPool.Spec.CIDR", pool.cidr,
                        fmt::format("IPPool({}) CIDR overlaps with IPPool({}) CIDR {}", pool.metadata.name,
                                    old.metadata.name, old.cidr));
    }
  }
  bool conflict = false;
  const auto walked = client_.ForEach(model::BlockPrefix(cidr->family()), [&](const KeyValue& kv) {
    const auto key = model::ParsePath(kv.key);
    const auto block = key ? net::Cidr::Parse(key->name) : std::nullopt;
    conflict = conflict || (block && block->Overlaps(*cidr) && block->prefix_length() != pool.block_size);
    return Ok();
  });
  if (!walked.has_value()) return walked.error();
  if (!conflict) return Ok();
  return FieldError("IPPool.Spec.BlockSize", std::to_string(pool.block_size),
                    "IPPool blocksSize conflicts with existing allocations that use a different blockSize");
}

// A.15.
Status Resources::CheckFilters(const model::BGPPeer& peer) {
  std::vector<std::string> missing;
  for (const std::string& filter : peer.filters) {
    const auto found = client_.Get(model::ToPath(Key::Resource(Kind::kBGPFilter, filter)));
    if (found.has_value()) continue;
    if (found.error().code() != ErrorCode::kNotFound) return found.error();
    missing.push_back(filter);
  }
  if (missing.empty()) return Ok();
  return FieldError("BGPPeer.Spec.Filters", Join(missing, ", "), "BGPFilter(s) not found");
}

// What a create needs of other objects.
Status Resources::CheckCreate(const model::Object& object) {
  if (v1()) return Ok();
  if (const auto* pool = std::get_if<model::IPPool>(&object)) return CheckPool(*pool);
  if (const auto* peer = std::get_if<model::BGPPeer>(&object)) return CheckFilters(*peer);
  const Key key = model::KeyOf(object);
  if (key.kind == Kind::kNode) return EnsureInitialised(client_, clock_, {});
  if (!model::IsTieredPolicy(key.kind)) return Ok();
  RETURN_IF_ERROR(CheckTier(object));
  ASSIGN_OR_RETURN(const bool old_name, HasOldName(key));
  return old_name ? Status(Named(Error(ErrorCode::kAlreadyExists, ""), key)) : Ok();
}

Result<model::Object> Resources::PrepareCreate(model::Object object) {
  model::Metadata& metadata = model::MetadataOf(object);
  if (IsStaticProfile(model::KeyOf(object)) && !v1()) {
    return Error(
        ErrorCode::kAlreadyExists,
        fmt::format("resource already exists: {0} with error: {0} already exists. The profile \"{0}\" "
                    "is default provided by Calico",
                    kAllowProfile));
  }
  // An endpoint's name and labels follow from its namespace, so that this comes before its defaults.
  if (std::holds_alternative<model::WorkloadEndpoint>(object))
    RETURN_IF_ERROR(CheckNamespace(model::KeyOf(object)));
  RETURN_IF_ERROR(FillIn(object, nullptr, v1()));
  RETURN_IF_ERROR(CheckFields(object, v1()));
  if (metadata.name.empty()) {
    return FieldError("Metadata.Name", "",
                      metadata.generate_name.empty()
                          ? "field must be set for a Create request"
                          : "field must be set for a Create request (GenerateName is not supported)");
  }
  if (!metadata.resource_version.empty()) {
    return FieldError("Metadata.ResourceVersion", metadata.resource_version,
                      "field must not be set for a Create request");
  }
  const Key key = model::KeyOf(object);
  RETURN_IF_ERROR(CheckNamespace(key));
  RETURN_IF_ERROR(CheckCreate(object));
  if (!v1()) {
    if (metadata.creation_timestamp.empty()) metadata.creation_timestamp = FormatRfc3339(clock_.WallNow());
    if (metadata.uid.empty()) metadata.uid = RandomUuid();
  }
  return object;
}

Result<Stored> Resources::Created(model::Object object, Result<Revision> revision) {
  if (!revision.has_value()) return Named(std::move(revision).error(), object);
  const Key key = model::KeyOf(object);
  if (key.kind == Kind::kTier) tiers_.insert(key.name);
  model::MetadataOf(object).resource_version = std::to_string(*revision);
  return Stored{std::move(object), *revision};
}

Result<Stored> Resources::Create(model::Object object) {
  ASSIGN_OR_RETURN(model::Object prepared, PrepareCreate(std::move(object)));
  const Key key = model::KeyOf(prepared);
  auto revision = client_.Create(model::ToPath(key), model::EncodeValue(key, prepared));
  return Created(std::move(prepared), std::move(revision));
}

std::vector<Result<Stored>> Resources::CreateAll(std::vector<model::Object> objects) {
  std::vector<Result<model::Object>> prepared;
  std::vector<KeyValue> items;  // of those that are sound
  for (model::Object& object : objects) {
    prepared.push_back(PrepareCreate(std::move(object)));
    if (!prepared.back().has_value()) continue;
    const Key key = model::KeyOf(*prepared.back());
    items.push_back({model::ToPath(key), model::EncodeValue(key, *prepared.back())});
  }
  std::vector<Result<Revision>> revisions = client_.CreateAll(items);
  std::vector<Result<Stored>> results;
  auto revision = revisions.begin();
  for (Result<model::Object>& object : prepared) {
    if (object.has_value())
      results.push_back(Created(*std::move(object), std::move(*revision++)));
    else
      results.push_back(std::move(object).error());
  }
  return results;
}

Result<Stored> Resources::Update(model::Object object) {
  model::Metadata& metadata = model::MetadataOf(object);
  const Key key = model::KeyOf(object);
  if (IsStaticProfile(key) && !v1()) {
    return NotSupported(
        "Update", key.name,
        fmt::format("The profile \"{}\" is a default provided by Calico and cannot be updated",
                    kAllowProfile));
  }
  model::Object old;
  const model::Object* old_object = nullptr;
  if (key.kind == Kind::kIPPool) {  // the only kind whose defaults look at the old object
    ASSIGN_OR_RETURN(Stored stored, Get(key));
    old = std::move(stored.object);
    old_object = &old;
  }
  RETURN_IF_ERROR(FillIn(object, old_object, v1()));
  RETURN_IF_ERROR(CheckFields(object, v1()));
  if (!v1()) {
    if (const auto* peer = std::get_if<model::BGPPeer>(&object)) RETURN_IF_ERROR(CheckFilters(*peer));
  }
  if (metadata.resource_version.empty())
    return FieldError("Metadata.ResourceVersion", "", "field must be set for an Update request");
  if (!v1() && metadata.creation_timestamp.empty())
    return FieldError("Metadata.CreationTimestamp", "", "field must be set for an Update request");
  if (!v1() && metadata.uid.empty())
    return FieldError("Metadata.UID", "", "field must be set for an Update request");
  RETURN_IF_ERROR(CheckNamespace(key));
  ASSIGN_OR_RETURN(const Revision expected, ParseRevision(metadata.resource_version));
  const std::string value = model::EncodeValue(key, object);
  auto revision = client_.Update(model::ToPath(key), value, expected);
  if (!revision.has_value() && revision.error().code() == ErrorCode::kNotFound &&
      model::IsTieredPolicy(key.kind)) {
    // Under the name that an old release gave it?
    if (const auto found = Find(key); found.has_value())
      revision = client_.Update(found->path, value, expected);
  }
  if (!revision.has_value()) return Named(std::move(revision).error(), object);
  metadata.resource_version = std::to_string(*revision);
  return Stored{std::move(object), *revision};
}

// A.7.4.
Status Resources::CheckTierIsEmpty(const std::string& tier) {
  for (const Kind kind : {Kind::kNetworkPolicy, Kind::kGlobalNetworkPolicy, Kind::kStagedNetworkPolicy,
                          Kind::kStagedGlobalNetworkPolicy}) {
    bool empty = true;
    const auto walked = ForEach(kind, "", [&](const Stored& policy) {
      empty = empty && TierOf(policy.object) != tier;
      return Ok();
    });
    if (!walked.has_value()) return walked.error();
    if (!empty) return NotSupported("delete", tier, "Cannot delete a non-empty tier");
  }
  return Ok();
}

Status Resources::Delete(const Key& key, Revision expected) {
  if (IsStaticProfile(key) && !v1()) {
    return NotSupported(
        "Delete", key.name,
        fmt::format("The profile \"{}\" is a default provided by Calico and cannot be deleted",
                    kAllowProfile));
  }
  RETURN_IF_ERROR(CheckNamespace(key));
  if (key.kind == Kind::kTier) {
    for (const char* built_in : {"default", "kube-admin", "kube-baseline"}) {
      if (key.name == built_in)
        return NotSupported("Delete", key.name, fmt::format("Cannot delete {} tier", key.name));
    }
    RETURN_IF_ERROR(CheckTierIsEmpty(key.name));
    tiers_.erase(key.name);
  }
  Status status = client_.Delete(model::ToPath(key), expected);
  if (!status.has_value() && status.error().code() == ErrorCode::kNotFound &&
      model::IsTieredPolicy(key.kind)) {
    if (const auto found = Find(key); found.has_value()) {
      status = client_.Delete(found->path, expected);
      old_names_.clear();
    }
  }
  if (!status.has_value()) return Named(std::move(status).error(), key);
  return Ok();
}

}  // namespace calico::datastore
