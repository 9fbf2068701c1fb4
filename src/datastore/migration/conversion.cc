// SPDX-License-Identifier: Apache-2.0
#include "datastore/migration/conversion.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/json.h"
#include "model/v1_names.h"

namespace calico::datastore::migration {
namespace {

using model::Key;
using model::Kind;

constexpr std::string_view kNodePrefix = "node.", kHostPrefix = "host:";
constexpr char kOldNamespaceLabel[] = "calico/k8s_ns", kNamespaceLabel[] = "projectcalico.org/namespace";

bool StartsWith(const std::string& text, std::string_view prefix) {
  return text.rfind(prefix, 0) == 0;
}

void RenameProfiles(std::vector<std::string>& profiles) {
  for (std::string& profile : profiles) profile = model::V3ProfileName(profile);
}

void RenameNamespaceLabel(std::string& selector) {
  selector = ReplaceAll(selector, kOldNamespaceLabel, kNamespaceLabel);
}

void ConvertRules(std::vector<model::Rule>& rules) {
  for (model::Rule& rule : rules) {
    for (model::EntityRule* side : {&rule.source, &rule.destination}) {
      RenameNamespaceLabel(side->selector);
      RenameNamespaceLabel(side->not_selector);
      for (auto* nets : {&side->nets, &side->not_nets}) {
        for (std::string& net : *nets) {
          if (const auto cidr = net::Cidr::Parse(net)) net = cidr->Masked().ToString();
        }
      }
    }
  }
}

Status ConvertKind(const Key&, model::Node& node) {
  node.metadata.name = model::NormaliseName(node.metadata.name);
  return Ok();
}

Status ConvertKind(const Key&, model::BGPPeer& peer) {
  peer.node = model::NormaliseName(peer.node);
  peer.metadata.name = model::IpName(peer.peer_ip);
  if (!peer.node.empty()) peer.metadata.name = peer.node + "." + peer.metadata.name;
  return Ok();
}

Status ConvertKind(const Key& key, model::HostEndpoint& endpoint) {
  // The name in the source is "<node>.<endpoint>", both as they were.
  const std::string prefix = endpoint.node + ".";
  if (!StartsWith(key.name, prefix)) {
    return Error(ErrorCode::kInvalidArgument, "its name does not begin with its node's");
  }
  endpoint.node = model::NormaliseName(endpoint.node);
  endpoint.metadata.name = model::GeneralName(endpoint.node + "." + key.name.substr(prefix.size()));
  RenameProfiles(endpoint.profiles);
  return Ok();
}

Status ConvertKind(const Key&, model::IPPool& pool) {
  pool.metadata.name = model::V3PoolName(pool.cidr);
  return Ok();
}

Status ConvertKind(const Key&, model::GlobalNetworkPolicy& policy) {
  policy.metadata.name = model::V3PolicyName(policy.metadata.name);
  RenameNamespaceLabel(policy.spec.selector);
  ConvertRules(policy.spec.ingress);
  ConvertRules(policy.spec.egress);
  policy.global.apply_on_forward = policy.global.do_not_track || policy.global.pre_dnat;
  if (policy.spec.types.empty()) {
    policy.spec.types = policy.global.pre_dnat ? std::vector<std::string>{"Ingress"}
                                               : std::vector<std::string>{"Ingress", "Egress"};
  }
  return Ok();
}

Status ConvertKind(const Key&, model::Profile& profile) {
  profile.metadata.name = model::V3ProfileName(profile.metadata.name);
  ConvertRules(profile.ingress);
  ConvertRules(profile.egress);
  return Ok();
}

Status ConvertKind(const Key&, model::WorkloadEndpoint& endpoint) {
  endpoint.node = model::NormaliseName(endpoint.node);
  endpoint.orchestrator = model::GeneralName(endpoint.orchestrator);
  endpoint.endpoint = model::GeneralName(endpoint.endpoint);
  if (endpoint.orchestrator == "libnetwork") {
    endpoint.workload = "libnetwork";
  } else if (endpoint.orchestrator != "k8s" && endpoint.orchestrator != "cni") {
    endpoint.workload = model::GeneralName(endpoint.workload);
  }
  RenameProfiles(endpoint.profiles);
  auto& labels = endpoint.metadata.labels;
  if (const auto found = labels.find(kOldNamespaceLabel); found != labels.end()) {
    labels[kNamespaceLabel] = found->second;
    labels.erase(found);
  }
  endpoint.metadata.name.clear();
  ASSIGN_OR_RETURN(endpoint.metadata.name, model::WorkloadEndpointName(endpoint));
  return Ok();
}

Status ConvertKind(const Key&, model::ClusterInformation& cluster) {
  cluster.datastore_ready = false;  // until the operator says that the nodes are v3's
  return Ok();
}

Status ConvertKind(const Key&, model::FelixConfiguration& felix) {
  const std::string name = felix.metadata.name;
  if (StartsWith(name, kNodePrefix)) {
    felix.metadata.name = std::string(kNodePrefix) + model::NormaliseName(name.substr(kNodePrefix.size()));
  }
  return Ok();
}

Status ConvertKind(const Key&, model::IpamBlock& block) {
  if (block.affinity.has_value() && StartsWith(*block.affinity, kHostPrefix)) {
    block.affinity =
        std::string(kHostPrefix) + model::NormaliseName(block.affinity->substr(kHostPrefix.size()));
  }
  block.unknown.erase("/strictAffinity");  // of no meaning since
  return Ok();
}

template <typename T>
Status ConvertKind(const Key&, T&) {
  return Ok();
}

}  // namespace

std::string KindIn26(Kind kind) {
  if (const auto name = model::V1KindName(kind)) return *name;
  switch (kind) {
    case Kind::kFelixConfiguration:
      return "felixConfig";
    case Kind::kClusterInformation:
      return "cluster";
    case Kind::kBGPConfiguration:
      return "bgpConfig";
    case Kind::kIpamBlock:
      return "ipamBlock";
    case Kind::kBlockAffinity:
      return "ipamAffinity";
    case Kind::kIpamHandle:
      return "ipamHandle";
    default:
      return "ipamConfig";
  }
}

std::string ReasonToSkip(const Key& key, const model::Object& object) {
  constexpr char kByController[] = "its controller makes it again";
  if (key.kind == Kind::kGlobalNetworkPolicy && StartsWith(key.name, "knp.default.")) return kByController;
  if (key.kind == Kind::kProfile &&
      (StartsWith(key.name, "k8s_ns.") || StartsWith(key.name, "openstack-sg-"))) {
    return kByController;
  }
  if (const auto* endpoint = std::get_if<model::WorkloadEndpoint>(&object);
      endpoint != nullptr && endpoint->orchestrator == "openstack") {
    return kByController;
  }
  if (key.kind == Kind::kBGPConfiguration && key.name != "default") {
    return "a node's BGP log level is not converted";
  }
  return {};
}

Status Convert(const Key& key, model::Object& object) {
  return std::visit([&](auto& typed) { return ConvertKind(key, typed); }, object);
}

Key KeyAfter(const Key& key, const model::Object& object) {
  if (model::IsResource(key.kind)) return model::KeyOf(object);
  if (key.kind != Kind::kBlockAffinity) return key;
  return {key.kind, model::NormaliseName(key.ns), key.name};
}

}  // namespace calico::datastore::migration
