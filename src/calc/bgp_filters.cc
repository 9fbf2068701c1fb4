// SPDX-License-Identifier: Apache-2.0
#include "calc/bgp_filters.h"

namespace calico::calc {
namespace {

using dataplane_api::BgpFilterRule;
using dataplane_api::BgpFilterView;

BgpFilterRule::Match MatchOf(const std::string& text) {
  if (text == "Equal") return BgpFilterRule::Match::kEqual;
  if (text == "NotEqual") return BgpFilterRule::Match::kNotEqual;
  return text == "NotIn" ? BgpFilterRule::Match::kNotIn : BgpFilterRule::Match::kIn;
}

BgpFilterRule RuleOf(const model::BGPFilterRule& from) {
  BgpFilterRule rule;
  rule.cidr = net::Cidr::ParsePrefix(from.cidr);
  rule.match = MatchOf(from.match_operator);
  if (from.prefix_length) {
    rule.shortest = from.prefix_length->min;
    rule.longest = from.prefix_length->max;
  }
  rule.from_peers = from.source == "RemotePeers";
  rule.interface = from.interface;
  if (!from.peer_type.empty()) rule.same_as = from.peer_type == "iBGP";
  if (from.communities && !from.communities->values.empty()) rule.community = from.communities->values[0];
  rule.as_path_begin = from.as_path_prefix;
  rule.priority = from.priority;
  const bool readable = from.cidr.empty() || rule.cidr.has_value();
  rule.accept = from.action == "Accept" && readable;
  if (!rule.accept) return rule;
  for (const model::BGPFilterOperation& operation : from.operations) {
    if (operation.add_community) rule.add_communities.push_back(operation.add_community->value);
    if (operation.prepend_as_path) rule.prepend = operation.prepend_as_path->prefix;
    if (operation.set_priority) rule.set_priority = operation.set_priority->value;
  }
  return rule;
}

std::vector<BgpFilterRule> RulesOf(const std::vector<model::BGPFilterRule>& from) {
  std::vector<BgpFilterRule> rules;
  for (const model::BGPFilterRule& rule : from) rules.push_back(RuleOf(rule));
  return rules;
}

}  // namespace

BgpFilterView BgpFilterViewOf(const model::BGPFilter& filter) {
  return {RulesOf(filter.import_v4), RulesOf(filter.export_v4), RulesOf(filter.import_v6),
          RulesOf(filter.export_v6)};
}

}  // namespace calico::calc
