// SPDX-License-Identifier: Apache-2.0
#include "calc/rules.h"

#include <optional>

#include <fmt/format.h>

namespace calico::calc {
namespace {

using dataplane_api::EntityMatch;
using dataplane_api::RuleAction;

std::optional<RuleAction> ParseAction(const std::string& action) {
  if (action == "Allow") return RuleAction::kAllow;
  if (action == "Deny") return RuleAction::kDeny;
  if (action == "Log") return RuleAction::kLog;
  if (action == "Pass") return RuleAction::kPass;
  return std::nullopt;
}

// Converts one rule; `problem` is set when a criterion could not be expressed and has been left out.
class RuleConverter {
 public:
  explicit RuleConverter(const UseSelector& use_selector) : use_selector_(use_selector) {}

  std::optional<dataplane_api::Rule> Convert(const model::Rule& rule) {
    const auto action = ParseAction(rule.action);
    if (!action) {
      problem_ = fmt::format("action '{}'", rule.action);
      return std::nullopt;
    }
    dataplane_api::Rule out;
    out.action = *action;
    if (rule.ip_version) out.family = *rule.ip_version == 6 ? net::Family::kV6 : net::Family::kV4;
    out.protocol = Protocol(rule.protocol);
    out.not_protocol = Protocol(rule.not_protocol);
    if (rule.icmp) {
      out.icmp_type = Number(rule.icmp->type);
      out.icmp_code = Number(rule.icmp->code);
    }
    if (rule.not_icmp) {
      out.not_icmp_type = Number(rule.not_icmp->type);
      out.not_icmp_code = Number(rule.not_icmp->code);
    }
    out.source = Entity(rule.source);
    out.destination = Entity(rule.destination);
    if (!problem_.empty() && out.action != RuleAction::kDeny) return std::nullopt;
    return out;
  }
  const std::string& problem() const { return problem_; }

 private:
  std::optional<std::uint8_t> Protocol(const std::string& text) {
    if (text.empty()) return std::nullopt;
    const auto protocol = net::ParseProtocol(text);
    if (!protocol) problem_ = fmt::format("protocol '{}'", text);
    return protocol;
  }
  static std::optional<std::uint8_t> Number(const std::optional<int>& number) {
    if (!number) return std::nullopt;
    return static_cast<std::uint8_t>(*number);
  }
  std::vector<net::Cidr> Nets(const std::vector<std::string>& texts) {
    std::vector<net::Cidr> nets;
    for (const std::string& text : texts) {
      const auto cidr = net::Cidr::Parse(text);
      if (cidr)
        nets.push_back(cidr->Masked());
      else
        problem_ = fmt::format("net '{}'", text);
    }
    return nets;
  }
  std::vector<net::PortRange> Ports(const std::vector<model::Port>& ports) {
    std::vector<net::PortRange> ranges;
    for (const model::Port& port : ports) {
      if (const auto* range = std::get_if<net::PortRange>(&port))
        ranges.push_back(*range);
      else
        problem_ = fmt::format("named port '{}'", std::get<std::string>(port));
    }
    return ranges;
  }
  std::vector<std::string> Set(const std::string& text) {
    if (text.empty()) return {};
    const auto selector = model::Selector::Parse(text);
    if (selector.has_value()) return {use_selector_(*selector)};
    problem_ = fmt::format("selector '{}'", text);
    return {};
  }
  EntityMatch Entity(const model::EntityRule& rule) {
    EntityMatch match;
    match.nets = Nets(rule.nets);
    match.not_nets = Nets(rule.not_nets);
    match.ip_sets = Set(rule.selector);
    match.not_ip_sets = Set(rule.not_selector);
    match.ports = Ports(rule.ports);
    match.not_ports = Ports(rule.not_ports);
    if (!rule.namespace_selector.empty()) problem_ = "namespaceSelector";
    return match;
  }

  const UseSelector& use_selector_;
  std::string problem_;
};

}  // namespace

std::vector<dataplane_api::Rule> ConvertRules(const std::vector<model::Rule>& rules, const std::string& owner,
                                              const UseSelector& use_selector,
                                              std::vector<std::string>& warnings) {
  std::vector<dataplane_api::Rule> out;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    RuleConverter converter(use_selector);
    auto rule = converter.Convert(rules[i]);
    if (!converter.problem().empty()) {
      warnings.push_back(fmt::format("{} rule {}: {} is not supported by this version: {}", owner, i + 1,
                                     converter.problem(),
                                     rule ? "the rule denies without it" : "the rule is left out"));
    }
    if (rule) out.push_back(std::move(*rule));
  }
  return out;
}

}  // namespace calico::calc
