// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/blocked.h"

#include <fmt/format.h>

namespace calico::calicoctl {
namespace {

using model::Kind;

constexpr char kKubernetesPolicy[] = "knp.default.";

// Upstream's words, which name the verb's two halves.
std::string WordsOf(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
      return "create or apply";
    case Operation::kApply:
      return "apply";
    case Operation::kReplace:
    case Operation::kPatch:
      return "apply or replace";
    case Operation::kDelete:
      return "delete";
  }
  return {};
}
std::string V1WordOf(Operation operation) {
  switch (operation) {
    case Operation::kCreate:
      return "Create";
    case Operation::kApply:
      return "Apply";
    case Operation::kReplace:
    case Operation::kPatch:
      return "Update";
    case Operation::kDelete:
      return "Delete";
  }
  return {};
}

Error Unsupported(std::string text) {
  return Error(ErrorCode::kUnsupported, std::move(text));
}

}  // namespace

Status CheckAllowed(Operation operation, const model::Key& key, model::ApiVersion dialect) {
  if (key.kind == Kind::kDockerNetwork && operation != Operation::kDelete) {
    return Unsupported(fmt::format(
        "operation {} is not supported on {}: networks are made with docker network create on any host",
        WordsOf(operation), model::Describe(key)));
  }
  const bool of_kubernetes = key.name.starts_with(kKubernetesPolicy);
  if (dialect == model::ApiVersion::kV1) {
    if (key.kind == Kind::kGlobalNetworkPolicy && of_kubernetes)
      return Unsupported(fmt::format("operation {} is not supported on {}", V1WordOf(operation), key.name));
    return Ok();
  }
  const std::string words = WordsOf(operation);
  if (key.kind == Kind::kClusterInformation) {
    return Unsupported(fmt::format("operation {} is not supported on ClusterInformation{}", words,
                                   operation == Operation::kApply ? ": resource is readonly" : ""));
  }
  if (key.kind == Kind::kNetworkPolicy && of_kubernetes) {
    return Unsupported(fmt::format(
        "operation {} is not supported on {}: kubernetes network policies must be managed through the "
        "kubernetes API",
        words, model::Describe(key)));
  }
  return Ok();
}

}  // namespace calico::calicoctl
