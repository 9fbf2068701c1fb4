// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.7, C.4.8, C.4.15: pools and other address management.
#include <algorithm>

#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

bool Has(const std::vector<std::string>& list, std::string_view word) {
  return std::find(list.begin(), list.end(), word) != list.end();
}
bool Encapsulates(const std::string& mode) {
  return !mode.empty() && mode != "Never";
}

// A pool for addresses of services excludes every other purpose (C.6.1, 12).
void CheckLoadBalancerPool(const IPPool& pool, Problems& problems) {
  if (pool.node_selector != "all()")
    problems.Add("IPPool.Spec.NodeSelector", pool.node_selector,
                 "IP Pool with AllowedUse LoadBalancer must have node selector set to all()");
  if (Encapsulates(pool.ipip_mode) || Encapsulates(pool.vxlan_mode))
    problems.Add("IPPool.Spec.AllowedUses", "LoadBalancer",
                 "LoadBalancer IP pool cannot have IPIP or VXLAN enabled");
  if (pool.allowed_uses.size() > 1)
    problems.Add("IPPool.Spec.AllowedUses", "LoadBalancer",
                 "LoadBalancer cannot be combined with Workload or Tunnel allowed uses");
  // Upstream's check is this one, its text says the opposite.
  if (pool.disable_bgp_export)
    problems.Add("IPPool.Spec.DisableBGPExport", "true",
                 "IP Pool with AllowedUse LoadBalancer must not have DisableBGPExport set to true");
}

void CheckIpam(const IpamConfigurationSpec& spec, Problems& problems) {
  if (spec.max_blocks_per_host < 0)
    problems.Tag("MaxBlocksPerHost", std::to_string(spec.max_blocks_per_host), "gte", "must be at least 0");
  problems.OneOf("KubeVirtVMAddressPersistence", spec.kube_virt_vm_address_persistence,
                 {"Enabled", "Disabled"}, "oneof");
}

}  // namespace

void Check(const IPPool& pool, Problems& problems) {
  const auto cidr = net::Cidr::Parse(pool.cidr);
  if (!cidr || !cidr->IsMasked()) problems.Tag("CIDR", pool.cidr, "net");
  problems.OneOf("IPIPMode", pool.ipip_mode, {"Always", "CrossSubnet", "Never"}, "ipIpMode");
  problems.OneOf("VXLANMode", pool.vxlan_mode, {"Always", "CrossSubnet", "Never"}, "vxlanMode");
  // Only `calicoctl validate` sees a pool whose mode is still unset (reference calicoctl C.6).
  if (cidr && cidr->family() == net::Family::kV6 && pool.ipip_mode != "Never") {
    problems.Add("IPPool.Spec.IPIPMode", pool.ipip_mode,
                 "IPIPMode other than 'Never' is not supported on an IPv6 IP pool");
  }
  problems.OneOf("AssignmentMode", pool.assignment_mode, {"Automatic", "Manual"}, "assignmentMode");
  for (const auto& use : pool.allowed_uses) {
    if (use != "Workload" && use != "Tunnel" && use != "LoadBalancer")
      problems.Tag("AllowedUses", use, "allowedUses");
  }
  problems.SelectorText("NodeSelector", pool.node_selector);
  problems.SelectorText("NamespaceSelector", pool.namespace_selector);
  for (const auto& [field, text] :
       {std::pair{"NodeSelector", &pool.node_selector}, {"NamespaceSelector", &pool.namespace_selector}}) {
    if (text->find("global(") != std::string::npos)
      problems.Add(field, *text, "global() cannot be used in an IP pool");
  }
  if (!pool.namespace_selector.empty() && Has(pool.allowed_uses, "Tunnel"))
    problems.Add("NamespaceSelector", pool.namespace_selector, "cannot be used with allowed use Tunnel");
  if (Has(pool.allowed_uses, "LoadBalancer")) CheckLoadBalancerPool(pool, problems);
}

void Check(const IPReservation& reservation, Problems& problems) {
  problems.MatchAll("ReservedCIDRs", reservation.reserved_cidrs, IsCidr, "cidrs");
}
void Check(const NetworkSet& set, Problems& problems) {
  problems.MatchAll("Nets", set.nets, IsCidr, "cidr");
}
void Check(const GlobalNetworkSet& set, Problems& problems) {
  problems.MatchAll("Nets", set.nets, IsCidr, "cidr");
}

void Check(const IPAMConfiguration& configuration, Problems& problems) {
  CheckIpam(configuration.spec, problems);
}
void Check(const IPAMConfigResource& configuration, Problems& problems) {
  CheckIpam(configuration.spec, problems);
}
void Check(const BlockAffinityResource& affinity, Problems& problems) {
  if (affinity.deleted == "true") problems.Add("Deleted", "true", "deleted must not be true");
}

}  // namespace calico::model::validate
