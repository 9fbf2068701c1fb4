// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.7: the rules of policies.
#include <algorithm>

#include "base/text.h"
#include "model/validate/checks.h"
#include "model/validate/schema.h"
#include "net/ports.h"

namespace calico::model::validate {
namespace {

constexpr std::size_t kMostTypes = 2, kMostHttpMatches = 20, kLongestHttpPath = 1024;

void CheckEntity(const std::string& path, const char* end, const EntityRule& entity, Schema& schema) {
  if (!entity.nets.empty()) schema.Set(fmt::format("{}.{}.nets", path, end), entity.nets);
  if (!entity.not_nets.empty()) schema.Set(fmt::format("{}.{}.notNets", path, end), entity.not_nets);
  if (entity.service_accounts)
    schema.Set(fmt::format("{}.{}.serviceAccounts.names", path, end), entity.service_accounts->names);
}

void CheckHttp(const std::string& path, const Rule& rule, Schema& schema) {
  schema.AtMost(path + ".http.methods", rule.http->methods.size(), kMostHttpMatches);
  schema.AtMost(path + ".http.paths", rule.http->paths.size(), kMostHttpMatches);
  for (std::size_t i = 0; i < rule.http->paths.size(); ++i) {
    const std::string item = fmt::format("{}.http.paths[{}]", path, i);
    schema.Longest(item + ".exact", rule.http->paths[i].exact, kLongestHttpPath);
    schema.Longest(item + ".prefix", rule.http->paths[i].prefix, kLongestHttpPath);
  }
  schema.Rule(!rule.protocol.empty() && net::ParseProtocol(rule.protocol) != net::kTcp, path,
              "rules with HTTP match must have protocol TCP or unset");
  schema.Rule(rule.action != "Allow", path, "HTTP match is only valid on Allow rules");
}

void CheckRules(const char* list, const std::vector<Rule>& rules, Schema& schema) {
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const Rule& rule = rules[i];
    const std::string path = fmt::format("spec.{}[{}]", list, i);
    CheckEntity(path, "source", rule.source, schema);
    CheckEntity(path, "destination", rule.destination, schema);
    if (rule.http) CheckHttp(path, rule, schema);
    const EntityRule& to = rule.destination;
    schema.Rule(to.services && (!to.ports.empty() || !to.not_ports.empty()), path + ".destination",
                "ports and notPorts cannot be specified with services");
    const auto codeless = [&](const char* member, const std::optional<IcmpMatch>& icmp) {
      schema.Rule(icmp && icmp->code && !icmp->type, fmt::format("{}.{}", path, member),
                  "ICMP code specified without an ICMP type");
    };
    codeless("icmp", rule.icmp);
    codeless("notICMP", rule.not_icmp);
  }
}

void CheckTypes(const char* path, const std::vector<std::string>& types, Schema& schema) {
  schema.AtMost(path, types.size(), kMostTypes);
  schema.Set(path, types);
}

void CheckSpec(const PolicySpec& spec, const GlobalPolicySpec* global, Schema& schema) {
  CheckRules("ingress", spec.ingress, schema);
  CheckRules("egress", spec.egress, schema);
  CheckTypes("spec.types", spec.types, schema);
  schema.Set("spec.performanceHints", spec.performance_hints);
  if (global == nullptr) return;
  schema.Rule(global->pre_dnat && global->do_not_track, "spec", "preDNAT and doNotTrack cannot both be true");
  schema.Rule(global->pre_dnat && !spec.egress.empty(), "spec",
              "preDNAT policy cannot have any egress rules");
  schema.Rule(global->pre_dnat && std::count(spec.types.begin(), spec.types.end(), "Egress") > 0, "spec",
              "preDNAT policy cannot have 'Egress' type");
  schema.Rule((global->pre_dnat || global->do_not_track) && !global->apply_on_forward, "spec",
              "applyOnForward must be true if either preDNAT or doNotTrack is true");
}

}  // namespace

void CheckPolicySchema(const Object& object, Problems& problems) {
  Schema schema(problems);
  if (const auto* policy = std::get_if<NetworkPolicy>(&object)) CheckSpec(policy->spec, nullptr, schema);
  if (const auto* policy = std::get_if<StagedNetworkPolicy>(&object))
    CheckSpec(policy->spec, nullptr, schema);
  if (const auto* policy = std::get_if<GlobalNetworkPolicy>(&object))
    CheckSpec(policy->spec, &policy->global, schema);
  if (const auto* policy = std::get_if<StagedGlobalNetworkPolicy>(&object))
    CheckSpec(policy->spec, &policy->global, schema);
  if (const auto* policy = std::get_if<StagedKubernetesNetworkPolicy>(&object))
    CheckTypes("spec.policyTypes", policy->policy_types, schema);
}

}  // namespace calico::model::validate
