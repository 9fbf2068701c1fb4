// SPDX-License-Identifier: Apache-2.0
#include "model/validate/rule.h"

#include <optional>
#include <set>

#include "base/text.h"
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

// What the nets of one rule have shown so far: all must be of one family.
struct FamilySeen {
  std::optional<int> ip_version;
  bool v4 = false, v6 = false;
};

// How messages name the members of a rule's two ends.
struct End {
  std::string_view nets, not_nets, ports, not_ports;
};
constexpr End kSource{"Source.Nets", "Source.NotNets", "Source.Ports", "Source.NotPorts"};
constexpr End kDestination{"Destination.Nets", "Destination.NotNets", "Destination.Ports",
                           "Destination.NotPorts"};

void CheckNets(std::string_view field, const std::vector<std::string>& nets, bool negated, FamilySeen& seen,
               Problems& problems) {
  for (const std::string& text : nets) {
    const auto cidr = net::Cidr::ParsePrefix(text);  // unlike elsewhere a bare address is refused
    if (!cidr) {
      problems.Add(field, text, "invalid CIDR");
      continue;
    }
    if (!cidr->IsMasked()) problems.Tag(field, text, "net", "host bits must be zero");
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

std::string PortText(const net::PortRange& range) {
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}:{}", range.first, range.last);
}

void CheckPorts(std::string_view field, const std::vector<Port>& ports, const std::string& protocol,
                Problems& problems) {
  if (ports.empty()) return;
  bool numeric = false;
  for (const Port& port : ports) {
    if (const auto* name = std::get_if<std::string>(&port)) {
      if (!IsNamedPort(*name)) problems.Add(field, *name, "invalid name for a port");
      continue;
    }
    numeric = true;
    const auto& range = std::get<net::PortRange>(port);
    if (range.first == 0) {
      problems.Add(field, PortText(range), "port range invalid, port number must be between 1 and 65535");
    } else if (range.first > range.last) {
      problems.Add(field, PortText(range), "port range invalid");
    }
  }
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

// Services stand for their own addresses and ports, so nothing else may choose any.
void CheckServices(const EntityRule& entity, const End& end, Problems& problems) {
  constexpr char kField[] = "Services field";
  const ServiceMatch& services = *entity.services;
  if (services.name.empty()) problems.Add(kField, "", "must specify a service name");
  problems.Match("Name", services.name, IsName, "name");
  problems.Match("Namespace", services.ns, IsName, "name");
  if (!entity.namespace_selector.empty())
    problems.Add(kField, services.name, "cannot specify NamespaceSelector and Services on the same rule");
  if (!entity.selector.empty() || !entity.not_selector.empty())
    problems.Add(kField, services.name, "cannot specify Selector/NotSelector and Services on the same rule");
  if (entity.service_accounts)
    problems.Add(kField, services.name, "cannot specify ServiceAccounts and Services on the same rule");
  if (!entity.nets.empty() || !entity.not_nets.empty())
    problems.Add(kField, services.name, "cannot specify Nets/NotNets and Services on the same rule");
  if (&end != &kDestination) return;
  if (!entity.ports.empty()) problems.Add(end.ports, "", "cannot specify ports with a service selector");
  if (!entity.not_ports.empty())
    problems.Add(end.not_ports, "", "cannot specify notports with a service selector");
}

void CheckSelectors(const EntityRule& entity, Problems& problems) {
  problems.SelectorText("Selector", entity.selector);
  problems.SelectorText("NotSelector", entity.not_selector);
  problems.SelectorText("NamespaceSelector", entity.namespace_selector);
  for (const std::string* text : {&entity.selector, &entity.not_selector}) {
    if (SaysGlobal(*text)) problems.Add("Selector field", *text, kGlobalOnlyForNamespaces);
  }
  if (SaysGlobal(entity.namespace_selector) &&
      Selector::Parse(entity.namespace_selector)->text() != "global()") {
    problems.Add("NamespaceSelector field", entity.namespace_selector,
                 "global() cannot be combined with other selectors");
  }
  if (!entity.service_accounts) return;
  problems.MatchAll("Names", entity.service_accounts->names, IsName, "name");
  problems.SelectorText("Selector", entity.service_accounts->selector);
}

void CheckEntity(const End& end, const EntityRule& entity, const std::string& protocol, FamilySeen& seen,
                 Problems& problems) {
  CheckNets(end.nets, entity.nets, false, seen, problems);
  CheckNets(end.not_nets, entity.not_nets, true, seen, problems);
  CheckSelectors(entity, problems);
  if (entity.services) CheckServices(entity, end, problems);
  CheckPorts(end.ports, entity.ports, protocol, problems);
  CheckPorts(end.not_ports, entity.not_ports, protocol, problems);
}

void CheckIcmp(std::string_view field, const std::optional<IcmpMatch>& icmp, Problems& problems) {
  if (!icmp) return;
  if (icmp->code && !icmp->type) problems.Add(field, "", "ICMP code specified without an ICMP type");
  if (icmp->type) problems.Range(fmt::format("{}.Type", field), *icmp->type, 0, 254);
  if (icmp->code) problems.Range(fmt::format("{}.Code", field), *icmp->code, 0, 255);
}

bool IsProtocol(std::string_view text, std::string_view name) {
  return EqualsIgnoreCase(text, name);
}

void CheckProtocol(std::string_view field, const std::string& text, const std::optional<int>& ip_version,
                   Problems& problems) {
  if (text.empty()) return;
  if (!net::ParseProtocol(text)) {
    const bool number = text.find_first_not_of("0123456789") == std::string::npos;
    problems.Add(field, text, number ? "protocol number invalid" : "protocol name invalid");
  }
  if (IsProtocol(text, "ICMP") && ip_version && *ip_version != 4)
    problems.Add("IPVersion", std::to_string(*ip_version), "must set ipversion to '4' with protocol icmp");
  if (IsProtocol(text, "ICMPv6") && ip_version && *ip_version != 6)
    problems.Add("IPVersion", std::to_string(*ip_version), "must set ipversion to '6' with protocol icmpv6");
}

void CheckPath(const HttpPath& path, Problems& problems) {
  if (!path.exact.empty() && !path.prefix.empty()) {
    problems.Add("Paths", path.exact, "Invalid path match. Both 'exact' and 'prefix' are set");
    return;
  }
  const std::string& text = path.exact.empty() ? path.prefix : path.exact;
  if (text.empty()) {
    problems.Add("Paths", "", "Invalid path match. Either 'exact' or 'prefix' must be set");
  } else if (!text.starts_with('/') || text.find_first_of(" ?#") != std::string::npos) {
    problems.Add("Paths", text,
                 fmt::format("Invalid path {}. (must start with `/` and not contain `?` or `#`", text));
  }
}

void CheckHttp(const Rule& rule, RuleOwner owner, Direction direction, Problems& problems) {
  if (!rule.protocol.empty() && net::ParseProtocol(rule.protocol) != net::kTcp) {
    problems.Add("Protocol", rule.protocol,
                 "rules that specify HTTP fields must set protocol to TCP or empty");
  }
  if (rule.action != "Allow") problems.Add("HTTP", "", "only valid for Allow rules");
  if (direction == Direction::kEgress && owner == RuleOwner::kNetworkPolicy)
    problems.Add("HTTP", "", "not allowed in egress rule");
  if (direction == Direction::kEgress && owner == RuleOwner::kGlobalNetworkPolicy)
    problems.Add("HTTP", "", "not allowed in egress rules");
  const std::set<std::string> methods(rule.http->methods.begin(), rule.http->methods.end());
  if (methods.size() != rule.http->methods.size()) {
    problems.Add("Methods", "",
                 fmt::format("Invalid methods (duplicates): [{}]", Join(rule.http->methods, " ")));
  }
  for (const HttpPath& path : rule.http->paths) CheckPath(path, problems);
}

// Which end of a policy's rule may name services.
void CheckServicePlaces(const Rule& rule, RuleOwner owner, Direction direction, Problems& problems) {
  if (direction == Direction::kEgress && rule.source.services)
    problems.Add("Services", rule.source.services->name, "not allowed in egress rule source");
  if (direction == Direction::kIngress && rule.destination.services)
    problems.Add("Services", rule.destination.services->name, "not allowed in ingress rule destination");
  if (owner != RuleOwner::kGlobalNetworkPolicy) return;
  for (const EntityRule* entity : {&rule.source, &rule.destination}) {
    if (entity->services && entity->services->ns.empty())
      problems.Add("Namespace", "", "must specify a namespace");
  }
}

}  // namespace

bool SaysGlobal(const std::string& selector) {
  if (selector.find("global(") == std::string::npos) return false;
  const auto parsed = Selector::Parse(selector);
  return parsed.has_value() && parsed->says_global();
}

void CheckRule(const Rule& rule, RuleOwner owner, Direction direction, Problems& problems) {
  if (rule.action.empty()) problems.Tag("Action", "", "action");
  problems.OneOf("Action", rule.action, {"Allow", "Deny", "Log", "Pass"}, "action");
  if (rule.ip_version && *rule.ip_version != 4 && *rule.ip_version != 6)
    problems.Tag("IPVersion", std::to_string(*rule.ip_version), "ipVersion");
  CheckProtocol("Protocol", rule.protocol, rule.ip_version, problems);
  CheckProtocol("NotProtocol", rule.not_protocol, rule.ip_version, problems);
  CheckIcmp("ICMP", rule.icmp, problems);
  CheckIcmp("NotICMP", rule.not_icmp, problems);
  if (rule.icmp && !IsProtocol(rule.protocol, "ICMP") && !IsProtocol(rule.protocol, "ICMPv6"))
    problems.Add("ICMP", "", "rules that specify ICMP fields must set protocol to ICMP");
  FamilySeen seen{rule.ip_version};
  CheckEntity(kSource, rule.source, rule.protocol, seen, problems);
  CheckEntity(kDestination, rule.destination, rule.protocol, seen, problems);
  if (seen.v4 && seen.v6) problems.Add("Nets", "", "rule contains both IPv4 and IPv6 CIDRs");
  if (rule.http) CheckHttp(rule, owner, direction, problems);
  if (owner != RuleOwner::kProfile) CheckServicePlaces(rule, owner, direction, problems);
  if (rule.metadata) CheckAnnotations(rule.metadata->annotations, problems);
}

}  // namespace calico::model::validate
