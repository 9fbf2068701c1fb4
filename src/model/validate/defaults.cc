// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.6, A.7, and the defaults of C.7.
#include <algorithm>

#include <fmt/format.h>

#include "model/validate/validate.h"
#include "net/cidr.h"

namespace calico::model {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
void Default(std::string& text, const char* value) {
  if (text.empty()) text = value;
}

Error PoolError(const char* field, const std::string& value, const std::string& reason) {
  return FieldError(std::string("IPPool.Spec.") + field, value, reason);
}

// C.6.1, steps 4 to 7.
Status BlockSizeDefaults(IPPool& pool, const IPPool* old, const net::Cidr& cidr) {
  const bool v4 = cidr.family() == net::Family::kV4;
  if (pool.block_size == 0) pool.block_size = v4 ? 26 : 122;
  if (pool.allowed_uses.empty()) pool.allowed_uses = {"Workload", "Tunnel"};
  if (old != nullptr && Has(old->allowed_uses, "LoadBalancer") && !Has(pool.allowed_uses, "LoadBalancer")) {
    return PoolError("AllowedUses", pool.allowed_uses[0],
                     "IPPool allowed use cannot be changed from LoadBalacer to Workload or Tunnel");
  }
  Default(pool.assignment_mode, "Automatic");
  if (old != nullptr && old->block_size != 0 && pool.block_size != old->block_size)
    return PoolError("BlockSize", std::to_string(pool.block_size), "IPPool BlockSize cannot be modified");
  if (v4 && (pool.block_size < 20 || pool.block_size > 32)) {
    return PoolError("BlockSize", std::to_string(pool.block_size),
                     "IPv4 block size must be between 20 and 32");
  }
  if (!v4 && (pool.block_size < 116 || pool.block_size > 128)) {
    return PoolError("BlockSize", std::to_string(pool.block_size),
                     "IPv6 block size must be between 116 and 128");
  }
  if (!pool.disabled && cidr.prefix_length() > pool.block_size) {
    return PoolError("CIDR", pool.cidr,
                     "IP pool size is too small for use with Calico IPAM. It must be equal to or greater "
                     "than the block size.");
  }
  return Ok();
}

// C.6.1, steps 9 to 11.
Status CheckPool(IPPool& pool, const net::Cidr& cidr) {
  const bool v4 = cidr.family() == net::Family::kV4;
  Default(pool.ipip_mode, "Never");
  Default(pool.vxlan_mode, "Never");
  if (pool.ipip_mode != "Never" && pool.vxlan_mode != "Never")
    return PoolError("VXLANMode", pool.vxlan_mode, "Cannot enable both VXLAN and IPIP on the same IPPool");
  if (!v4 && pool.ipip_mode != "Never")
    return PoolError("IPIPMode", pool.ipip_mode, "IPIP is not supported on an IPv6 IP pool");
  if (!cidr.IsMasked()) return PoolError("CIDR", pool.cidr, "IPPool CIDR is not strictly masked");
  if (v4 && cidr.Overlaps(*net::Cidr::Parse("169.254.0.0/16")))
    return PoolError("CIDR", pool.cidr, "IPPool CIDR overlaps with IPv4 Link Local range 169.254.0.0/16");
  if (!v4 && cidr.Overlaps(*net::Cidr::Parse("fe80::/10")))
    return PoolError("CIDR", pool.cidr, "IPPool CIDR overlaps with IPv6 Link Local range fe80::/10");
  return Ok();
}

Status Defaults(IPPool& pool, const IPPool* old) {
  if (pool.cidr.empty()) return PoolError("CIDR", "", "IPPool CIDR must be specified");
  const auto cidr = net::Cidr::ParsePrefix(pool.cidr);
  if (!cidr) return PoolError("CIDR", pool.cidr, "IPPool CIDR must be a valid subnet");
  Default(pool.node_selector, "all()");
  if (old != nullptr && net::Cidr::Parse(old->cidr) != cidr)
    return PoolError("CIDR", pool.cidr, "IPPool CIDR cannot be modified");
  RETURN_IF_ERROR(BlockSizeDefaults(pool, old, *cidr));
  RETURN_IF_ERROR(CheckPool(pool, *cidr));
  pool.cidr = cidr->ToString();
  return Ok();
}

Status Defaults(WorkloadEndpoint& endpoint, const WorkloadEndpoint*) {
  ASSIGN_OR_RETURN(const std::string name, WorkloadEndpointName(endpoint));
  if (endpoint.metadata.name.empty()) endpoint.metadata.name = name;
  if (endpoint.metadata.name != name) {
    return FieldError("Name", endpoint.metadata.name,
                      "the WorkloadEndpoint name does not match the primary identifiers assigned in the "
                      "Spec: expected name " +
                          name);
  }
  // A.7.6.
  endpoint.metadata.labels["projectcalico.org/namespace"] = endpoint.metadata.ns;
  endpoint.metadata.labels["projectcalico.org/orchestrator"] = endpoint.orchestrator;
  return Ok();
}

// C.6.2, A.7.3. A staged deletion must not choose anything, so it gets no types.
void PolicyDefaults(Metadata& metadata, PolicySpec& spec, bool deletion = false) {
  Default(spec.tier, kDefaultTier);
  metadata.labels["projectcalico.org/tier"] = spec.tier;
  if (!spec.types.empty() || deletion) return;
  if (!spec.ingress.empty() || spec.egress.empty()) spec.types.emplace_back("Ingress");
  if (!spec.egress.empty()) spec.types.emplace_back("Egress");
}
Status Defaults(NetworkPolicy& policy, const NetworkPolicy*) {
  PolicyDefaults(policy.metadata, policy.spec);
  return Ok();
}
Status Defaults(GlobalNetworkPolicy& policy, const GlobalNetworkPolicy*) {
  PolicyDefaults(policy.metadata, policy.spec);
  return Ok();
}
template <typename Staged>
Status StagedDefaults(Staged& policy) {
  Default(policy.staged_action, "Set");
  PolicyDefaults(policy.metadata, policy.spec, policy.staged_action == "Delete");
  return Ok();
}
Status Defaults(StagedNetworkPolicy& policy, const StagedNetworkPolicy*) {
  return StagedDefaults(policy);
}
Status Defaults(StagedGlobalNetworkPolicy& policy, const StagedGlobalNetworkPolicy*) {
  return StagedDefaults(policy);
}
Status Defaults(StagedKubernetesNetworkPolicy& policy, const StagedKubernetesNetworkPolicy*) {
  Default(policy.staged_action, "Set");
  return Ok();
}

// A.7.4.
Status Defaults(Tier& tier, const Tier*) {
  if (!tier.order) tier.order = kDefaultTierOrder;
  Default(tier.default_action, "Deny");
  return Ok();
}

// A.7.6. The deprecated switch wins over the two that replaced it.
Status Defaults(FelixConfiguration& configuration, const FelixConfiguration*) {
  auto& values = configuration.other_parameters;
  const auto set = [&](const char* field, const char* value) {
    values[field] = fmt::format("\"{}\"", value);
  };
  const auto set_default = [&](const char* field, const char* value) {
    const auto found = values.find(field);
    if (found == values.end() || found->second == "\"\"" || found->second == "null") set(field, value);
  };
  set_default("floatingIPs", "Disabled");
  if (const auto old = values.find("bpfConnectTimeLoadBalancingEnabled");
      old != values.end() && old->second != "null") {
    set("bpfConnectTimeLoadBalancing", old->second == "true" ? "Enabled" : "Disabled");
    set("bpfHostNetworkedNATWithoutCTLB", "Disabled");
  } else {
    set_default("bpfConnectTimeLoadBalancing", "TCP");
    set_default("bpfHostNetworkedNATWithoutCTLB", "Enabled");
  }
  set_default("nftablesMode", "Auto");
  return Ok();
}

// Of these there is one, named "default" (C.4.15).
Status OnlyDefault(const Metadata& metadata, const char* what) {
  if (metadata.name.empty() || metadata.name == "default") return Ok();
  return FieldError("Metadata.Name", metadata.name,
                    fmt::format("Cannot create {} resource with a name other than \"default\"", what));
}
Status Defaults(KubeControllersConfiguration& configuration, const KubeControllersConfiguration*) {
  RETURN_IF_ERROR(OnlyDefault(configuration.metadata, "a Kube Controllers Configuration"));
  KubeControllersSpec& spec = configuration.spec;
  if (!spec.prometheus_metrics_port) spec.prometheus_metrics_port = 9094;
  Default(spec.health_checks, "Enabled");
  ControllersConfig& controllers = spec.controllers;
  if (controllers.node) Default(controllers.node->leak_grace_period, "15m0s");
  if (controllers.load_balancer) Default(controllers.load_balancer->assign_ips, "AllServices");
  if (controllers.policy_migration) Default(controllers.policy_migration->enabled, "Enabled");
  return Ok();
}

Status Defaults(BGPConfiguration& configuration, const BGPConfiguration*) {
  Default(configuration.log_severity_screen, "Info");
  Default(configuration.service_load_balancer_aggregation, "Enabled");
  return Ok();
}
Status Defaults(BlockAffinityResource& affinity, const BlockAffinityResource*) {
  Default(affinity.deleted, "false");
  return Ok();
}

Status Defaults(ClusterInformation& information, const ClusterInformation*) {
  return OnlyDefault(information.metadata, "a Cluster Information");
}
Status Defaults(IPAMConfiguration& configuration, const IPAMConfiguration*) {
  return OnlyDefault(configuration.metadata, "an IPAMConfiguration");
}

template <typename T>
Status Defaults(T&, const T*) {
  return Ok();
}

}  // namespace

Status ApplyDefaults(Object& object, const Object* old) {
  return std::visit(
      [old](auto& o) {
        using T = std::decay_t<decltype(o)>;
        return Defaults(o, old == nullptr ? nullptr : std::get_if<T>(old));
      },
      object);
}

}  // namespace calico::model
