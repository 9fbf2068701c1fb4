// SPDX-License-Identifier: Apache-2.0
#include "model/validate/v1.h"

#include <algorithm>
#include <initializer_list>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "model/v1_convert.h"
#include "model/validate/v1_rule.h"
#include "net/cidr.h"
#include "net/mac.h"

namespace calico::model {
namespace {

using validate::CheckV1Labels;
using validate::CheckV1Name;
using validate::CheckV1NamespacedName;
using validate::CheckV1Rule;
using validate::V1Problems;

struct Identifier {
  const char* name;  // as in the document's metadata
  const std::string& value;
};

// Of a resource in the order in which upstream looks for them.
Status Identified(std::initializer_list<Identifier> identifiers, std::string& pointer) {
  for (const auto& [name, value] : identifiers) {
    if (!value.empty()) continue;
    pointer = "/metadata";
    return Error(ErrorCode::kInvalidArgument, fmt::format("insufficient identifiers, missing '{}'", name));
  }
  return Ok();
}

bool IsAddress(const std::string& text, net::Family family) {
  const auto ip = net::Ip::Parse(text);
  return ip && ip->family() == family;
}

void CheckInterface(const std::string& name, V1Problems& problems) {
  constexpr char kLetters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  constexpr std::size_t kLongest = 15;
  if (name.size() > kLongest || name.find_first_not_of(kLetters) != std::string::npos)
    problems.Add("/spec/interfaceName", "InterfaceName", name, "must be 1 to 15 letters, digits, '_' or '-'");
}
void CheckProfiles(const std::vector<std::string>& profiles, V1Problems& problems) {
  for (std::size_t i = 0; i < profiles.size(); ++i) {
    const std::string at = fmt::format("/spec/profiles/{}", i);
    if (profiles[i].empty()) problems.Add(at, "Profiles", "", "a profile needs a name");
    CheckV1NamespacedName(at, "Profiles", profiles[i], problems);
  }
}
void CheckRules(const std::vector<v1::Rule>& ingress, const std::vector<v1::Rule>& egress,
                V1Problems& problems) {
  for (std::size_t i = 0; i < ingress.size(); ++i)
    CheckV1Rule(ingress[i], fmt::format("/spec/ingress/{}", i), problems);
  for (std::size_t i = 0; i < egress.size(); ++i)
    CheckV1Rule(egress[i], fmt::format("/spec/egress/{}", i), problems);
}

// --- the kinds

Status Identify(const v1::BgpPeer& o, std::string& pointer) {
  if (o.scope == "node") return Identified({{"node", o.node}, {"peerIP", o.peer_ip}}, pointer);
  return Identified({{"scope", o.scope}, {"peerIP", o.peer_ip}}, pointer);
}
void Check(const v1::BgpPeer& o, V1Problems& problems) {
  if (o.scope != "global" && o.scope != "node")
    problems.Add("/metadata/scope", "Scope", o.scope, "must be global or node");
  if (o.scope == "global" && !o.node.empty())
    problems.Add("/metadata/node", "Node", o.node,
                 "no BGP Peer node name should be specified when scope is global");
  CheckV1Name("/metadata/node", "Node", o.node, problems);
  if (!net::Ip::Parse(o.peer_ip))
    problems.Add("/metadata/peerIP", "PeerIP", o.peer_ip, "must be an IP address");
}

Status Identify(const v1::HostEndpoint& o, std::string& pointer) {
  return Identified({{"node", o.node}, {"name", o.name}}, pointer);
}
void Check(const v1::HostEndpoint& o, V1Problems& problems) {
  CheckV1Name("/metadata/node", "Node", o.node, problems);
  CheckV1NamespacedName("/metadata/name", "Name", o.name, problems);
  CheckV1Labels(o.labels, problems);
  if (o.interface_name.empty() && o.expected_ips.empty())
    problems.Add("/spec", "InterfaceName", "", "no interface or expected IPs have been specified");
  CheckInterface(o.interface_name, problems);
  for (std::size_t i = 0; i < o.expected_ips.size(); ++i) {
    if (!net::Ip::Parse(o.expected_ips[i]))
      problems.Add(fmt::format("/spec/expectedIPs/{}", i), "ExpectedIPs", o.expected_ips[i],
                   "must be an IP address");
  }
  CheckProfiles(o.profiles, problems);
}

Status Identify(const v1::IpPool& o, std::string& pointer) {
  return Identified({{"cidr", o.cidr}}, pointer);
}
void Check(const v1::IpPool& o, V1Problems& problems) {
  const std::string at = "/metadata/cidr";
  const auto bad = [&](const std::string& reason) { problems.Add(at, "CIDR", o.cidr, reason); };
  if (o.ipip && !o.ipip->mode.empty() && o.ipip->mode != "always" && o.ipip->mode != "cross-subnet")
    problems.Add("/spec/ipip/mode", "IPIP.Mode", o.ipip->mode, "must be 'always' or 'cross-subnet'");
  const auto cidr = net::Cidr::Parse(o.cidr);
  if (!cidr) return bad("must be a network");
  const bool v4 = cidr->family() == net::Family::kV4;
  if (!v4 && o.ipip && o.ipip->enabled)
    problems.Add("/spec/ipip/enabled", "IPIP.Enabled", "true", "IPIP is not supported on an IPv6 IP pool");
  const int smallest = v4 ? 26 : 122;
  if (!o.disabled && cidr->prefix_length() > smallest)
    bad(fmt::format("IP pool size is too small (min /{}) for use with Calico IPAM", smallest));
  if (!cidr->IsMasked()) bad("IP pool CIDR is not strictly masked");
  const char* const link_local = v4 ? "169.254.0.0/16" : "fe80::/10";
  if (cidr->Masked().Overlaps(*net::Cidr::Parse(link_local)))
    bad(fmt::format("IP pool range overlaps with IPv{} Link Local range {}", v4 ? 4 : 6, link_local));
}

Status Identify(const v1::Node& o, std::string& pointer) {
  return Identified({{"name", o.name}}, pointer);
}
void Check(const v1::Node& o, V1Problems& problems) {
  CheckV1Name("/metadata/name", "Name", o.name, problems);
  for (std::size_t i = 0; i < o.orch_refs.size(); ++i) {
    if (o.orch_refs[i].orchestrator.empty())
      problems.Add(fmt::format("/spec/orchRefs/{}", i), "Orchestrator", "",
                   "a reference needs an orchestrator");
  }
  if (!o.bgp) return;
  if (o.bgp->ipv4_address.empty() && o.bgp->ipv6_address.empty())
    problems.Add("/spec/bgp", "BGP", "", "no BGP IP address and subnet specified");
  const auto address = [&](const char* member, const char* field, const std::string& text,
                           net::Family family) {
    const auto cidr = net::Cidr::Parse(text);
    const int version = family == net::Family::kV4 ? 4 : 6;
    if (!text.empty() && (!cidr || cidr->family() != family))
      problems.Add(std::string("/spec/bgp/") + member, field, text,
                   fmt::format("must be an IPv{} address with or without a prefix length", version));
  };
  address("ipv4Address", "IPv4Address", o.bgp->ipv4_address, net::Family::kV4);
  address("ipv6Address", "IPv6Address", o.bgp->ipv6_address, net::Family::kV6);
}

Status Identify(const v1::Policy& o, std::string& pointer) {
  return Identified({{"name", o.name}}, pointer);
}
void Check(const v1::Policy& o, V1Problems& problems) {
  CheckV1NamespacedName("/metadata/name", "Name", o.name, problems);
  validate::CheckV1Selector("/spec/selector", "Selector", o.selector, problems);
  std::set<std::string> seen;
  for (std::size_t i = 0; i < o.types.size(); ++i) {
    const std::string at = fmt::format("/spec/types/{}", i);
    if (o.types[i] != "ingress" && o.types[i] != "egress")
      problems.Add(at, "Types", o.types[i], "must be ingress or egress");
    else if (!seen.insert(o.types[i]).second)
      problems.Add(at, "Types", o.types[i], "is there twice");
  }
  if (o.pre_dnat && o.do_not_track)
    problems.Add("/spec/preDNAT", "PolicySpec.PreDNAT", "true",
                 "PreDNAT and DoNotTrack cannot both be true, for a given PolicySpec");
  if (o.pre_dnat && !o.egress.empty())
    problems.Add("/spec/egress", "PolicySpec.Egress", "", "PreDNAT PolicySpec cannot have any Egress rules");
  if (o.pre_dnat && seen.contains("egress"))
    problems.Add("/spec/types", "PolicySpec.Types", "", "PreDNAT PolicySpec cannot have 'egress' Type");
  CheckRules(o.ingress, o.egress, problems);
}

Status Identify(const v1::Profile& o, std::string& pointer) {
  return Identified({{"name", o.name}}, pointer);
}
void Check(const v1::Profile& o, V1Problems& problems) {
  CheckV1NamespacedName("/metadata/name", "Name", o.name, problems);
  for (std::size_t i = 0; i < o.tags.size(); ++i) {
    const std::string at = fmt::format("/metadata/tags/{}", i);
    if (o.tags[i].empty()) problems.Add(at, "Tags", "", "a tag needs a name");
    CheckV1Name(at, "Tags", o.tags[i], problems);
  }
  CheckV1Labels(o.labels, problems);
  CheckRules(o.ingress, o.egress, problems);
}

Status Identify(const v1::WorkloadEndpoint& o, std::string& pointer) {
  return Identified(
      {{"node", o.node}, {"orchestrator", o.orchestrator}, {"workload", o.workload}, {"name", o.name}},
      pointer);
}
// An address translation maps an address of the endpoint to one outside, of the same family.
void CheckNats(const v1::WorkloadEndpoint& o, V1Problems& problems) {
  for (std::size_t i = 0; i < o.ip_nats.size(); ++i) {
    const std::string at = fmt::format("/spec/ipNATs/{}", i);
    const IpNat& nat = o.ip_nats[i];
    const auto inside = net::Ip::Parse(nat.internal_ip), outside = net::Ip::Parse(nat.external_ip);
    if (!inside) problems.Add(at, "IPNATs.InternalIP", nat.internal_ip, "must be an IP address");
    if (!outside) problems.Add(at, "IPNATs.ExternalIP", nat.external_ip, "must be an IP address");
    if (!inside || !outside) continue;
    if (inside->family() != outside->family())
      problems.Add(at, "IPNATs", nat.internal_ip + " and " + nat.external_ip, "must be of one IP version");
    const bool owned = std::any_of(o.ip_networks.begin(), o.ip_networks.end(), [&](const std::string& text) {
      const auto cidr = net::Cidr::Parse(text);
      return cidr && cidr->Contains(*inside);
    });
    if (!owned) problems.Add(at, "IPNATs.InternalIP", nat.internal_ip, "NAT is not in the endpoint networks");
  }
}
void Check(const v1::WorkloadEndpoint& o, V1Problems& problems) {
  CheckV1Name("/metadata/node", "Node", o.node, problems);
  CheckV1NamespacedName("/metadata/orchestrator", "Orchestrator", o.orchestrator, problems);
  CheckV1NamespacedName("/metadata/workload", "Workload", o.workload, problems);
  CheckV1NamespacedName("/metadata/name", "Name", o.name, problems);
  CheckV1Name("/metadata/activeInstanceID", "ActiveInstanceID", o.active_instance_id, problems);
  CheckV1Labels(o.labels, problems);
  if (o.interface_name.empty())
    problems.Add("/spec", "InterfaceName", "", "a workload endpoint needs an interface");
  CheckInterface(o.interface_name, problems);
  for (std::size_t i = 0; i < o.ip_networks.size(); ++i) {
    const auto cidr = net::Cidr::Parse(o.ip_networks[i]);
    if (!cidr || !cidr->is_host())
      problems.Add(fmt::format("/spec/ipNetworks/{}", i), "IPNetworks", o.ip_networks[i],
                   "must be an address, /32 or /128");
  }
  CheckNats(o, problems);
  if (!o.ipv4_gateway.empty() && !IsAddress(o.ipv4_gateway, net::Family::kV4))
    problems.Add("/spec/ipv4Gateway", "IPv4Gateway", o.ipv4_gateway, "must be an IPv4 address");
  if (!o.ipv6_gateway.empty() && !IsAddress(o.ipv6_gateway, net::Family::kV6))
    problems.Add("/spec/ipv6Gateway", "IPv6Gateway", o.ipv6_gateway, "must be an IPv6 address");
  CheckProfiles(o.profiles, problems);
  if (!o.mac.empty() && !net::Mac::Parse(o.mac))
    problems.Add("/spec/mac", "MAC", o.mac, "must be a MAC address");
}

}  // namespace

Status ValidateV1(const v1::Resource& resource, std::string* pointer) {
  std::string unused;
  std::string& place = pointer == nullptr ? unused : *pointer;
  return std::visit(
      [&](const auto& o) -> Status {
        RETURN_IF_ERROR(Identify(o, place));
        V1Problems problems;
        Check(o, problems);
        place = problems.pointer();
        return problems.Summary();
      },
      resource);
}

Status ValidateV1(const Object& object) {
  ASSIGN_OR_RETURN(const v1::Resource resource, V3ToV1(object));
  return ValidateV1(resource);
}

}  // namespace calico::model
