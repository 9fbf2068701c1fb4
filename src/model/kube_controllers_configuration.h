// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

// Reference datastore-model A.8 (KubeControllersConfiguration), C.6.3. Durations in Go's form.
namespace calico::model {

struct HostEndpointTemplate {
  std::string generate_name;
  std::vector<std::string> interface_cidrs;
  std::string interface_pattern;
  std::map<std::string, std::string> labels;
  std::string node_selector;
  bool operator==(const HostEndpointTemplate&) const = default;
};
struct AutoHostEndpointConfig {
  std::string auto_create;                   // "Enabled", "Disabled"
  std::string create_default_host_endpoint;  // "Enabled", "Disabled"
  std::vector<HostEndpointTemplate> templates;
  bool operator==(const AutoHostEndpointConfig&) const = default;
};
struct NodeControllerConfig {
  std::string reconciler_period;
  std::string sync_labels;
  std::optional<AutoHostEndpointConfig> host_endpoint;
  std::string leak_grace_period;
  bool operator==(const NodeControllerConfig&) const = default;
};
struct PeriodicControllerConfig {
  std::string reconciler_period;
  bool operator==(const PeriodicControllerConfig&) const = default;
};
struct LoadBalancerControllerConfig {
  std::string assign_ips;  // "AllServices", "RequestedServicesOnly"
  bool operator==(const LoadBalancerControllerConfig&) const = default;
};
struct PolicyMigrationControllerConfig {
  std::string enabled;
  bool operator==(const PolicyMigrationControllerConfig&) const = default;
};
struct ControllersConfig {
  std::optional<NodeControllerConfig> node;
  std::optional<PeriodicControllerConfig> policy;
  std::optional<PeriodicControllerConfig> workload_endpoint;
  std::optional<PeriodicControllerConfig> service_account;
  std::optional<PeriodicControllerConfig> ns;
  std::optional<LoadBalancerControllerConfig> load_balancer;
  std::optional<PolicyMigrationControllerConfig> policy_migration;
  bool operator==(const ControllersConfig&) const = default;
};
struct KubeControllersSpec {
  std::string log_severity_screen;
  std::string health_checks;
  std::string etcd_v3_compaction_period;
  std::optional<int> prometheus_metrics_port;
  ControllersConfig controllers;  // always stored
  std::optional<int> debug_profile_port;
  bool operator==(const KubeControllersSpec&) const = default;
};
struct KubeControllersConfiguration {
  Metadata metadata;
  KubeControllersSpec spec;
  std::optional<KubeControllersSpec> running_config;  // in status
  std::map<std::string, std::string> environment_vars;
  UnknownMembers unknown;
  bool operator==(const KubeControllersConfiguration&) const = default;
};

}  // namespace calico::model
