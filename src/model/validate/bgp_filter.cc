// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.14.
#include "model/validate/addresses.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"

namespace calico::model::validate {
namespace {

constexpr int kLastRoutePriority = 2147483646;
constexpr std::size_t kMostOperations = 10, kLongestPrepend = 10;

void CheckCommunity(std::string_view field, const std::string& value, Problems& problems) {
  if (!IsCommunity(value)) {
    problems.Add(field, value,
                 "community must be aa:nn with parts of 16 bits or aa:nn:mm with parts of 32 bits");
  }
}

void CheckOperation(const BGPFilterOperation& operation, Problems& problems) {
  const int set = (operation.add_community ? 1 : 0) + (operation.prepend_as_path ? 1 : 0) +
                  (operation.set_priority ? 1 : 0);
  if (set != 1) {
    problems.Add("Operations", "",
                 "exactly one of addCommunity, prependASPath and setPriority must be set in an operation");
  }
  if (operation.add_community) CheckCommunity("AddCommunity.Value", operation.add_community->value, problems);
  if (operation.prepend_as_path) {
    const std::size_t length = operation.prepend_as_path->prefix.size();
    if (length < 1 || length > kLongestPrepend)
      problems.Add("PrependASPath.Prefix", "", "must have 1 to 10 AS numbers");
  }
  if (operation.set_priority)
    problems.Range("SetPriority.Value", operation.set_priority->value, 1, kLastRoutePriority);
}

void CheckPrefix(const BGPFilterRule& rule, net::Family family, Problems& problems) {
  const bool v4 = family == net::Family::kV4;
  if (!rule.cidr.empty()) {
    const auto cidr = net::Cidr::Parse(rule.cidr);
    if (!cidr || cidr->family() != family || !cidr->IsMasked())
      problems.Tag("CIDR", rule.cidr, v4 ? "netv4" : "netv6");
  }
  if (!rule.cidr.empty() && rule.match_operator.empty())
    problems.Add("MatchOperator", "", "MatchOperator cannot be empty when CIDR is not");
  if (rule.cidr.empty() && !rule.match_operator.empty())
    problems.Add("CIDR", "", "CIDR cannot be empty when MatchOperator is not");
  if (!rule.prefix_length) return;
  if (rule.cidr.empty()) problems.Add("CIDR", "", "CIDR cannot be empty when PrefixLength is not");
  const int longest = v4 ? 32 : 128;
  if (rule.prefix_length->min) problems.Range("PrefixLength.Min", *rule.prefix_length->min, 0, longest);
  if (rule.prefix_length->max) problems.Range("PrefixLength.Max", *rule.prefix_length->max, 0, longest);
}

void CheckFilterRule(const BGPFilterRule& rule, net::Family family, Problems& problems) {
  CheckPrefix(rule, family, problems);
  problems.OneOf("Source", rule.source, {"RemotePeers"}, "oneof");
  problems.Match("Interface", rule.interface, IsInterfacePattern, "bgpFilterInterface");
  problems.OneOf("MatchOperator", rule.match_operator, {"Equal", "In", "NotEqual", "NotIn"}, "matchOperator");
  problems.OneOf("PeerType", rule.peer_type, {"eBGP", "iBGP"}, "oneof");
  if (rule.communities) {
    if (rule.communities->values.size() != 1)
      problems.Add("Communities.Values", "", "must have exactly one community");
    for (const std::string& value : rule.communities->values)
      CheckCommunity("Communities.Values", value, problems);
  }
  if (rule.priority) problems.Range("Priority", *rule.priority, 1, kLastRoutePriority);
  if (rule.action != "Accept" && rule.action != "Reject") problems.Tag("Action", rule.action, "filterAction");
  if (rule.operations.empty()) return;
  if (rule.action != "Accept")
    problems.Add("Operations", "", "operations may only be used with action Accept");
  if (rule.operations.size() > kMostOperations)
    problems.Add("Operations", "", "must have 1 to 10 operations");
  for (const BGPFilterOperation& operation : rule.operations) CheckOperation(operation, problems);
}

}  // namespace

void Check(const BGPFilter& filter, Problems& problems) {
  for (const BGPFilterRule& rule : filter.export_v4) CheckFilterRule(rule, net::Family::kV4, problems);
  for (const BGPFilterRule& rule : filter.import_v4) CheckFilterRule(rule, net::Family::kV4, problems);
  for (const BGPFilterRule& rule : filter.export_v6) CheckFilterRule(rule, net::Family::kV6, problems);
  for (const BGPFilterRule& rule : filter.import_v6) CheckFilterRule(rule, net::Family::kV6, problems);
}

}  // namespace calico::model::validate
