// SPDX-License-Identifier: Apache-2.0
#include "bgp/bird/filters.h"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"

namespace calico::bgp {
namespace {

using dataplane_api::BgpFilterRule;

constexpr std::size_t kLongestSymbol = 64;
// A route's priority as others see it: the metric of the kernel's, or what has come by BGP (reference B11).
constexpr std::uint32_t kPriorityBase = 2147483647;

// "65000:100" as "(65000,100)".
std::string Tuple(const std::string& community) {
  const auto parts = Split(community, ':');
  if (parts.size() < 2 || parts.size() > 3) return "";
  for (const std::string& part : parts) {
    if (part.empty() || !std::all_of(part.begin(), part.end(), [](char c) { return c >= '0' && c <= '9'; }))
      return "";
  }
  return "(" + Join(parts, ",") + ")";
}
bool IsLarge(const std::string& community) {
  return std::count(community.begin(), community.end(), ':') == 2;
}

std::string Prefix(const BgpFilterRule& rule) {
  const net::Cidr& cidr = *rule.cidr;
  const std::string text = cidr.ToString();
  const bool negated =
      rule.match == BgpFilterRule::Match::kNotEqual || rule.match == BgpFilterRule::Match::kNotIn;
  if (rule.shortest || rule.longest) {
    const int all = cidr.family() == net::Family::kV4 ? 32 : 128;
    const int from = std::max(cidr.prefix_length(), rule.shortest.value_or(0));
    const int to = std::min(all, rule.longest.value_or(all));
    return fmt::format("net {} [ {}{{{},{}}} ]", negated ? "!~" : "~", text, std::min(from, to), to);
  }
  switch (rule.match) {
    case BgpFilterRule::Match::kEqual:
      return "net = " + text;
    case BgpFilterRule::Match::kNotEqual:
      return "net != " + text;
    case BgpFilterRule::Match::kNotIn:
      return "net !~ " + text;
    case BgpFilterRule::Match::kIn:
      break;
  }
  return "net ~ " + text;
}

std::vector<std::string> Conditions(const BgpFilterRule& rule) {
  std::vector<std::string> all;
  if (rule.cidr) all.push_back(Prefix(rule));
  if (rule.from_peers) all.push_back("source = RTS_BGP");
  if (!rule.interface.empty()) {
    all.push_back(IsQuotable(rule.interface)
                      ? fmt::format("defined(ifname) && ifname ~ \"{}\"", rule.interface)
                      : "false");
  }
  if (rule.same_as) all.push_back(*rule.same_as ? "same_as" : "! same_as");
  if (!rule.community.empty()) {
    const std::string tuple = Tuple(rule.community);
    all.push_back(tuple.empty()
                      ? "false"
                      : fmt::format("{} ~ {}", tuple,
                                    IsLarge(rule.community) ? "bgp_large_community" : "bgp_community"));
  }
  if (!rule.as_path_begin.empty())
    all.push_back(fmt::format("bgp_path ~ [= {} * =]", fmt::join(rule.as_path_begin, " ")));
  if (rule.priority) all.push_back(fmt::format("route_priority() = {}", *rule.priority));
  return all;
}

std::string Actions(const BgpFilterRule& rule) {
  if (!rule.accept) return "reject;";
  std::string text;
  for (const std::string& community : rule.add_communities) {
    if (const std::string add = AddCommunity(community); !add.empty()) text += add + "; ";
  }
  // The last one that is put before the path is its first.
  for (auto number = rule.prepend.rbegin(); number != rule.prepend.rend(); ++number)
    text += fmt::format("bgp_path.prepend({}); ", *number);
  if (rule.set_priority)
    text +=
        fmt::format("bgp_local_pref = {}; ", kPriorityBase - static_cast<std::uint32_t>(*rule.set_priority));
  return text + "accept;";
}

}  // namespace

bool IsQuotable(const std::string& text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return c != '"' && std::iscntrl(static_cast<unsigned char>(c)) == 0; });
}

std::string AddCommunity(const std::string& community) {
  const std::string tuple = Tuple(community);
  if (tuple.empty()) return "";
  return fmt::format("{}.add({})", IsLarge(community) ? "bgp_large_community" : "bgp_community", tuple);
}

std::string FilterFunctionName(const std::string& filter, FilterDirection direction, net::Family family) {
  const std::string suffix =
      fmt::format("_{}FilterV{}", direction == FilterDirection::kImport ? "import" : "export",
                  family == net::Family::kV4 ? 4 : 6);
  std::string name = "bgp_" + filter;
  if (name.size() + suffix.size() > kLongestSymbol) {
    const std::string hash = "_" + Sha256Hex(filter).substr(0, 16);
    name = name.substr(0, kLongestSymbol - suffix.size() - hash.size()) + hash;
  }
  return "'" + name + suffix + "'";
}

std::string RenderFilterFunction(const std::string& filter, FilterDirection direction, net::Family family,
                                 const dataplane_api::BgpFilterView& view) {
  const bool v4 = family == net::Family::kV4, in = direction == FilterDirection::kImport;
  const auto& rules = v4 ? (in ? view.import_v4 : view.export_v4) : (in ? view.import_v6 : view.export_v6);
  std::string text =
      fmt::format("function {}(bool same_as) {{\n", FilterFunctionName(filter, direction, family));
  for (const BgpFilterRule& rule : rules) {
    const auto conditions = Conditions(rule);
    if (conditions.empty())
      text += fmt::format("  {}\n", Actions(rule));
    else
      text += fmt::format("  if ({}) then {{ {} }}\n", Join(conditions, ") && ("), Actions(rule));
  }
  return text + "}\n";
}

}  // namespace calico::bgp
