// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/rule_match.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "policy_eval/selectors.h"

namespace calico::policy_eval {
namespace {

using model::Port;

// A number says nothing of the family, a name does.
bool IsName(const std::string& protocol) {
  return protocol.find_first_not_of("0123456789") != std::string::npos;
}

std::string FamilyName(net::Family family) {
  return family == net::Family::kV4 ? "IPv4" : "IPv6";
}

std::string PortText(const Port& port) {
  if (const auto* name = std::get_if<std::string>(&port)) return *name;
  const auto& range = std::get<net::PortRange>(port);
  return range.first == range.last ? std::to_string(range.first)
                                   : fmt::format("{}:{}", range.first, range.last);
}
std::string PortsText(const std::vector<Port>& ports) {
  std::vector<std::string> texts;
  for (const Port& port : ports) texts.push_back(PortText(port));
  return Join(texts, ", ");
}

// --- what of a rule cannot be read; empty: nothing

std::string ProtocolFault(const std::string& text) {
  return text.empty() || net::ParseProtocol(text) ? "" : fmt::format("protocol '{}'", text);
}

std::string IcmpFault(const std::optional<model::IcmpMatch>& icmp) {
  constexpr int kLargest = 255;
  const auto is_bad = [](const std::optional<int>& number) {
    return number && (*number < 0 || *number > kLargest);
  };
  return icmp && (is_bad(icmp->type) || is_bad(icmp->code)) ? "ICMP type or code" : "";
}

std::string EntityFault(const model::EntityRule& entity, const std::string& ns) {
  for (const auto* list : {&entity.nets, &entity.not_nets}) {
    for (const std::string& net : *list) {
      if (!net::Cidr::Parse(net)) return fmt::format("net '{}'", net);
    }
  }
  const auto selectors = RuleSelectors(entity, ns);
  return selectors.has_value() ? "" : "selector: " + selectors.error().message();
}

// Named ports bring their protocol.
std::string PortsFault(const model::Rule& rule) {
  const auto protocol = net::ParseProtocol(rule.protocol);
  if (protocol && HasPorts(*protocol)) return {};
  for (const model::EntityRule* side : {&rule.source, &rule.destination}) {
    for (const auto* ports : {&side->ports, &side->not_ports}) {
      for (const Port& port : *ports) {
        if (std::holds_alternative<net::PortRange>(port)) return "ports without a protocol that has them";
      }
    }
  }
  return {};
}

std::string Fault(const model::Rule& rule, const std::string& ns) {
  if (rule.ip_version && *rule.ip_version != 4 && *rule.ip_version != 6)
    return fmt::format("ipVersion {}", *rule.ip_version);
  for (std::string fault : {ProtocolFault(rule.protocol), ProtocolFault(rule.not_protocol), PortsFault(rule),
                            IcmpFault(rule.icmp), IcmpFault(rule.not_icmp), EntityFault(rule.source, ns),
                            EntityFault(rule.destination, ns)}) {
    if (!fault.empty()) return fault;
  }
  return {};
}

std::optional<RuleAction> ParseAction(const std::string& text) {
  for (const RuleAction action :
       {RuleAction::kAllow, RuleAction::kDeny, RuleAction::kPass, RuleAction::kLog}) {
    if (EqualsIgnoreCase(text, ActionName(action))) return action;
  }
  return std::nullopt;
}

RuleTrace FailClosed(std::optional<RuleAction> action, std::string why) {
  RuleTrace trace;
  trace.unreadable = std::move(why);
  const bool opens = action == RuleAction::kAllow || action == RuleAction::kLog;
  trace.action = opens ? *action : RuleAction::kDeny;
  trace.matched = !opens;
  return trace;
}

// One side of the packet.
struct Side {
  const char* name;  // "source"
  const net::Ip& ip;
  std::uint16_t port = 0;
  const model::EntityRule& entity;
};

// Collects the criteria that are not met. The rule can be read.
class Matcher {
 public:
  Matcher(const Scene& scene, const std::string& ns) : scene_(scene), packet_(scene.packet), ns_(ns) {}

  std::vector<Mismatch> Match(const model::Rule& rule) {
    Family(rule);
    Protocols(rule);
    Icmp(rule);
    Match({"source", packet_.source, packet_.source_port, rule.source});
    Match({"destination", packet_.destination, packet_.destination_port, rule.destination});
    return std::move(mismatches_);
  }

 private:
  void Expect(bool met, std::string field, std::string wanted, std::string actual) {
    if (!met) mismatches_.push_back({std::move(field), std::move(wanted), std::move(actual)});
  }

  // ICMP and ICMPv6, when given by name, stand for a family too, unless the rule says one.
  void Family(const model::Rule& rule) {
    const std::string actual = FamilyName(packet_.family());
    if (rule.ip_version) {
      const auto wanted = *rule.ip_version == 4 ? net::Family::kV4 : net::Family::kV6;
      Expect(packet_.family() == wanted, "ipVersion", FamilyName(wanted), actual);
    } else if (IsName(rule.protocol)) {
      const auto protocol = net::ParseProtocol(rule.protocol);
      if (protocol == net::kIcmp)
        Expect(packet_.family() == net::Family::kV4, "protocol", "ICMP, so IPv4", actual);
      if (protocol == net::kIcmpV6)
        Expect(packet_.family() == net::Family::kV6, "protocol", "ICMPv6, so IPv6", actual);
    }
  }

  void Protocols(const model::Rule& rule) {
    const std::string actual = ProtocolName(packet_.protocol);
    if (!rule.protocol.empty())
      Expect(net::ParseProtocol(rule.protocol) == packet_.protocol, "protocol", rule.protocol, actual);
    if (!rule.not_protocol.empty())
      Expect(net::ParseProtocol(rule.not_protocol) != packet_.protocol, "notProtocol", rule.not_protocol,
             actual);
  }

  bool Is(const model::IcmpMatch& icmp) const {
    return packet_.is_icmp() && (!icmp.type || *icmp.type == packet_.icmp_type) &&
           (!icmp.code || *icmp.code == packet_.icmp_code);
  }
  void Icmp(const model::Rule& rule) {
    const auto text = [](const model::IcmpMatch& icmp) {
      return (icmp.type ? fmt::format("type {}", *icmp.type) : std::string("any type")) +
             (icmp.code ? fmt::format(" code {}", *icmp.code) : std::string());
    };
    const std::string actual = packet_.is_icmp() ? text({packet_.icmp_type, packet_.icmp_code}) : "no ICMP";
    if (rule.icmp) Expect(Is(*rule.icmp), "icmp", text(*rule.icmp), actual);
    if (rule.not_icmp) Expect(!Is(*rule.not_icmp), "notICMP", text(*rule.not_icmp), actual);
  }

  void Match(const Side& side) {
    Nets(side);
    const auto selectors = *RuleSelectors(side.entity, ns_);
    Selectors(side, selectors);
    Ports(side, selectors);
    Services(side);
  }

  // Only nets of the packet's family count. A rule that has some, but none of that family, is not there for
  // it: a Deny by notNets as well, which so does not become a Deny for all.
  void Nets(const Side& side) {
    const auto check = [&](const std::vector<std::string>& nets, const char* field, bool inside) {
      if (nets.empty()) return;
      bool of_family = false, found = false;
      for (const std::string& text : nets) {
        const net::Cidr net = net::Cidr::Parse(text)->Masked();
        if (net.family() != side.ip.family()) continue;
        of_family = true;
        found = found || net.Contains(side.ip);
      }
      const std::string actual = of_family ? side.ip.ToString()
                                           : fmt::format("{}: the rule has no {} net", side.ip.ToString(),
                                                         FamilyName(side.ip.family()));
      Expect(of_family && found == inside, fmt::format("{}.{}", side.name, field), Join(nets, ", "), actual);
    };
    check(side.entity.nets, "nets", true);
    check(side.entity.not_nets, "notNets", false);
  }

  // "10.0.0.1 of WorkloadEndpoint(ns1/x)", for explanations.
  std::string Owners(const net::Ip& ip) const {
    std::vector<std::string> names;
    for (const Member& member : scene_.members) {
      if (member.Has(ip)) names.push_back(member.Name());
    }
    return names.empty() ? ip.ToString() + " of no endpoint and no network set"
                         : fmt::format("{} of {}", ip.ToString(), Join(names, ", "));
  }
  bool IsSelected(const net::Ip& ip, const model::Selector& selector) const {
    return std::any_of(scene_.members.begin(), scene_.members.end(), [&](const Member& member) {
      return selector.Matches(member.labels) && member.Has(ip);
    });
  }
  void Selectors(const Side& side, const EntitySelectors& selectors) {
    if (selectors.wanted) {
      Expect(IsSelected(side.ip, *selectors.wanted), fmt::format("{}.selector", side.name),
             selectors.wanted->text(), Owners(side.ip));
    }
    if (selectors.unwanted) {
      Expect(!IsSelected(side.ip, *selectors.unwanted), fmt::format("{}.notSelector", side.name),
             selectors.unwanted->text(), Owners(side.ip));
    }
  }

  // An endpoint that the rule's positive selector of this side is about has this address and says that the
  // packet's protocol and port are of that name.
  bool IsNamedPort(const Side& side, const std::string& name, const EntitySelectors& selectors) const {
    const auto says = [&](const model::EndpointPort& port) {
      return port.name == name && port.port == side.port &&
             net::ParseProtocol(port.protocol) == packet_.protocol;
    };
    return std::any_of(scene_.members.begin(), scene_.members.end(), [&](const Member& member) {
      return member.Has(side.ip) && (!selectors.wanted || selectors.wanted->Matches(member.labels)) &&
             std::any_of(member.ports.begin(), member.ports.end(), says);
    });
  }
  bool IsPort(const Side& side, const Port& port, const EntitySelectors& selectors) const {
    if (!packet_.has_ports()) return false;
    if (const auto* range = std::get_if<net::PortRange>(&port))
      return side.port >= range->first && side.port <= range->last;
    return IsNamedPort(side, std::get<std::string>(port), selectors);
  }
  void Ports(const Side& side, const EntitySelectors& selectors) {
    const auto check = [&](const std::vector<Port>& ports, const char* field, bool wanted) {
      if (ports.empty()) return;
      const bool found = std::any_of(ports.begin(), ports.end(),
                                     [&](const Port& port) { return IsPort(side, port, selectors); });
      const std::string actual = packet_.has_ports()
                                     ? fmt::format("{} {}", ProtocolName(packet_.protocol), side.port)
                                     : ProtocolName(packet_.protocol) + ", which has no ports";
      Expect(found == wanted, fmt::format("{}.{}", side.name, field), PortsText(ports), actual);
    };
    check(side.entity.ports, "ports", true);
    check(side.entity.not_ports, "notPorts", false);
  }

  // Reference felix 2.7. A destination is an address with protocol and port, a source an address alone.
  void Services(const Side& side) {
    if (!side.entity.services) return;
    const model::ServiceMatch& match = *side.entity.services;
    const std::string name = (match.ns.empty() ? ns_ : match.ns) + "/" + match.name;
    const bool with_port = std::string_view(side.name) == "destination";
    const auto known = scene_.cluster.services.find(name);
    const bool found =
        known != scene_.cluster.services.end() &&
        std::any_of(known->second.begin(), known->second.end(), [&](const ServiceEndpoint& endpoint) {
          const bool port_fits =
              !with_port ||
              (packet_.has_ports() && endpoint.protocol == packet_.protocol && endpoint.port == side.port);
          return endpoint.ip == side.ip && port_fits;
        });
    Expect(found, fmt::format("{}.services", side.name), name, ToString(packet_));
  }

  const Scene& scene_;
  const Packet& packet_;
  const std::string& ns_;
  std::vector<Mismatch> mismatches_;
};

}  // namespace

RuleTrace MatchRule(const Scene& scene, const model::Rule& rule, const std::string& ns) {
  const auto action = ParseAction(rule.action);
  if (!action) return FailClosed(action, fmt::format("action '{}'", rule.action));
  if (std::string fault = Fault(rule, ns); !fault.empty()) return FailClosed(action, std::move(fault));
  RuleTrace trace;
  trace.action = *action;
  trace.mismatches = Matcher(scene, ns).Match(rule);
  trace.matched = trace.mismatches.empty();
  return trace;
}

}  // namespace calico::policy_eval
