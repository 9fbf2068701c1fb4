// SPDX-License-Identifier: Apache-2.0
#include <set>

#include <fmt/format.h>

#include "base/text.h"
#include "model/codec/v1_stored_kinds.h"
#include "model/codec/value.h"

namespace calico::model::codec {

void Decode(const V1Identity&, const V1Values& values, GlobalNetworkPolicy& o) {
  const Json json = ParseObject(values, "");
  o.spec.tier = kDefaultTier;
  if (const Json* order = Member(json, "order")) Read(*order, o.spec.order.emplace(), "/order");
  if (const Json* rules = Member(json, "inbound_rules"))
    o.spec.ingress = RulesFromV1(*rules, "/inbound_rules");
  if (const Json* rules = Member(json, "outbound_rules"))
    o.spec.egress = RulesFromV1(*rules, "/outbound_rules");
  o.spec.selector = Text(json, "selector");
  o.global.do_not_track = Flag(json, "untracked");
  o.global.pre_dnat = Flag(json, "pre_dnat");
  o.global.apply_on_forward = o.global.do_not_track || o.global.pre_dnat;
  o.metadata.annotations = Map(json, "annotations");
  std::vector<std::string> types;
  AddTexts(json, "types", types);
  for (const std::string& type : types) {
    if (!EqualsIgnoreCase(type, "ingress") && !EqualsIgnoreCase(type, "egress"))
      Fail("/types", fmt::format("invalid policy type: '{}'", type));
    o.spec.types.emplace_back(EqualsIgnoreCase(type, "ingress") ? "Ingress" : "Egress");
  }
  if (types.empty()) o.spec.types = {"Ingress", "Egress"};  // written before 2.6 had types
}

namespace {
Json TypesToV1(const PolicySpec& spec) {
  Json types = Json::array();
  for (const std::string& type : spec.types) types.push_back(ToLower(type));
  if (!types.empty()) return types;
  if (spec.egress.empty() || !spec.ingress.empty()) types.push_back("ingress");
  if (!spec.egress.empty()) types.push_back("egress");
  return types;
}
}  // namespace

void Encode(const V1Identity& identity, const GlobalNetworkPolicy& o, const V1Values& now, V1Values& out) {
  RefuseLabels(o.metadata, "GlobalNetworkPolicy");
  if (!o.spec.tier.empty() && o.spec.tier != kDefaultTier) Refuse("a tier other than default");
  if (!o.spec.service_account_selector.empty()) Refuse("serviceAccountSelector");
  if (!o.global.namespace_selector.empty()) Refuse("namespaceSelector");
  if (!o.spec.performance_hints.empty()) Refuse("performanceHints");
  if (o.global.apply_on_forward && !o.global.do_not_track && !o.global.pre_dnat) Refuse("applyOnForward");
  Json json = Json::object();
  if (o.spec.order) json["order"] = Write(*o.spec.order);
  GlobalNetworkPolicy was;
  const Json stored = Parsed(now, "");
  if (!now.empty()) Decode(identity, now, was);
  const auto rules = [&](const char* name, const auto& before, const auto& wanted) {
    SetUnlessEmpty(json, name,
                   stored.contains(name) ? MergeRules(stored[name], before, wanted) : RulesToV1(wanted));
  };
  rules("inbound_rules", was.spec.ingress, o.spec.ingress);
  rules("outbound_rules", was.spec.egress, o.spec.egress);
  json["selector"] = o.spec.selector;
  if (o.global.do_not_track) json["untracked"] = true;
  std::map<std::string, std::string> annotations = o.metadata.annotations;
  annotations.erase(kNameAnnotation);
  SetUnlessEmpty(json, "annotations", Json(annotations));
  if (o.global.pre_dnat) json["pre_dnat"] = true;
  json["types"] = TypesToV1(o.spec);
  out[""] = DumpStored(json);
}

namespace {
std::vector<std::string> TagsOf(const V1Values& values) {
  std::vector<std::string> tags;
  const auto found = values.find("tags");
  if (found == values.end()) return tags;
  const Json list = Json::parse(found->second, nullptr, false);
  if (!list.is_array() && !list.is_null()) Fail("/tags", "is no JSON list");
  for (const Json& tag : list) Read(tag, tags.emplace_back(), "/tags");
  return tags;
}
}  // namespace

void Decode(const V1Identity&, const V1Values& values, Profile& o) {
  const Json labels = ParseObject(values, "labels");
  Read(labels, o.labels_to_apply, "/labels");
  for (const std::string& tag : TagsOf(values)) o.labels_to_apply.try_emplace(tag);  // an empty value
  const Json rules = ParseObject(values, "rules");
  if (const Json* list = Member(rules, "inbound_rules")) o.ingress = RulesFromV1(*list, "/inbound_rules");
  if (const Json* list = Member(rules, "outbound_rules")) o.egress = RulesFromV1(*list, "/outbound_rules");
}

void Encode(const V1Identity& identity, const Profile& o, const V1Values& now, V1Values& out) {
  RefuseLabels(o.metadata, "Profile");
  RefuseAnnotations(o.metadata, "Profile");
  Profile was;
  if (!now.empty()) Decode(identity, now, was);
  // A label without a value is a tag, unless it is a label already. Tags keep their order.
  Json tags = Json::array(), labels = Json::object();
  std::set<std::string> written;
  for (const std::string& tag : TagsOf(now)) {
    if (o.labels_to_apply.contains(tag) && written.insert(tag).second) tags.push_back(tag);
  }
  const Json stored_labels = Parsed(now, "labels");
  for (const auto& [label, value] : o.labels_to_apply) {
    if (!value.empty() || (stored_labels.is_object() && stored_labels.contains(label)))
      labels[label] = value;
    else if (written.insert(label).second)
      tags.push_back(label);
  }
  out["tags"] = DumpStored(tags);
  out["labels"] = DumpStored(labels);
  const Json stored = Parsed(now, "rules");
  Json rules = Json::object();
  const auto merge = [&](const char* name, const auto& before, const auto& wanted) {
    const bool known = stored.is_object() && stored.contains(name);
    SetUnlessEmpty(rules, name, known ? MergeRules(stored[name], before, wanted) : RulesToV1(wanted));
  };
  merge("inbound_rules", was.ingress, o.ingress);
  merge("outbound_rules", was.egress, o.egress);
  out["rules"] = DumpStored(rules);
}
}  // namespace calico::model::codec
