// SPDX-License-Identifier: Apache-2.0
#include "model/validate/schema.h"

#include <set>

#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {

void Schema::Set(std::string_view path, const std::vector<std::string>& list) {
  std::set<std::string_view> seen;
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (!seen.insert(list[i]).second) Add(Element(path, i), fmt::format("Duplicate value: \"{}\"", list[i]));
  }
}
void Schema::AtMost(std::string_view path, std::size_t items, std::size_t most) {
  if (items > most) Add(path, fmt::format("must have at most {} items", most));
}
void Schema::Longest(std::string_view path, std::string_view text, std::size_t longest) {
  if (text.size() > longest) Add(path, fmt::format("may not be more than {} bytes", longest));
}
void Schema::Enum(std::string_view path, std::string_view value,
                  std::initializer_list<std::string_view> allowed) {
  if (value.empty() || std::find(allowed.begin(), allowed.end(), value) != allowed.end()) return;
  std::vector<std::string> quoted;
  for (std::string_view word : allowed) quoted.push_back(fmt::format("\"{}\"", word));
  Add(path, fmt::format("Unsupported value: \"{}\": supported values: {}", value, Join(quoted, ", ")));
}

namespace {

bool Has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
bool Encapsulates(const std::string& mode) {
  return !mode.empty() && mode != "Never";
}

template <typename T>
void CheckKind(const T&, Schema&) {}  // kinds without rules of their own, or without a definition

void CheckKind(const IPPool& pool, Schema& schema) {
  schema.Longest("spec.cidr", pool.cidr, 48);
  schema.Rule(!net::Cidr::ParsePrefix(pool.cidr), "spec.cidr", "spec.cidr in body must be of type cidr");
  schema.Between("spec.blockSize", pool.block_size, 0, 128);
  schema.AtMost("spec.allowedUses", pool.allowed_uses.size(), 10);
  schema.Set("spec.allowedUses", pool.allowed_uses);
  const bool ipip = Encapsulates(pool.ipip_mode), vxlan = Encapsulates(pool.vxlan_mode);
  const bool balances = Has(pool.allowed_uses, "LoadBalancer");
  schema.Rule(ipip && vxlan, "spec", "ipipMode and vxlanMode cannot both be enabled");
  schema.Rule(balances && (ipip || vxlan), "spec", "LoadBalancer IP pool cannot have IPIP or VXLAN enabled");
  schema.Rule(balances && (Has(pool.allowed_uses, "Workload") || Has(pool.allowed_uses, "Tunnel")), "spec",
              "LoadBalancer cannot be combined with Workload or Tunnel allowed uses");
  schema.Rule(ipip && pool.cidr.find(':') != std::string::npos, "spec",
              "IPIP is not supported on IPv6 pools");
}
void CheckKind(const IPReservation& reservation, Schema& schema) {
  schema.Set("spec.reservedCIDRs", reservation.reserved_cidrs);
}
void CheckKind(const NetworkSet& set, Schema& schema) {
  schema.Set("spec.nets", set.nets);
}
void CheckKind(const GlobalNetworkSet& set, Schema& schema) {
  schema.Set("spec.nets", set.nets);
}
void CheckKind(const HostEndpoint& endpoint, Schema& schema) {
  schema.Longest("spec.interfaceName", endpoint.interface_name, 15);
  schema.Longest("spec.node", endpoint.node, 253);
  schema.Set("spec.expectedIPs", endpoint.expected_ips);
  schema.Set("spec.profiles", endpoint.profiles);
  for (std::size_t i = 0; i < endpoint.ports.size(); ++i)
    schema.Between(fmt::format("spec.ports[{}].port", i), endpoint.ports[i].port, 1, 65535);
  schema.Rule(endpoint.interface_name.empty() && endpoint.expected_ips.empty(), "spec",
              "at least one of interfaceName or expectedIPs must be specified");
  schema.Rule(endpoint.node.empty(), "spec", "node must be specified");
}
void CheckKind(const BGPPeer& peer, Schema& schema) {
  schema.Longest("spec.node", peer.node, 253);
  schema.Longest("spec.peerIP", peer.peer_ip, 64);
  schema.Longest("spec.nodeSelector", peer.node_selector, 4096);
  schema.Longest("spec.peerSelector", peer.peer_selector, 4096);
  schema.Longest("spec.localWorkloadSelector", peer.local_workload_selector, 4096);
  const bool has_ip = !peer.peer_ip.empty(), has_selector = !peer.peer_selector.empty();
  const bool has_as_number = peer.as_number.value_or(0) != 0, local = !peer.local_workload_selector.empty();
  schema.Rule(!peer.node.empty() && !peer.node_selector.empty(), "spec",
              "node and nodeSelector cannot both be set");
  schema.Rule(has_ip && has_selector, "spec", "peerIP and peerSelector cannot both be set");
  schema.Rule(has_selector && has_as_number, "spec", "asNumber must be empty when peerSelector is set");
  schema.Rule(local && has_ip, "spec", "peerIP must be empty when localWorkloadSelector is set");
  schema.Rule(local && has_selector, "spec", "peerSelector must be empty when localWorkloadSelector is set");
  schema.Rule(local && !has_as_number, "spec", "asNumber is required when localWorkloadSelector is set");
}

void CheckFilterRules(std::string_view list, const std::vector<BGPFilterRule>& rules,
                      std::size_t longest_cidr, Schema& schema) {
  constexpr std::size_t kLongestCommunity = 32;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const BGPFilterRule& rule = rules[i];
    const std::string path = fmt::format("spec.{}[{}]", list, i);
    schema.Longest(path + ".cidr", rule.cidr, longest_cidr);
    if (rule.communities) {
      for (const std::string& value : rule.communities->values)
        schema.Longest(path + ".communities.values", value, kLongestCommunity);
    }
    for (const BGPFilterOperation& operation : rule.operations) {
      if (operation.add_community)
        schema.Longest(path + ".operations.addCommunity.value", operation.add_community->value,
                       kLongestCommunity);
    }
    schema.Rule(rule.cidr.empty() != rule.match_operator.empty(), path,
                "cidr and matchOperator must both be set or both be empty");
    schema.Rule(rule.prefix_length && rule.cidr.empty(), path, "cidr is required when prefixLength is set");
    schema.Rule(!rule.operations.empty() && rule.action != "Accept", path,
                "operations may only be used with action Accept");
  }
}
void CheckKind(const BGPFilter& filter, Schema& schema) {
  CheckFilterRules("exportV4", filter.export_v4, 18, schema);
  CheckFilterRules("importV4", filter.import_v4, 18, schema);
  CheckFilterRules("exportV6", filter.export_v6, 43, schema);
  CheckFilterRules("importV6", filter.import_v6, 43, schema);
}

void CheckKind(const BGPConfiguration& configuration, Schema& schema) {
  schema.Set("spec.ignoredInterfaces", configuration.ignored_interfaces);
  for (std::size_t i = 0; i < configuration.communities.size(); ++i) {
    schema.Pattern(IsCommunity(configuration.communities[i].value),
                   fmt::format("spec.communities[{}].value", i), R"(^(\d+):(\d+)$|^(\d+):(\d+):(\d+)$)");
  }
  const bool mesh = configuration.node_to_node_mesh_enabled.value_or(true);
  schema.Rule(!mesh && configuration.node_mesh_password, "spec",
              "nodeMeshPassword cannot be set when nodeToNodeMeshEnabled is false");
  schema.Rule(!mesh && !configuration.node_mesh_max_restart_time.empty(), "spec",
              "nodeMeshMaxRestartTime cannot be set when nodeToNodeMeshEnabled is false");
}

void CheckKind(const BlockAffinityResource& affinity, Schema& schema) {
  schema.Required("spec.state", affinity.state);
  schema.Required("spec.node", affinity.node);
  schema.Required("spec.cidr", affinity.cidr);
  schema.Rule(affinity.deleted == "true", "spec.deleted", "deleted must not be true");
}
void CheckIpam(const IpamConfigurationSpec& spec, Schema& schema) {
  schema.Between("spec.maxBlocksPerHost", spec.max_blocks_per_host, 0, 1000000);
}
void CheckKind(const IPAMConfiguration& configuration, Schema& schema) {
  CheckIpam(configuration.spec, schema);
}
void CheckKind(const IPAMConfigResource& configuration, Schema& schema) {
  CheckIpam(configuration.spec, schema);
}

void CheckKind(const CalicoNodeStatus& status, Schema& schema) {
  const auto daemon = [&](const char* path, const std::string& state) {
    schema.Enum(path, state, {"Ready", "NotReady"});
  };
  daemon("status.agent.birdV4.state", status.agent.bird_v4.state);
  daemon("status.agent.birdV6.state", status.agent.bird_v6.state);
  const auto peers = [&](const char* list, const std::vector<BgpPeerStatus>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string path = fmt::format("status.bgp.{}[{}]", list, i);
      schema.Enum(path + ".type", items[i].type, {"NodeMesh", "NodePeer", "GlobalPeer"});
      schema.Enum(path + ".state", items[i].state,
                  {"Idle", "Connect", "Active", "OpenSent", "OpenConfirm", "Established", "Close"});
    }
  };
  peers("peersV4", status.bgp.peers_v4);
  peers("peersV6", status.bgp.peers_v6);
  const auto routes = [&](const char* list, const std::vector<RouteStatus>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string path = fmt::format("status.routes.{}[{}]", list, i);
      schema.Enum(path + ".type", items[i].type, {"FIB", "RIB"});
      schema.Enum(path + ".learnedFrom.sourceType", items[i].learned_from.source_type,
                  {"Kernel", "Static", "Direct", "NodeMesh", "BGPPeer"});
    }
  };
  routes("routesV4", status.routes.routes_v4);
  routes("routesV6", status.routes.routes_v6);
}

void CheckKind(const KubeControllersConfiguration& configuration, Schema& schema) {
  const KubeControllersSpec& spec = configuration.spec;
  schema.Enum("spec.logSeverityScreen", spec.log_severity_screen,
              {"None", "Debug", "Info", "Warning", "Error", "Fatal", "Panic"});
  schema.Enum("spec.healthChecks", spec.health_checks, {"Enabled", "Disabled"});
  if (spec.prometheus_metrics_port)
    schema.Between("spec.prometheusMetricsPort", *spec.prometheus_metrics_port, 0, 65535);
  if (spec.debug_profile_port) schema.Between("spec.debugProfilePort", *spec.debug_profile_port, 0, 65535);
  if (spec.controllers.policy_migration)
    schema.Enum("spec.controllers.policyMigration.enabled", spec.controllers.policy_migration->enabled,
                {"Enabled", "Disabled"});
  if (!spec.controllers.node) return;
  schema.Enum("spec.controllers.node.syncLabels", spec.controllers.node->sync_labels,
              {"Enabled", "Disabled"});
  if (!spec.controllers.node->host_endpoint) return;
  const AutoHostEndpointConfig& automatic = *spec.controllers.node->host_endpoint;
  const std::string path = "spec.controllers.node.hostEndpoint";
  schema.Enum(path + ".autoCreate", automatic.auto_create, {"Enabled", "Disabled"});
  for (std::size_t i = 0; i < automatic.templates.size(); ++i) {
    const std::string item = fmt::format("{}.templates[{}]", path, i);
    schema.Longest(item + ".generateName", automatic.templates[i].generate_name, 253);
    schema.Set(item + ".interfaceCIDRs", automatic.templates[i].interface_cidrs);
  }
}

void CheckKind(const Tier& tier, Schema& schema) {
  const std::string& name = tier.metadata.name;
  schema.Enum("spec.defaultAction", tier.default_action, {"Pass", "Deny"});
  schema.Rule(name == "default" && tier.default_action != "Deny", "Tier",
              "The 'default' tier must have default action 'Deny'");
  for (std::string_view kube : {"kube-admin", "kube-baseline"}) {
    schema.Rule(name == kube && tier.default_action != "Pass", "Tier",
                fmt::format("The '{}' tier must have default action 'Pass'", kube));
  }
}

}  // namespace

void CheckSchema(const Object& object, Problems& problems) {
  Schema schema(problems);
  std::visit([&](const auto& o) { CheckKind(o, schema); }, object);
  CheckPolicySchema(object, problems);
  if (const auto* felix = std::get_if<FelixConfiguration>(&object)) CheckFelixSchema(*felix, problems);
}

}  // namespace calico::model::validate
