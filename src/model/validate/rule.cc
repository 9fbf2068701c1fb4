// SPDX-License-Identifier: Apache-2.0
#include "model/validate/rule.h"

#include <optional>

#include "net/cidr.h"

namespace calico::model::validate {
namespace {

// What the nets of one rule have shown so far: all must be of one family.
struct FamilySeen {
  std::optional<int> ip_version;
  bool v4 = false, v6 = false;
};

void CheckNets(const std::string& field, const std::vector<std::string>& nets, bool negated, FamilySeen& seen,
               Problems& problems) {
  for (const std::string& text : nets) {
    const auto cidr = net::Cidr::ParsePrefix(text);  // unlike elsewhere a bare address is refused
    if (!cidr) {
      problems.Add(field, text, "invalid CIDR");
      continue;
    }
    if (!cidr->IsMasked()) problems.Tag(field, text, "net");
    const bool v4 = cidr->family() == net::Family::kV4;
    (v4 ? seen.v4 : seen.v6) = true;
    if (seen.ip_version && *seen.ip_version != (v4 ? 4 : 6))
      problems.Add(field, text, "rule IP version doesn't match CIDR version");
    if (negated && cidr->prefix_length() == 0) {
      problems.Add(field, text,
                   "catch-all CIDR in negation creates logical contradiction (matches no traffic)");
    }
  }
}

void CheckPorts(const std::string& field, const std::vector<Port>& ports, const std::string& protocol,
                Problems& problems) {
  static const std::regex kNamed("[a-zA-Z0-9_.-]{1,128}");
  bool numeric = false;
  for (const Port& port : ports) {
    if (const auto* name = std::get_if<std::string>(&port)) {
      if (name->size() > 128 || !std::regex_match(*name, kNamed))
        problems.Add(field, *name, "invalid name for a port");
      continue;
    }
    numeric = true;
    if (std::get<net::PortRange>(port).first == 0)
      problems.Add(field, "0", "port range invalid, port number must be between 1 and 65535");
  }
  if (ports.empty()) return;
  if (protocol.empty()) {
    if (numeric)
      problems.Add(field, "",
                   "rules with numeric port or port range must set protocol to TCP or UDP or SCTP");
    return;
  }
  const auto number = net::ParseProtocol(protocol);
  if (number != net::kTcp && number != net::kUdp && number != net::kSctp)
    problems.Add(field, "", "rules that specify ports must set protocol to TCP or UDP or SCTP");
}

void CheckEntity(const std::string& side, const EntityRule& entity, const std::string& protocol,
                 FamilySeen& seen, Problems& problems) {
  CheckNets(side + ".Nets", entity.nets, false, seen, problems);
  CheckNets(side + ".NotNets", entity.not_nets, true, seen, problems);
  problems.SelectorText("Selector", entity.selector);
  problems.SelectorText("NotSelector", entity.not_selector);
  problems.SelectorText("NamespaceSelector", entity.namespace_selector);
  for (const std::string& text : {entity.selector, entity.not_selector}) {
    if (text.find("global(") != std::string::npos)
      problems.Add("Selector field", text, "global() can only be used in an EntityRule namespaceSelector");
  }
  const auto everywhere = Selector::Parse(entity.namespace_selector);
  if (everywhere && everywhere->text() != "global()" &&
      everywhere->text().find("global()") != std::string::npos) {
    problems.Add("NamespaceSelector field", entity.namespace_selector,
                 "global() cannot be combined with other selectors");
  }
  CheckPorts(side + ".Ports", entity.ports, protocol, problems);
  CheckPorts(side + ".NotPorts", entity.not_ports, protocol, problems);
}

void CheckIcmp(const std::string& field, const std::optional<IcmpMatch>& icmp, Problems& problems) {
  if (!icmp) return;
  if (icmp->code && !icmp->type) problems.Add(field, "", "ICMP code specified without an ICMP type");
  if (icmp->type && (*icmp->type < 0 || *icmp->type > 254))
    problems.Tag(field + ".Type", std::to_string(*icmp->type), "gte");
  if (icmp->code && (*icmp->code < 0 || *icmp->code > 255))
    problems.Tag(field + ".Code", std::to_string(*icmp->code), "gte");
}

void CheckProtocol(const std::string& field, const std::string& text, const std::optional<int>& ip_version,
                   Problems& problems) {
  if (text.empty()) return;
  if (!net::ParseProtocol(text)) {
    const bool number = text.find_first_not_of("0123456789") == std::string::npos;
    problems.Add(field, text, number ? "protocol number invalid" : "protocol name invalid");
  }
  if (text == "ICMP" && ip_version && *ip_version != 4)
    problems.Add("IPVersion", std::to_string(*ip_version), "must set ipversion to '4' with protocol icmp");
  if (text == "ICMPv6" && ip_version && *ip_version != 6)
    problems.Add("IPVersion", std::to_string(*ip_version), "must set ipversion to '6' with protocol icmpv6");
}

}  // namespace

void CheckRule(const Rule& rule, Problems& problems) {
  if (rule.action.empty()) problems.Tag("Action", "", "required");
  problems.OneOf("Action", rule.action, {"Allow", "Deny", "Log", "Pass"}, "action");
  if (rule.ip_version && *rule.ip_version != 4 && *rule.ip_version != 6)
    problems.Tag("IPVersion", std::to_string(*rule.ip_version), "ipVersion");
  CheckProtocol("Protocol", rule.protocol, rule.ip_version, problems);
  CheckProtocol("NotProtocol", rule.not_protocol, rule.ip_version, problems);
  CheckIcmp("ICMP", rule.icmp, problems);
  CheckIcmp("NotICMP", rule.not_icmp, problems);
  if (rule.icmp && rule.protocol != "ICMP" && rule.protocol != "ICMPv6")
    problems.Add("ICMP", "", "rules that specify ICMP fields must set protocol to ICMP");
  FamilySeen seen{rule.ip_version};
  CheckEntity("Source", rule.source, rule.protocol, seen, problems);
  CheckEntity("Destination", rule.destination, rule.protocol, seen, problems);
  if (seen.v4 && seen.v6) problems.Add("Nets", "", "rule contains both IPv4 and IPv6 CIDRs");
}

}  // namespace calico::model::validate
