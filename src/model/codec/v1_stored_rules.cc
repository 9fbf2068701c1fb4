// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/felix.h"
#include "model/codec/v1_stored_kinds.h"
#include "model/codec/value.h"

namespace calico::model::codec {
namespace {

constexpr std::string_view kTagCharacters =
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/";
constexpr std::string_view kTagTest = " == ''";

template <typename T>
void Take(const Json& json, const std::string& name, const std::string& path, T& out) {
  if (const Json* member = Member(json, name)) Read(*member, out, path + "/" + name);
}
template <typename T>
void Take(const Json& json, const std::string& name, const std::string& path, std::optional<T>& out) {
  if (const Json* member = Member(json, name)) Read(*member, out.emplace(), path + "/" + name);
}
template <typename T>
void TakeList(const Json& json, const std::string& name, const std::string& path, std::vector<T>& out) {
  const Json* member = Member(json, name);
  if (member == nullptr) return;
  if (!member->is_array()) Fail(path + "/" + name, "must be a list");
  for (const Json& item : *member) Read(item, out.emplace_back(), path + "/" + name);
}

// v3 wants networks; 2.6 took host bits in source networks.
std::string Masked(const std::string& text) {
  const auto cidr = net::Cidr::Parse(text);
  return cidr ? cidr->Masked().ToString() : text;
}

std::string ActionFromV1(const Json& rule, const std::string& path) {
  std::string action;
  Take(rule, "action", path, action);
  action = ToLower(action);
  if (action.empty() || action == "allow") return "Allow";
  if (action == "deny") return "Deny";
  if (action == "log") return "Log";
  if (action == "next-tier" || action == "pass") return "Pass";
  Fail(path + "/action", fmt::format("'{}' is no action", action));
}
std::string ActionToV1(const std::string& action) {
  return action == "Pass" ? "next-tier" : ToLower(action);
}

void TakeProtocol(const Json& rule, const std::string& name, const std::string& path, std::string& out) {
  Take(rule, name, path, out);
  for (const char* canonical : {"TCP", "UDP", "ICMP", "ICMPv6", "SCTP", "UDPLite"}) {
    if (EqualsIgnoreCase(out, canonical)) out = canonical;
  }
}

// A tag is a label with an empty value.
std::string WithTag(const std::string& selector, const std::string& tag) {
  if (tag.empty()) return selector;
  const std::string test = tag + std::string(kTagTest);
  return selector.empty() ? test : fmt::format("({}) && {}", selector, test);
}
bool IsTag(std::string_view text) {
  return !text.empty() && text.find_first_not_of(kTagCharacters) == std::string_view::npos;
}
// The inverse of WithTag: {selector, tag}.
std::pair<std::string, std::string> SplitTag(const std::string& text) {
  if (!text.ends_with(kTagTest)) return {text, ""};
  const std::string_view front = std::string_view(text).substr(0, text.size() - kTagTest.size());
  if (IsTag(front)) return {"", std::string(front)};
  const std::size_t joint = front.rfind(") && ");
  if (joint == std::string_view::npos || !front.starts_with('(') || !IsTag(front.substr(joint + 5)))
    return {text, ""};
  // The first parenthesis must be closed by that one and no sooner. One inside a quoted text can only make us
  // keep the selector as it is.
  int depth = 0;
  for (std::size_t i = 0; i <= joint; ++i) {
    if (front[i] == '(') ++depth;
    if (front[i] == ')' && --depth == 0 && i != joint) return {text, ""};
  }
  if (depth != 0) return {text, ""};
  return {std::string(front.substr(1, joint - 1)), std::string(front.substr(joint + 5))};
}

struct Side {
  const char* name;  // "src_" or "dst_"
  EntityRule Rule::*entity;
};
constexpr Side kSides[] = {{"src_", &Rule::source}, {"dst_", &Rule::destination}};

void EntityFromV1(const Json& rule, const std::string& side, const std::string& path, EntityRule& entity) {
  for (const bool negated : {false, true}) {
    const std::string prefix = (negated ? "!" : "") + side;
    std::vector<std::string>& nets = negated ? entity.not_nets : entity.nets;
    TakeList(rule, prefix + "nets", path, nets);
    if (Member(rule, prefix + "net") != nullptr) Take(rule, prefix + "net", path, nets.emplace_back());
    for (std::string& net : nets) net = Masked(net);
    std::string selector, tag;
    Take(rule, prefix + "selector", path, selector);
    Take(rule, prefix + "tag", path, tag);
    (negated ? entity.not_selector : entity.selector) = WithTag(selector, tag);
    TakeList(rule, prefix + "ports", path, negated ? entity.not_ports : entity.ports);
  }
}

Rule RuleFromV1(const Json& json, const std::string& path) {
  if (!json.is_object()) Fail(path, "must be a map");
  Rule rule;
  rule.action = ActionFromV1(json, path);
  Take(json, "ip_version", path, rule.ip_version);
  TakeProtocol(json, "protocol", path, rule.protocol);
  TakeProtocol(json, "!protocol", path, rule.not_protocol);
  for (const auto& [prefix, match] :
       {std::pair{std::string(), &rule.icmp}, {std::string("!"), &rule.not_icmp}}) {
    IcmpMatch icmp;
    Take(json, prefix + "icmp_type", path, icmp.type);
    Take(json, prefix + "icmp_code", path, icmp.code);
    if (icmp != IcmpMatch{}) *match = icmp;
  }
  for (const Side& side : kSides) EntityFromV1(json, side.name, path, rule.*side.entity);
  return rule;
}

void RefuseNewMembers(const Rule& rule) {
  for (const EntityRule* entity : {&rule.source, &rule.destination}) {
    if (entity->services) Refuse("services in a rule");
    if (entity->service_accounts) Refuse("serviceAccounts in a rule");
    if (!entity->namespace_selector.empty()) Refuse("namespaceSelector in a rule");
    for (const auto* ports : {&entity->ports, &entity->not_ports}) {
      for (const Port& port : *ports) {
        if (const auto* name = std::get_if<std::string>(&port))
          Refuse(fmt::format("the named port '{}'", *name));
      }
    }
  }
  if (rule.http) Refuse("http in a rule");
  if (rule.metadata) Refuse("metadata of a rule");
}

Json ProtocolToV1(const std::string& text) {
  return NumberWhenDigits(ToLower(text));
}

void EntityToV1(const EntityRule& entity, const std::string& side, bool negated, Json& out) {
  const std::string prefix = (negated ? "!" : "") + side;
  const auto [selector, tag] = SplitTag(negated ? entity.not_selector : entity.selector);
  const auto& nets = negated ? entity.not_nets : entity.nets;
  const auto& ports = negated ? entity.not_ports : entity.ports;
  if (!tag.empty()) out[prefix + "tag"] = tag;
  // 2.6 writes a destination's selector before its networks.
  if (side == "dst_" && !selector.empty()) out[prefix + "selector"] = selector;
  for (const std::string& net : nets) out[prefix + "nets"].push_back(side == "dst_" ? Masked(net) : net);
  if (side == "src_" && !selector.empty()) out[prefix + "selector"] = selector;
  for (const Port& port : ports) out[prefix + "ports"].push_back(Write(port));
}

Json RuleToV1(const Rule& rule) {
  RefuseNewMembers(rule);
  Json out = Json::object();
  out["action"] = ActionToV1(rule.action);
  if (rule.ip_version) out["ip_version"] = *rule.ip_version;
  if (!rule.protocol.empty()) out["protocol"] = ProtocolToV1(rule.protocol);
  if (!rule.not_protocol.empty()) out["!protocol"] = ProtocolToV1(rule.not_protocol);
  for (const auto& [prefix, match] :
       {std::pair{std::string(), &rule.icmp}, {std::string("!"), &rule.not_icmp}}) {
    if (!*match) continue;
    if ((*match)->type) out[prefix + "icmp_type"] = *(*match)->type;
    if ((*match)->code) out[prefix + "icmp_code"] = *(*match)->code;
  }
  for (const bool negated : {false, true}) {
    for (const Side& side : kSides) EntityToV1(rule.*side.entity, side.name, negated, out);
  }
  return out;
}

}  // namespace

void Refuse(const std::string& what) {
  throw Refused{NeedsEtcdV3(what)};
}

std::vector<Rule> RulesFromV1(const Json& list, const std::string& path) {
  std::vector<Rule> rules;
  if (list.is_null()) return rules;
  if (!list.is_array()) Fail(path, "must be a list");
  for (std::size_t i = 0; i < list.size(); ++i)
    rules.push_back(RuleFromV1(list[i], fmt::format("{}/{}", path, i)));
  return rules;
}

Json RulesToV1(const std::vector<Rule>& rules) {
  Json list = Json::array();
  for (const Rule& rule : rules) list.push_back(RuleToV1(rule));
  return list;
}

Json MergeRules(const Json& now, const std::vector<Rule>& was, const std::vector<Rule>& wanted) {
  Json list = Json::array();
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    if (i < was.size() && was[i] == wanted[i]) {
      list.push_back(now[i]);
    } else if (const auto same = std::find(was.begin(), was.end(), wanted[i]); same != was.end()) {
      list.push_back(now[static_cast<std::size_t>(same - was.begin())]);
    } else if (was.size() == wanted.size()) {
      Json kept = now[i];
      // The single form says what the list form says.
      for (const char* single : {"src_net", "dst_net", "!src_net", "!dst_net"}) kept.erase(single);
      list.push_back(MergeMembers(kept, RuleToV1(was[i]), RuleToV1(wanted[i])));
    } else {
      list.push_back(RuleToV1(wanted[i]));
    }
  }
  return list;
}

Json MergeMembers(const Json& now, const Json& was, const Json& wanted) {
  Json merged = Json::object();
  for (const auto& [name, value] : wanted.items()) {
    const bool same = was.contains(name) && was[name] == value;
    if (same && !now.contains(name)) continue;  // says the same without the member
    merged[name] = same ? now[name] : value;
  }
  for (const auto& [name, value] : now.items()) {
    if (!was.contains(name) && !wanted.contains(name)) merged[name] = value;
  }
  return merged;
}

Json ParseObject(const V1Values& values, const std::string& role) {
  const auto found = values.find(role);
  if (found == values.end()) return Json::object();
  Json json = Json::parse(found->second, nullptr, false);
  if (json.is_null()) return Json::object();
  if (!json.is_object()) Fail("/" + role, "is no JSON object");
  return json;
}
// What was decoded before: cannot fail.
Json Parsed(const V1Values& values, const std::string& role) {
  const auto found = values.find(role);
  return found == values.end() ? Json::object() : Json::parse(found->second, nullptr, false);
}
std::string Text(const Json& json, const char* name) {
  std::string text;
  if (const Json* member = Member(json, name)) Read(*member, text, std::string("/") + name);
  return text;
}
bool Flag(const Json& json, const char* name) {
  bool flag = false;
  if (const Json* member = Member(json, name)) Read(*member, flag, std::string("/") + name);
  return flag;
}
std::map<std::string, std::string> Map(const Json& json, const char* name) {
  std::map<std::string, std::string> map;
  if (const Json* member = Member(json, name)) Read(*member, map, std::string("/") + name);
  return map;
}
void AddTexts(const Json& json, const char* name, std::vector<std::string>& out) {
  const Json* member = Member(json, name);
  if (member == nullptr) return;
  if (!member->is_array()) Fail(std::string("/") + name, "must be a list");
  for (const Json& item : *member) Read(item, out.emplace_back(), std::string("/") + name);
}
void SetUnlessEmpty(Json& json, const char* name, Json value) {
  if (!value.empty() && value != "") json[name] = std::move(value);
}

void RefuseLabels(const Metadata& metadata, const char* kind) {
  for (const auto& [label, value] : metadata.labels) {
    if (label != kTierLabel || value != kDefaultTier) Refuse(fmt::format("a label of a {}", kind));
  }
}
void RefuseAnnotations(const Metadata& metadata, const char* kind) {
  for (const auto& [name, value] : metadata.annotations) {
    if (name != kNameAnnotation) Refuse(fmt::format("an annotation of a {}", kind));
  }
}
std::string Value(const V1Values& values, const char* role) {
  const auto found = values.find(role);
  return found == values.end() ? std::string() : found->second;
}
const Json* Member(const Json& json, const std::string& name) {
  const auto found = json.find(name);
  return found == json.end() || found->is_null() ? nullptr : &*found;
}

}  // namespace calico::model::codec
