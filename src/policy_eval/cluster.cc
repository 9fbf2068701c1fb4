// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/cluster.h"

#include <utility>

#include "model/codec/document.h"
#include "model/codec/json.h"
#include "model/validate/validate.h"

namespace calico::policy_eval {
namespace {

constexpr char kDefaultAllowProfile[] = "projectcalico-default-allow";

model::Profile AllowAll() {
  model::Profile profile;
  profile.metadata.name = kDefaultAllowProfile;
  profile.ingress.resize(1);
  profile.ingress[0].action = "Allow";
  profile.egress = profile.ingress;
  return profile;
}

}  // namespace

void Store(Cluster& cluster, model::Object object) {
  const model::Key key = model::KeyOf(object);
  cluster.objects.insert_or_assign(key, std::make_shared<const model::Object>(std::move(object)));
}

Status Write(Cluster& cluster, model::Object object) {
  RETURN_IF_ERROR(model::ApplyDefaults(object, nullptr));
  RETURN_IF_ERROR(model::Validate(object));
  Store(cluster, std::move(object));
  return Ok();
}

Status WriteDocuments(Cluster& cluster, const std::string& text, const std::string& source) {
  ASSIGN_OR_RETURN(std::vector<model::Document> documents, model::ParseDocuments(text, source));
  for (model::Document& document : documents) RETURN_IF_ERROR(Write(cluster, std::move(document.object)));
  return Ok();
}

std::optional<model::Profile> FindProfile(const Cluster& cluster, const std::string& name) {
  const auto* profile = cluster.Find<model::Profile>(model::Key::Resource(model::Kind::kProfile, name));
  if (profile != nullptr) return *profile;
  if (name == kDefaultAllowProfile) return AllowAll();
  return std::nullopt;
}

}  // namespace calico::policy_eval
