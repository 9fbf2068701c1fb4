// SPDX-License-Identifier: Apache-2.0
#include "calc/rules.h"

#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "calc/selectors.h"

namespace calico::calc {
namespace {

using dataplane_api::EntityMatch;
using dataplane_api::RuleAction;
using model::Selector;

Error NotUnderstood(std::string text) {
  return Error(ErrorCode::kInvalidArgument, std::move(text));
}

std::optional<RuleAction> ParseAction(const std::string& action) {
  if (EqualsIgnoreCase(action, "Allow")) return RuleAction::kAllow;
  if (EqualsIgnoreCase(action, "Deny")) return RuleAction::kDeny;
  if (EqualsIgnoreCase(action, "Log")) return RuleAction::kLog;
  if (EqualsIgnoreCase(action, "Pass")) return RuleAction::kPass;
  return std::nullopt;
}

Result<std::optional<std::uint8_t>> Protocol(const std::string& text) {
  if (text.empty()) return std::optional<std::uint8_t>();
  const auto protocol = net::ParseProtocol(text);
  if (!protocol) return NotUnderstood(fmt::format("protocol '{}'", text));
  return protocol;
}

Result<std::optional<std::uint8_t>> IcmpNumber(const std::optional<int>& number) {
  if (!number) return std::optional<std::uint8_t>();
  if (*number < 0 || *number > 255) return NotUnderstood(fmt::format("ICMP type or code {}", *number));
  return std::optional(static_cast<std::uint8_t>(*number));
}

Result<std::optional<net::Family>> IpVersion(const std::optional<int>& version) {
  if (!version) return std::optional<net::Family>();
  if (*version != 4 && *version != 6) return NotUnderstood(fmt::format("ipVersion {}", *version));
  return std::optional(*version == 6 ? net::Family::kV6 : net::Family::kV4);
}

bool HasPorts(std::uint8_t protocol) {
  return protocol == net::kTcp || protocol == net::kUdp || protocol == net::kSctp ||
         protocol == net::kUdpLite;
}

// Reference felix 2.6: a number needs a protocol with ports; a name brings its own.
Status CheckPorts(const model::Rule& rule, const std::optional<std::uint8_t>& protocol) {
  if (protocol && HasPorts(*protocol)) return Ok();
  for (const auto* ports :
       {&rule.source.ports, &rule.source.not_ports, &rule.destination.ports, &rule.destination.not_ports}) {
    for (const model::Port& port : *ports) {
      if (std::holds_alternative<net::PortRange>(port))
        return NotUnderstood("ports without a protocol that has them");
    }
  }
  return Ok();
}

// Given by its name a protocol implies the family; its number does not (reference felix 2.6).
std::optional<net::Family> FamilyOfProtocol(const model::Rule& rule) {
  if (EqualsIgnoreCase(rule.protocol, "ICMP")) return net::Family::kV4;
  if (EqualsIgnoreCase(rule.protocol, "ICMPv6")) return net::Family::kV6;
  return std::nullopt;
}

Result<std::vector<net::Cidr>> Nets(const std::vector<std::string>& texts) {
  std::vector<net::Cidr> nets;
  for (const std::string& text : texts) {
    const auto cidr = net::Cidr::Parse(text);
    if (!cidr) return NotUnderstood(fmt::format("net '{}'", text));
    nets.push_back(cidr->Masked());
  }
  return nets;
}

class RuleConverter {
 public:
  RuleConverter(const std::string& ns, SetsInUse& sets) : ns_(ns), sets_(sets) {}

  Result<dataplane_api::Rule> Convert(const model::Rule& rule, RuleAction action) {
    dataplane_api::Rule out;
    out.action = action;
    ASSIGN_OR_RETURN(out.family, IpVersion(rule.ip_version));
    if (!out.family) out.family = FamilyOfProtocol(rule);
    ASSIGN_OR_RETURN(out.protocol, Protocol(rule.protocol));
    RETURN_IF_ERROR(CheckPorts(rule, out.protocol));
    ASSIGN_OR_RETURN(out.not_protocol, Protocol(rule.not_protocol));
    if (rule.icmp) {
      ASSIGN_OR_RETURN(out.icmp_type, IcmpNumber(rule.icmp->type));
      ASSIGN_OR_RETURN(out.icmp_code, IcmpNumber(rule.icmp->code));
    }
    if (rule.not_icmp) {
      ASSIGN_OR_RETURN(out.not_icmp_type, IcmpNumber(rule.not_icmp->type));
      ASSIGN_OR_RETURN(out.not_icmp_code, IcmpNumber(rule.not_icmp->code));
    }
    if (rule.source.services || rule.destination.services)
      return NotUnderstood("services: they live in Kubernetes' own store");
    // All of it is read before the first set is counted as used.
    ASSIGN_OR_RETURN(const EntitySelectors source, SelectorsOf(rule.source, ns_));
    ASSIGN_OR_RETURN(const EntitySelectors destination, SelectorsOf(rule.destination, ns_));
    ASSIGN_OR_RETURN(out.source, Numbers(rule.source));
    ASSIGN_OR_RETURN(out.destination, Numbers(rule.destination));
    AddSets(rule.source, source, out.source);
    AddSets(rule.destination, destination, out.destination);
    return out;
  }

 private:
  static Result<EntityMatch> Numbers(const model::EntityRule& entity) {
    EntityMatch match;
    ASSIGN_OR_RETURN(match.nets, Nets(entity.nets));
    ASSIGN_OR_RETURN(match.not_nets, Nets(entity.not_nets));
    for (const model::Port& port : entity.ports) {
      if (const auto* range = std::get_if<net::PortRange>(&port)) match.ports.push_back(*range);
    }
    for (const model::Port& port : entity.not_ports) {
      if (const auto* range = std::get_if<net::PortRange>(&port)) match.not_ports.push_back(*range);
    }
    return match;
  }
  void AddSets(const model::EntityRule& entity, const EntitySelectors& selectors, EntityMatch& match) {
    if (selectors.positive) match.ip_sets.push_back(sets_.Addresses(*selectors.positive));
    if (selectors.negative) match.not_ip_sets.push_back(sets_.Addresses(*selectors.negative));
    const Selector of_ports = selectors.positive ? *selectors.positive : Selector::AllOf({});
    for (const model::Port& port : entity.ports) {
      if (const auto* name = std::get_if<std::string>(&port))
        match.port_sets.push_back(sets_.NamedPort(of_ports, *name));
    }
    for (const model::Port& port : entity.not_ports) {
      if (const auto* name = std::get_if<std::string>(&port))
        match.not_port_sets.push_back(sets_.NamedPort(of_ports, *name));
    }
  }

  const std::string& ns_;
  SetsInUse& sets_;
};

}  // namespace

std::vector<dataplane_api::Rule> ConvertRules(const std::vector<model::Rule>& rules, const std::string& ns,
                                              SetsInUse& sets, std::vector<std::string>& problems) {
  std::vector<dataplane_api::Rule> out;
  RuleConverter converter(ns, sets);
  for (std::size_t i = 0; i < rules.size(); ++i) {
    const auto action = ParseAction(rules[i].action);
    Result<dataplane_api::Rule> rule = action ? converter.Convert(rules[i], *action)
                                              : NotUnderstood(fmt::format("action '{}'", rules[i].action));
    if (rule.has_value()) {
      out.push_back(*std::move(rule));
      continue;
    }
    const bool denies = !action || *action == RuleAction::kDeny || *action == RuleAction::kPass;
    problems.push_back(fmt::format("rule {}: {} is not understood: {}", i + 1, rule.error().message(),
                                   denies ? "it denies everything" : "it is left out"));
    if (!denies) continue;
    dataplane_api::Rule closed;
    closed.action = RuleAction::kDeny;
    out.push_back(closed);
  }
  return out;
}

}  // namespace calico::calc
