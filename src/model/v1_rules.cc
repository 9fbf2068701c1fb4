// SPDX-License-Identifier: Apache-2.0
#include "model/v1_rules.h"

#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "model/selector/selector.h"
#include "net/cidr.h"

namespace calico::model {
namespace {

constexpr std::string_view kTagTest = " == ''";
constexpr std::string_view kNamespaceLabelV1 = "calico/k8s_ns";
constexpr std::string_view kNamespaceLabelV3 = "projectcalico.org/namespace";

// Reference datastore-model C.10: what a tag may look like.
bool IsTag(std::string_view text) {
  constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
  constexpr std::size_t kLongest = 128;
  return !text.empty() && text.size() <= kLongest &&
         text.find_first_not_of(kLetters) == std::string_view::npos;
}

constexpr std::pair<std::string_view, std::string_view> kActions[] = {
    {"allow", "Allow"}, {"deny", "Deny"}, {"log", "Log"}, {"pass", "Pass"}, {"next-tier", "Pass"}};

std::string V3Protocol(const std::string& text) {
  for (const char* canonical : {"TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"}) {
    if (EqualsIgnoreCase(text, canonical)) return canonical;
  }
  return text;
}

// The single form comes last (D.2).
std::vector<std::string> Nets(std::vector<std::string> nets, const std::string& net, bool keep_host_bits) {
  if (!net.empty()) nets.push_back(net);
  for (std::string& text : nets) {
    const auto cidr = net::Cidr::Parse(text);
    if (cidr) text = keep_host_bits ? cidr->ToString() : cidr->Masked().ToString();
  }
  return nets;
}

EntityRule V3Entity(const v1::Entity& v1, bool keep_host_bits, V1Names names) {
  const auto selector = [&](const std::string& text, const std::string& tag) {
    return SelectorWithTag(names == V1Names::kVerbatim ? text : V3LabelNames(text), tag);
  };
  EntityRule entity;
  entity.nets = Nets(v1.nets, v1.net, keep_host_bits);
  entity.not_nets = Nets(v1.not_nets, v1.not_net, keep_host_bits);
  entity.selector = selector(v1.selector, v1.tag);
  entity.not_selector = selector(v1.not_selector, v1.not_tag);
  entity.ports = v1.ports;
  entity.not_ports = v1.not_ports;
  return entity;
}

v1::Entity V1Entity(const EntityRule& entity) {
  v1::Entity v1;
  v1.nets = entity.nets;
  v1.not_nets = entity.not_nets;
  const SelectorAndTag wanted = SplitTag(V1LabelNames(entity.selector));
  v1.selector = wanted.selector;
  v1.tag = wanted.tag;
  const SelectorAndTag unwanted = SplitTag(V1LabelNames(entity.not_selector));
  v1.not_selector = unwanted.selector;
  v1.not_tag = unwanted.tag;
  v1.ports = entity.ports;
  v1.not_ports = entity.not_ports;
  return v1;
}

}  // namespace

std::string SelectorWithTag(const std::string& selector, const std::string& tag) {
  if (tag.empty()) return selector;
  const std::string test = tag + std::string(kTagTest);
  return selector.empty() ? test : fmt::format("({}) && {}", selector, test);
}

SelectorAndTag SplitTag(const std::string& selector) {
  constexpr std::string_view kJoint = ") && ";
  const SelectorAndTag whole{selector, ""};
  if (!selector.ends_with(kTagTest)) return whole;
  const std::string_view front = std::string_view(selector).substr(0, selector.size() - kTagTest.size());
  if (IsTag(front)) return {"", std::string(front)};
  const std::size_t joint = front.rfind(kJoint);
  if (joint == std::string_view::npos || !front.starts_with('(')) return whole;
  const std::string inner(front.substr(1, joint - 1)), tag(front.substr(joint + kJoint.size()));
  // In "(a) || (b) && c == ''" the parentheses are no pair: what is between them is no selector then.
  if (!IsTag(tag) || Trim(inner).empty() || !Selector::Parse(inner).has_value()) return whole;
  return {inner, tag};
}

std::string V3LabelNames(std::string selector) {
  return ReplaceAll(std::move(selector), kNamespaceLabelV1, kNamespaceLabelV3);
}
std::string V1LabelNames(std::string selector) {
  return ReplaceAll(std::move(selector), kNamespaceLabelV3, kNamespaceLabelV1);
}

std::string MaskedNet(const std::string& text) {
  const auto cidr = net::Cidr::Parse(text);
  return cidr ? cidr->Masked().ToString() : text;
}

Result<Rule> V1RuleToV3(const v1::Rule& v1, V1Names names) {
  Rule rule;
  for (const auto& [from, to] : kActions) {
    if (EqualsIgnoreCase(v1.action, from)) rule.action = to;
  }
  if (v1.action.empty()) rule.action = "Allow";  // old stored rules
  if (rule.action.empty()) {
    return Error(ErrorCode::kInvalidArgument,
                 fmt::format("error with field Action = '{}' (must be allow, deny, log or pass)", v1.action));
  }
  rule.ip_version = v1.ip_version;
  rule.protocol = V3Protocol(v1.protocol);
  rule.not_protocol = V3Protocol(v1.not_protocol);
  rule.icmp = v1.icmp;
  rule.not_icmp = v1.not_icmp;
  rule.source = V3Entity(v1.source, names == V1Names::kVerbatim, names);
  rule.destination = V3Entity(v1.destination, false, names);
  return rule;
}

v1::Rule V3RuleToV1(const Rule& rule) {
  v1::Rule v1;
  v1.action = ToLower(rule.action);
  v1.ip_version = rule.ip_version;
  v1.protocol = ToLower(rule.protocol);
  v1.not_protocol = ToLower(rule.not_protocol);
  v1.icmp = rule.icmp;
  v1.not_icmp = rule.not_icmp;
  v1.source = V1Entity(rule.source);
  v1.destination = V1Entity(rule.destination);
  return v1;
}

}  // namespace calico::model
