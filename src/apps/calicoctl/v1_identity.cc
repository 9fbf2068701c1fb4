// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/v1_identity.h"

#include <fmt/format.h>

#include "model/codec/json.h"
#include "model/v1_names.h"
#include "net/cidr.h"

namespace calico::calicoctl {
namespace {

using model::Kind;
using model::Object;

// "web" of the endpoint "rack1-host7.web".
std::string WithoutNode(const std::string& name, const std::string& node) {
  return !node.empty() && name.starts_with(node + ".") ? name.substr(node.size() + 1) : name;
}

std::string WorkloadOf(const model::WorkloadEndpoint& endpoint) {
  if (!endpoint.workload.empty()) return endpoint.workload;
  if (!endpoint.pod.empty()) return endpoint.metadata.ns + "." + endpoint.pod;
  return endpoint.container_id;
}

bool SameCidr(const std::string& a, const std::string& b) {
  const auto left = net::Cidr::ParsePrefix(a), right = net::Cidr::ParsePrefix(b);
  return left && right && left->Masked() == right->Masked();
}

}  // namespace

V1Identity V1IdentityOf(const Object& object) {
  V1Identity identity;
  identity.name = model::MetadataOf(object).name;
  if (const auto* endpoint = std::get_if<model::WorkloadEndpoint>(&object)) {
    identity = {"", endpoint->node, endpoint->orchestrator, WorkloadOf(*endpoint), endpoint->endpoint};
  } else if (const auto* host = std::get_if<model::HostEndpoint>(&object)) {
    identity.node = host->node;
    identity.name = WithoutNode(identity.name, host->node);
  } else if (const auto* peer = std::get_if<model::BGPPeer>(&object)) {
    identity.scope = peer->node.empty() ? "global" : "node";
    identity.node = peer->node;
    identity.name = peer->peer_ip;
  } else if (const auto* pool = std::get_if<model::IPPool>(&object)) {
    identity.name = pool->cidr;
  }
  return identity;
}

V1Identity V1IdentityOf(const model::v1::Resource& resource) {
  namespace v1 = model::v1;
  V1Identity identity;
  if (const auto* endpoint = std::get_if<v1::WorkloadEndpoint>(&resource)) {
    identity = {"", endpoint->node, endpoint->orchestrator, endpoint->workload, endpoint->name};
  } else if (const auto* host = std::get_if<v1::HostEndpoint>(&resource)) {
    identity.node = host->node;
    identity.name = host->name;
  } else if (const auto* peer = std::get_if<v1::BgpPeer>(&resource)) {
    identity.scope = peer->scope;
    identity.node = peer->node;
    identity.name = peer->peer_ip;
  } else if (const auto* pool = std::get_if<v1::IpPool>(&resource)) {
    identity.name = pool->cidr;
  } else if (const auto* node = std::get_if<v1::Node>(&resource)) {
    identity.name = node->name;
  } else if (const auto* policy = std::get_if<v1::Policy>(&resource)) {
    identity.name = policy->name;
  } else if (const auto* profile = std::get_if<v1::Profile>(&resource)) {
    identity.name = profile->name;
  }
  return identity;
}

bool Matches(const Object& object, const V1Identity& wanted) {
  if (wanted.empty()) return true;
  const V1Identity has = V1IdentityOf(object);
  const auto fits = [](const std::string& want, const std::string& value) {
    return want.empty() || want == value;
  };
  const bool named = fits(wanted.name, has.name) || wanted.name == model::MetadataOf(object).name ||
                     SameCidr(wanted.name, has.name);
  return named && fits(wanted.scope, has.scope) && fits(wanted.node, has.node) &&
         fits(wanted.orchestrator, has.orchestrator) && fits(wanted.workload, has.workload);
}

std::string DescribeV1(Kind kind, const V1Identity& identity) {
  const auto& [scope, node, orchestrator, workload, name] = identity;
  switch (kind) {
    case Kind::kWorkloadEndpoint:
      return fmt::format("WorkloadEndpoint(node={}, orchestrator={}, workload={}, name={})", node,
                         orchestrator, workload, name);
    case Kind::kHostEndpoint:
      return fmt::format("HostEndpoint(node={}, name={})", node, name);
    case Kind::kBGPPeer:
      return node.empty() ? fmt::format("BGPPeer(global, ip={})", name)
                          : fmt::format("BGPPeer(node={}, ip={})", node, name);
    default:
      return model::DescribeV1(model::Key::Resource(kind, name));
  }
}

Status CheckIdentity(const V1Identity& wanted) {
  if (wanted.scope.empty() || wanted.scope == "global" || wanted.scope == "node") return Ok();
  return Error(ErrorCode::kInvalidArgument,
               fmt::format("Unrecognized scope '{}', must be one of: global, node", wanted.scope));
}

std::string MissingIdentifier(Kind kind, const V1Identity& wanted) {
  if (wanted.name.empty()) return "name";
  if (kind == Kind::kWorkloadEndpoint) {
    if (wanted.node.empty()) return "node";
    if (wanted.orchestrator.empty()) return "orchestrator";
    if (wanted.workload.empty()) return "workload";
  }
  if (kind == Kind::kHostEndpoint && wanted.node.empty()) return "node";
  if (kind == Kind::kBGPPeer && wanted.node.empty() && wanted.scope != "global")
    return wanted.scope.empty() ? "scope" : "node";
  return {};
}

}  // namespace calico::calicoctl
