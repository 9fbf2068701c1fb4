// SPDX-License-Identifier: Apache-2.0
#include "calc/endpoints.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "calc/selectors.h"
#include "model/codec/convert.h"

namespace calico::calc {
namespace {

using model::GlobalNetworkSet;
using model::HostEndpoint;
using model::NetworkSet;
using model::Object;
using model::WorkloadEndpoint;
using ObjectPtr = std::shared_ptr<const Object>;

constexpr char kNamespaceLabel[] = "projectcalico.org/namespace";
constexpr char kOrchestratorLabel[] = "projectcalico.org/orchestrator";
constexpr char kServiceAccountLabel[] = "projectcalico.org/serviceaccount";

std::vector<net::Cidr> ParseAll(const std::vector<std::string>& texts) {
  std::vector<net::Cidr> out;
  for (const std::string& text : texts) {
    if (const auto cidr = net::Cidr::Parse(text)) out.push_back(cidr->Masked());
  }
  return out;
}

// What nobody may say of himself is taken away, what the system knows is put over it (reference felix 2.9).
template <typename T>
model::Labels WithSystemLabels(const T&, model::Labels labels) {
  return labels;
}
model::Labels WithSystemLabels(const NetworkSet& set, model::Labels labels) {
  labels[kNamespaceLabel] = set.metadata.ns;
  return labels;
}
model::Labels WithSystemLabels(const WorkloadEndpoint& endpoint, model::Labels labels) {
  std::erase_if(labels, [](const auto& label) {
    return label.first.starts_with("pcns.") || label.first.starts_with("pcsa.");
  });
  labels[kNamespaceLabel] = endpoint.metadata.ns;
  if (!endpoint.orchestrator.empty()) labels[kOrchestratorLabel] = endpoint.orchestrator;
  constexpr std::size_t kLongestValue = 63;  // of a label in Kubernetes; one less here, as upstream has it
  const std::string& account = endpoint.service_account_name;
  if (!account.empty() && account.size() < kLongestValue) labels[kServiceAccountLabel] = account;
  return labels;
}

}  // namespace

bool IsFor(const model::PolicySpec& policy, std::string_view type) {
  return policy.types.empty() ||
         std::any_of(policy.types.begin(), policy.types.end(), [&](const std::string& one) {
           return EqualsIgnoreCase(one, type) ||
                  (!EqualsIgnoreCase(one, "Ingress") && !EqualsIgnoreCase(one, "Egress"));
         });
}

const model::Profile& AllowProfile() {
  static const model::Profile profile = [] {
    model::Profile allow;
    model::Rule rule;
    rule.action = "Allow";
    allow.ingress = allow.egress = {rule};
    return allow;
  }();
  return profile;
}

std::string NodeOf(const Object& endpoint) {
  if (const auto* workload = std::get_if<WorkloadEndpoint>(&endpoint)) return workload->node;
  return std::get<HostEndpoint>(endpoint).node;
}

std::vector<std::string> ProfilesOf(const Object& object) {
  if (const auto* workload = std::get_if<WorkloadEndpoint>(&object)) return workload->profiles;
  if (const auto* host = std::get_if<HostEndpoint>(&object)) return host->profiles;
  if (const auto* set = std::get_if<NetworkSet>(&object)) return {"kns." + set->metadata.ns};
  return {};
}

model::Labels OwnLabels(const Object& object) {
  return std::visit(
      [](const auto& one) -> model::Labels {
        if constexpr (requires { one.metadata.labels; })
          return WithSystemLabels(one, one.metadata.labels);
        else
          return {};
      },
      object);
}

std::vector<net::Cidr> AddressesOf(const Object& object) {
  if (const auto* workload = std::get_if<WorkloadEndpoint>(&object)) return ParseAll(workload->ip_networks);
  if (const auto* host = std::get_if<HostEndpoint>(&object)) return ParseAll(host->expected_ips);
  if (const auto* set = std::get_if<NetworkSet>(&object)) return ParseAll(set->nets);
  if (const auto* set = std::get_if<GlobalNetworkSet>(&object)) return ParseAll(set->nets);
  return {};
}

std::string DockerContainerOf(const Object& object) {
  const auto* workload = std::get_if<WorkloadEndpoint>(&object);
  return workload != nullptr && workload->orchestrator == "libnetwork" ? workload->container_id : "";
}

std::vector<NamedPort> NamedPortsOf(const Object& object) {
  const std::vector<model::EndpointPort>* ports = nullptr;
  if (const auto* workload = std::get_if<WorkloadEndpoint>(&object)) ports = &workload->ports;
  if (const auto* host = std::get_if<HostEndpoint>(&object)) ports = &host->ports;
  std::vector<NamedPort> out;
  if (ports == nullptr) return out;
  for (const model::EndpointPort& port : *ports) {
    const auto protocol = net::ParseProtocol(port.protocol);
    if (!protocol || port.name.empty() || port.port < 1 || port.port > 65535) continue;
    out.push_back({port.name, *protocol, static_cast<std::uint16_t>(port.port)});
  }
  return out;
}

dataplane_api::Endpoint ToDataplane(const WorkloadEndpoint& endpoint) {
  dataplane_api::Endpoint out;
  out.id = endpoint.orchestrator + "/" + endpoint.workload + "/" + endpoint.endpoint;
  out.interface_name = endpoint.interface_name;
  out.mac = net::Mac::Parse(endpoint.mac);
  out.addresses = ParseAll(endpoint.ip_networks);
  out.spoofable = ParseAll(endpoint.allow_spoofed_source_prefixes);
  for (const model::IpNat& nat : endpoint.ip_nats) {
    const auto external = net::Ip::Parse(nat.external_ip), internal = net::Ip::Parse(nat.internal_ip);
    if (external && internal && external->family() == internal->family())
      out.floating_ips.push_back({*external, *internal});
  }
  out.profiles = endpoint.profiles;
  return out;
}

dataplane_api::HostEndpoint ToDataplane(const HostEndpoint& endpoint) {
  dataplane_api::HostEndpoint out;
  out.interface_name = endpoint.interface_name;
  for (const net::Cidr& cidr : ParseAll(endpoint.expected_ips)) out.expected_ips.push_back(cidr.ip());
  out.profiles = endpoint.profiles;
  return out;
}

PolicySelection SelectionOf(const model::Key& key, const Object& policy) {
  return std::visit(
      [&](const auto& one) -> PolicySelection {
        if constexpr (requires { one.spec.selector; }) {
          const model::GlobalPolicySpec* global = nullptr;
          if constexpr (requires { one.global; }) global = &one.global;
          const auto& hints = one.spec.performance_hints;
          const bool everywhere = std::count(hints.begin(), hints.end(), "AssumeNeededOnEveryNode") > 0;
          std::vector<std::string> problems;
          if (!one.spec.unreadable.empty()) {
            problems.push_back(fmt::format("{} cannot be read and denies everything that it selects: {}",
                                           model::Describe(key), one.spec.unreadable));
          }
          auto selector = PolicySelector(one.spec, global, key.ns);
          if (selector.has_value()) return {*std::move(selector), everywhere, std::move(problems)};
          static const model::GlobalPolicySpec kAnything;
          return {*PolicySelector({}, global == nullptr ? nullptr : &kAnything, key.ns),
                  everywhere,
                  {fmt::format("{}: its selector is not understood, so that it denies everything{}: {}",
                               model::Describe(key), key.ns.empty() ? "" : " in namespace " + key.ns,
                               selector.error().message())}};
        } else {
          return {model::Selector::AllOf({}), false, {}};
        }
      },
      policy);
}

ObjectPtr AsCalicoPolicy(const ObjectPtr& policy) {
  const auto* kubernetes =
      policy == nullptr ? nullptr : std::get_if<model::StagedKubernetesNetworkPolicy>(policy.get());
  if (kubernetes == nullptr) return policy;
  model::StagedNetworkPolicy staged;
  staged.metadata = kubernetes->metadata;
  staged.staged_action = kubernetes->staged_action;
  auto spec = model::SpecOfKubernetesPolicy(*kubernetes);
  if (spec.has_value())
    staged.spec = *std::move(spec);
  else
    staged.spec.unreadable = spec.error().message();
  return std::make_shared<const Object>(std::move(staged));
}

PolicyRules RulesOf(const Object& policy) {
  return std::visit(
      [](const auto& one) -> PolicyRules {
        PolicyRules rules;
        if constexpr (requires { one.spec.ingress; }) {
          if (IsFor(one.spec, "Ingress")) rules.ingress = one.spec.ingress;
          if (IsFor(one.spec, "Egress")) rules.egress = one.spec.egress;
        }
        rules.staged = requires { one.staged_action; };
        return rules;
      },
      policy);
}

}  // namespace calico::calc
