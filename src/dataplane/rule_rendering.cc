// SPDX-License-Identifier: Apache-2.0
#include "dataplane/rule_rendering.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "base/text.h"
#include "dataplane/names.h"
#include "dataplane/sets.h"
#include "net/prefix_set.h"

namespace calico::dataplane {
namespace {

using namespace kernel::nft;
using dataplane_api::EntityMatch;
using dataplane_api::RuleAction;

constexpr std::size_t kLongestPlainName = 100;  // the kernel takes 127 bytes for a chain
constexpr std::size_t kLongestComment = 120;

bool HasPorts(std::uint8_t protocol) {
  return protocol == net::kTcp || protocol == net::kUdp || protocol == net::kSctp ||
         protocol == net::kUdpLite;
}

// ---- Rules of one family, merged.

// A rule and the numbers of the rules that it stands for.
struct Merged {
  dataplane_api::Rule rule;
  std::vector<std::size_t> numbers;
};

// One side in one family. False: nothing can match there.
bool OnlyFamily(EntityMatch& entity, net::Family family) {
  for (auto* nets : {&entity.nets, &entity.not_nets}) {
    const bool given = !nets->empty();
    std::erase_if(*nets, [&](const net::Cidr& net) { return net.family() != family; });
    if (given && nets->empty()) return false;  // reference felix 2.6: such a rule is not for this family
  }
  const auto everything = [](const net::Cidr& net) { return net.prefix_length() == 0; };
  if (std::any_of(entity.not_nets.begin(), entity.not_nets.end(), everything)) return false;
  if (std::any_of(entity.nets.begin(), entity.nets.end(), everything)) entity.nets.clear();
  return true;
}

bool CanMatch(dataplane_api::Rule& rule, net::Family family) {
  if (rule.family && *rule.family != family) return false;
  rule.family.reset();
  const std::uint8_t icmp = family == net::Family::kV4 ? net::kIcmp : net::kIcmpV6;
  if (rule.icmp_type || rule.not_icmp_type) {
    if (rule.protocol && *rule.protocol != icmp) return false;  // ICMP's types are not ICMPv6's
    rule.protocol = icmp;
  }
  return OnlyFamily(rule.source, family) && OnlyFamily(rule.destination, family);
}

// The lists of a rule of which any member may match: two rules that differ in one of them are one.
template <typename T>
void Unite(std::vector<T>& into, const std::vector<T>& from) {
  into.insert(into.end(), from.begin(), from.end());
  std::sort(into.begin(), into.end());
  into.erase(std::unique(into.begin(), into.end()), into.end());
}
enum class List { kSourceNets, kDestinationNets, kSourcePorts, kDestinationPorts };
constexpr List kLists[] = {List::kSourceNets, List::kDestinationNets, List::kSourcePorts,
                           List::kDestinationPorts};

EntityMatch& SideOf(dataplane_api::Rule& rule, List list) {
  return list == List::kSourceNets || list == List::kSourcePorts ? rule.source : rule.destination;
}
bool IsPorts(List list) {
  return list == List::kSourcePorts || list == List::kDestinationPorts;
}
// Takes the list out of the rule; false if there is none.
bool Clear(dataplane_api::Rule& rule, List list) {
  EntityMatch& side = SideOf(rule, list);
  if (IsPorts(list)) {
    if (side.ports.empty() && side.port_sets.empty()) return false;
    side.ports.clear();
    side.port_sets.clear();
  } else {
    if (side.nets.empty()) return false;
    side.nets.clear();
  }
  return true;
}
void Unite(dataplane_api::Rule& into, dataplane_api::Rule from, List list) {
  EntityMatch& a = SideOf(into, list);
  const EntityMatch& b = SideOf(from, list);
  if (IsPorts(list)) {
    Unite(a.ports, b.ports);
    Unite(a.port_sets, b.port_sets);
  } else {
    Unite(a.nets, b.nets);
  }
}

std::string KeyOf(const EntityMatch& entity) {
  std::string key;
  for (const net::Cidr& net : entity.nets) key += net.ToString() + ",";
  for (const net::Cidr& net : entity.not_nets) key += "!" + net.ToString() + ",";
  for (const std::string& set : entity.ip_sets) key += set + ",";
  for (const std::string& set : entity.not_ip_sets) key += "!" + set + ",";
  for (const auto& range : entity.ports) key += fmt::format("{}-{},", range.first, range.last);
  for (const std::string& set : entity.port_sets) key += set + ",";
  for (const auto& range : entity.not_ports) key += fmt::format("!{}-{},", range.first, range.last);
  for (const std::string& set : entity.not_port_sets) key += "!" + set + ",";
  return key;
}
// For finding candidates only: they are compared as well.
std::string KeyOf(const dataplane_api::Rule& rule) {
  const auto number = [](const std::optional<std::uint8_t>& n) { return n ? static_cast<int>(*n) : -1; };
  return fmt::format("{} {} {} {} {} {} | {} | {}", number(rule.protocol), number(rule.not_protocol),
                     number(rule.icmp_type), number(rule.icmp_code), number(rule.not_icmp_type),
                     number(rule.not_icmp_code), KeyOf(rule.source), KeyOf(rule.destination));
}

// Within a run of rules with one action the order means nothing.
class Run {
 public:
  void Add(dataplane_api::Rule rule, std::size_t number) {
    for (const List list : kLists) {
      dataplane_api::Rule rest = rule;
      if (!Clear(rest, list)) continue;
      const auto found = by_rest_.find({list, KeyOf(rest)});
      if (found == by_rest_.end()) continue;
      Merged& candidate = rules_[found->second];
      dataplane_api::Rule its_rest = candidate.rule;
      if (!Clear(its_rest, list) || its_rest != rest) continue;  // merged otherwise meanwhile
      Unite(candidate.rule, rule, list);
      candidate.numbers.push_back(number);
      return;
    }
    for (const List list : kLists) {
      dataplane_api::Rule rest = rule;
      if (Clear(rest, list)) by_rest_[{list, KeyOf(rest)}] = rules_.size();
    }
    rules_.push_back({std::move(rule), {number}});
  }
  std::vector<Merged> Take() {
    by_rest_.clear();
    return std::exchange(rules_, {});
  }

 private:
  std::vector<Merged> rules_;
  std::map<std::pair<List, std::string>, std::size_t> by_rest_;
};

std::vector<Merged> MergeRules(const std::vector<dataplane_api::Rule>& rules, net::Family family) {
  std::vector<Merged> out;
  Run run;
  const auto end_run = [&] {
    for (Merged& merged : run.Take()) out.push_back(std::move(merged));
  };
  std::optional<RuleAction> action;
  for (std::size_t i = 0; i < rules.size(); ++i) {
    dataplane_api::Rule rule = rules[i];
    if (!CanMatch(rule, family)) continue;
    // Each Log writes a line of its own.
    if (action != rule.action || rule.action == RuleAction::kLog) end_run();
    action = rule.action;
    run.Add(std::move(rule), i + 1);
  }
  end_run();
  return out;
}

// "rule 2", "rules 1-3,5".
std::string CommentOf(const std::vector<std::size_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += fmt::format("{}{}", text.empty() ? "" : ",", numbers[i]);
    if (last > i) text += fmt::format("-{}", numbers[last]);
    i = last + 1;
  }
  text = (numbers.size() == 1 ? "rule " : "rules ") + text;
  if (text.size() > kLongestComment) text = text.substr(0, text.rfind(',', kLongestComment)) + ",…";
  return text;
}

// ---- One rule as statements.

// ICMP messages of which one answers the other: only these make connections.
std::optional<std::uint8_t> AnswerTo(std::uint8_t type, net::Family family) {
  static constexpr std::pair<std::uint8_t, std::uint8_t> kV4[] = {{8, 0}, {13, 14}, {15, 16}, {17, 18}};
  static constexpr std::pair<std::uint8_t, std::uint8_t> kV6[] = {{128, 129}, {139, 140}};
  const auto find = [&](const auto& pairs) -> std::optional<std::uint8_t> {
    for (const auto& [request, answer] : pairs) {
      if (request == type) return answer;
    }
    return std::nullopt;
  };
  return family == net::Family::kV4 ? find(kV4) : find(kV6);
}

// All ways to take one value from each list; a list that is empty adds nothing.
using Alternatives = std::vector<std::vector<Statement>>;
void Multiply(Alternatives& alternatives, const std::vector<Statement>& values) {
  if (values.empty()) return;
  Alternatives product;
  for (const auto& so_far : alternatives) {
    for (const Statement& value : values) {
      product.push_back(so_far);
      product.back().push_back(value);
    }
  }
  alternatives = std::move(product);
}

class RuleRenderer {
 public:
  RuleRenderer(const dataplane_api::Rule& rule, const RuleContext& context, RenderedRules& out)
      : rule_(rule), context_(context), out_(out) {}

  // The statement lists of which any must match; none if nothing can.
  Alternatives Matches() {
    alternatives_ = {{}};
    if (rule_.protocol) All(MatchProtocol{*rule_.protocol});
    if (rule_.not_protocol) All(MatchProtocol{*rule_.not_protocol, Op::kNe});
    AddEntity(rule_.source, context_.way == Way::kOriginal ? Side::kSource : Side::kDestination);
    AddEntity(rule_.destination, context_.way == Way::kOriginal ? Side::kDestination : Side::kSource);
    AddIcmp();
    return std::move(alternatives_);
  }

 private:
  void All(Statement statement) { Multiply(alternatives_, {std::move(statement)}); }
  void Never() { alternatives_.clear(); }

  void AddEntity(const EntityMatch& entity, Side side) {
    if (!entity.nets.empty()) All(Nets(entity.nets, side, Op::kEq));
    if (!entity.not_nets.empty()) All(Nets(entity.not_nets, side, Op::kNe));
    for (const std::string& id : entity.ip_sets) {
      std::vector<Statement> sets{MatchAddressSet{side, id}};
      if (ShapeOf(id).prefixes) sets.push_back(MatchAddressSet{side, PrefixSetName(id)});
      Multiply(alternatives_, sets);
    }
    for (const std::string& id : entity.not_ip_sets) {
      All(MatchAddressSet{side, id, Op::kNe});
      if (ShapeOf(id).prefixes) All(MatchAddressSet{side, PrefixSetName(id), Op::kNe});
    }
    AddPorts(entity, side);
  }
  void AddPorts(const EntityMatch& entity, Side side) {
    // Without a protocol that has ports the bytes are something else.
    const bool numbers_mean_ports = rule_.protocol && HasPorts(*rule_.protocol);
    std::vector<Statement> any;
    if (!entity.ports.empty() && numbers_mean_ports) any.push_back(Ports(entity.ports, side, Op::kEq));
    for (const std::string& set : entity.port_sets) any.push_back(MatchAddressPortSet{side, set});
    if (any.empty() && !(entity.ports.empty() && entity.port_sets.empty())) return Never();
    Multiply(alternatives_, any);
    if (!entity.not_ports.empty()) {
      if (!numbers_mean_ports) return Never();
      All(Ports(entity.not_ports, side, Op::kNe));
    }
    for (const std::string& set : entity.not_port_sets) All(MatchAddressPortSet{side, set, Op::kNe});
  }
  Statement Nets(const std::vector<net::Cidr>& nets, Side side, Op op) {
    const std::vector<net::Cidr> cover = net::MinimalCover(nets);
    if (cover.size() == 1) return MatchAddress{side, cover[0], op};
    return MatchAddressSet{side, AddLiteral(out_.literals, AddressSet(cover)), op};
  }
  Statement Ports(const std::vector<net::PortRange>& ports, Side side, Op op) {
    if (ports.size() == 1) return MatchPort{side, ports[0], op};
    return MatchPortSet{side, AddLiteral(out_.literals, PortSet(ports)), op};
  }
  SetShape ShapeOf(const std::string& id) {
    out_.ip_sets.insert(id);
    return context_.shape(id);
  }
  void AddIcmp() {
    if (rule_.icmp_type) {
      const auto type = TypeSeen(*rule_.icmp_type);
      if (!type) return Never();
      All(MatchIcmp{*type, rule_.icmp_code});
    }
    if (rule_.not_icmp_type) {
      if (const auto type = TypeSeen(*rule_.not_icmp_type))
        All(MatchIcmp{*type, rule_.not_icmp_code, Op::kNe});
    }
  }
  // nullopt: no packet of this way has it.
  std::optional<std::uint8_t> TypeSeen(std::uint8_t type) const {
    return context_.way == Way::kOriginal ? type : AnswerTo(type, context_.family);
  }

  const dataplane_api::Rule& rule_;
  const RuleContext& context_;
  RenderedRules& out_;
  Alternatives alternatives_;
};

// Nothing to do: nullopt.
std::optional<std::vector<Statement>> ActionStatements(RuleAction action, bool staged,
                                                       const RuleContext& context) {
  const Verdict leave{VerdictKind::kReturn, ""};
  if (action == RuleAction::kLog) {
    // A connection is logged once, not again when policy changes.
    if (staged || context.way == Way::kReply) return std::nullopt;
    return std::vector<Statement>{MatchCtState{kCtNew | kCtUntracked}, Counter{},
                                  Log{context.log_prefix + ": "}};
  }
  if (action == RuleAction::kPass && context.profile) return std::nullopt;
  if (staged) return std::vector<Statement>{Counter{}, leave};
  const std::uint32_t mark = action == RuleAction::kAllow  ? kAcceptMark
                             : action == RuleAction::kDeny ? kDropMark
                                                           : kPassMark;
  return std::vector<Statement>{Counter{}, SetMark{mark, mark}, leave};
}

std::string Identifier(const std::string& prefix, const std::string& name, Way way) {
  const bool plain =
      name.size() <= kLongestPlainName &&
      name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-/") ==
          std::string::npos;
  return prefix + (plain ? name : "_" + Sha256Hex(name).substr(0, 32)) + (way == Way::kReply ? "-reply" : "");
}

}  // namespace

std::string PrefixSetName(const std::string& ip_set) {
  return ip_set + "-nets";
}

std::string PolicyChainName(const std::string& policy, Direction direction, Way way) {
  return Identifier(direction == Direction::kIngress ? "cali-pi-" : "cali-po-", policy, way);
}
std::string ProfileChainName(const std::string& profile, Direction direction, Way way) {
  return Identifier(direction == Direction::kIngress ? "cali-pri-" : "cali-pro-", profile, way);
}

std::string AddLiteral(std::map<std::string, Set>& literals, Set set) {
  std::string content = std::to_string(static_cast<int>(set.type));
  for (const auto& [key, value] : set.members) content += "," + TextOf(key);
  std::string name = "l-" + Sha256Hex(content).substr(0, 20);
  literals.insert_or_assign(name, std::move(set));
  return name;
}

RenderedRules RenderRules(const dataplane_api::Rules& rules, Direction direction,
                          const RuleContext& context) {
  RenderedRules out;
  for (const Merged& merged :
       MergeRules(direction == Direction::kIngress ? rules.ingress : rules.egress, context.family)) {
    const auto action = ActionStatements(merged.rule.action, rules.staged, context);
    if (!action) continue;
    for (std::vector<Statement> statements : RuleRenderer(merged.rule, context, out).Matches()) {
      statements.insert(statements.end(), action->begin(), action->end());
      out.chain.rules.push_back({std::move(statements), CommentOf(merged.numbers)});
    }
  }
  return out;
}

}  // namespace calico::dataplane
