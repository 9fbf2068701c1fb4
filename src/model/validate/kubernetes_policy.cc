// SPDX-License-Identifier: Apache-2.0
// Reference datastore-model C.4.4: a policy in Kubernetes' form is checked as the Calico policy that it
// means.
#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "model/validate/checks.h"
#include "model/validate/names.h"
#include "model/validate/policy.h"

namespace calico::model::validate {
namespace {

using Json = nlohmann::ordered_json;

// Reads Kubernetes' form; what has the wrong type or name becomes a problem with its path.
class Reader {
 public:
  explicit Reader(Problems& problems) : problems_(problems) {}

  std::vector<Rule> Rules(const std::string& path, const std::string& text, const char* peers) {
    std::vector<Rule> rules;
    const Json list = Parsed(text);
    if (!IsList(list, path)) return rules;
    for (std::size_t i = 0; i < list.size(); ++i) {
      const std::string at = Element(path, i);
      if (IsMap(list[i], at, {peers, "ports"})) OneRule(list[i], at, peers, rules);
    }
    return rules;
  }
  std::string LabelSelector(const Json& json, const std::string& path) {
    std::vector<std::string> terms;
    if (!IsMap(json, path, {"matchLabels", "matchExpressions"})) return {};
    if (const Json* labels = Member(json, "matchLabels")) {
      if (!labels->is_object())
        Wrong(path + ".matchLabels", "must be a map");
      else
        for (const auto& [key, value] : labels->items())
          terms.push_back(Equal(key, Text(value, path + ".matchLabels." + key), path));
    }
    if (const Json* list = Member(json, "matchExpressions"); list != nullptr && IsList(*list, path)) {
      for (std::size_t i = 0; i < list->size(); ++i)
        terms.push_back(Expression((*list)[i], fmt::format("{}.matchExpressions[{}]", path, i)));
    }
    return Join(terms, " && ");
  }
  static Json Parsed(const std::string& text) {
    return Json::parse(text.empty() ? "null" : text, nullptr, /*allow_exceptions=*/false);
  }

 private:
  void Wrong(const std::string& path, const std::string& why) { problems_.Add(path, "", why); }
  static const Json* Member(const Json& json, const char* name) {
    const auto found = json.find(name);
    return found == json.end() || found->is_null() ? nullptr : &*found;
  }
  bool IsList(const Json& json, const std::string& path) {
    if (json.is_null()) return false;
    if (!json.is_array()) Wrong(path, "must be a list");
    return json.is_array();
  }
  bool IsMap(const Json& json, const std::string& path, std::initializer_list<std::string_view> known) {
    if (json.is_null()) return false;
    if (!json.is_object()) {
      Wrong(path, "must be a map");
      return false;
    }
    for (const auto& [key, value] : json.items()) {
      if (std::find(known.begin(), known.end(), key) == known.end())
        Wrong(path + "." + key, "field is not recognized or is in the wrong location");
    }
    return true;
  }
  std::string Text(const Json& json, const std::string& path) {
    if (json.is_string()) return json.get<std::string>();
    Wrong(path, "must be a text");
    return {};
  }
  std::string Key(const std::string& key, const std::string& path) {
    for (const std::string& fault : QualifiedNameFaults(key)) problems_.Add(path, key, fault);
    return IsQualifiedName(key) ? key : "invalid";
  }
  std::string Value(const std::string& value, const std::string& path) {
    for (const std::string& fault : LabelValueFaults(value)) problems_.Add(path, value, fault);
    return IsLabelValue(value) ? "'" + value + "'" : "''";
  }
  std::string Equal(const std::string& key, const std::string& value, const std::string& path) {
    return Key(key, path) + " == " + Value(value, path);
  }

  std::string Expression(const Json& json, const std::string& path) {
    if (!IsMap(json, path, {"key", "operator", "values"})) return "all()";
    const Json* key = Member(json, "key");
    const Json* operation = Member(json, "operator");
    const Json* values = Member(json, "values");
    if (key == nullptr) Wrong(path + ".key", "Required value");
    if (operation == nullptr) Wrong(path + ".operator", "Required value");
    if (key == nullptr || operation == nullptr) return "all()";
    const std::string label = Key(Text(*key, path + ".key"), path + ".key");
    const std::string word = Text(*operation, path + ".operator");
    std::vector<std::string> set;
    if (values != nullptr && IsList(*values, path + ".values")) {
      for (const Json& value : *values) set.push_back(Value(Text(value, path + ".values"), path + ".values"));
    }
    const bool lists = word == "In" || word == "NotIn";
    if (lists && set.empty()) Wrong(path + ".values", "must be specified when `operator` is 'In' or 'NotIn'");
    if (!lists && !set.empty())
      Wrong(path + ".values", "may not be specified when `operator` is 'Exists' or 'DoesNotExist'");
    if (lists) return fmt::format("{} {} {{{}}}", label, word == "In" ? "in" : "not in", Join(set, ", "));
    if (word == "Exists") return "has(" + label + ")";
    if (word == "DoesNotExist") return "!has(" + label + ")";
    problems_.Add(path + ".operator", word, "not a valid selector operator");
    return "all()";
  }

  EntityRule Peer(const Json& json, const std::string& path) {
    EntityRule entity;
    if (!IsMap(json, path, {"podSelector", "namespaceSelector", "ipBlock"})) return entity;
    const Json* pods = Member(json, "podSelector");
    const Json* namespaces = Member(json, "namespaceSelector");
    const Json* block = Member(json, "ipBlock");
    if (pods == nullptr && namespaces == nullptr && block == nullptr) Wrong(path, "must specify a peer");
    if (block != nullptr && (pods != nullptr || namespaces != nullptr))
      Wrong(path, "may not specify both ipBlock and another peer");
    if (pods != nullptr) entity.selector = LabelSelector(*pods, path + ".podSelector");
    if (namespaces != nullptr)
      entity.namespace_selector = LabelSelector(*namespaces, path + ".namespaceSelector");
    if (block == nullptr || !IsMap(*block, path + ".ipBlock", {"cidr", "except"})) return entity;
    if (const Json* cidr = Member(*block, "cidr"))
      entity.nets.push_back(Text(*cidr, path + ".ipBlock.cidr"));
    else
      Wrong(path + ".ipBlock.cidr", "Required value");
    if (const Json* except = Member(*block, "except"); except != nullptr && IsList(*except, path)) {
      for (const Json& net : *except) entity.not_nets.push_back(Text(net, path + ".ipBlock.except"));
    }
    return entity;
  }

  // A rule's port is TCP's unless it says another protocol; without a number all of the protocol's.
  void AddPort(const Json& json, const std::string& path, Rule& rule) {
    if (!IsMap(json, path, {"protocol", "port", "endPort"})) return;
    const Json* protocol = Member(json, "protocol");
    rule.protocol = protocol == nullptr ? "TCP" : Text(*protocol, path + ".protocol");
    const Json* port = Member(json, "port");
    const Json* end = Member(json, "endPort");
    if (port == nullptr) {
      if (end != nullptr) Wrong(path + ".endPort", "may not be specified when `port` is not specified");
      return;
    }
    if (port->is_string()) {
      if (end != nullptr) Wrong(path + ".endPort", "may not be specified when `port` is non-numeric");
      rule.destination.ports.emplace_back(port->get<std::string>());
      return;
    }
    const auto first = Number(*port, path + ".port");
    const auto last = end == nullptr ? first : Number(*end, path + ".endPort");
    if (!first || !last) return;
    if (*last < *first) Wrong(path + ".endPort", "must be greater than or equal to `port`");
    rule.destination.ports.emplace_back(net::PortRange{*first, std::max(*first, *last)});
  }
  std::optional<std::uint16_t> Number(const Json& json, const std::string& path) {
    const std::int64_t number = json.is_number_integer() ? json.get<std::int64_t>() : 0;
    if (number < 1 || number > 65535) {
      Wrong(path, "must be between 1 and 65535, inclusive");
      return std::nullopt;
    }
    return static_cast<std::uint16_t>(number);
  }

  // Each port with each peer, as Calico converts it.
  void OneRule(const Json& json, const std::string& path, const char* peers, std::vector<Rule>& rules) {
    const std::string from = fmt::format("{}.{}", path, peers);
    std::vector<EntityRule> entities;
    if (const Json* list = Member(json, peers); list != nullptr && IsList(*list, from)) {
      for (std::size_t i = 0; i < list->size(); ++i) entities.push_back(Peer((*list)[i], Element(from, i)));
    }
    if (entities.empty()) entities.emplace_back();
    std::vector<Rule> ports;
    if (const Json* list = Member(json, "ports"); list != nullptr && IsList(*list, path + ".ports")) {
      for (std::size_t i = 0; i < list->size(); ++i)
        AddPort((*list)[i], fmt::format("{}.ports[{}]", path, i), ports.emplace_back());
    }
    if (ports.empty()) ports.emplace_back();
    for (const EntityRule& entity : entities) {
      for (Rule rule : ports) {
        rule.action = "Allow";
        EntityRule& other = peers == std::string_view("from") ? rule.source : rule.destination;
        std::vector<Port> numbers = std::move(rule.destination.ports);
        other = entity;
        rule.destination.ports = std::move(numbers);
        rules.push_back(std::move(rule));
      }
    }
  }

  Problems& problems_;
};

}  // namespace

void Check(const StagedKubernetesNetworkPolicy& policy, Problems& problems) {
  problems.OneOf("StagedAction", policy.staged_action, {"Set", "Delete", "Learn", "Ignore"}, "stagedAction");
  if (policy.staged_action == "Delete") {
    const bool selects = !policy.pod_selector_json.empty() && policy.pod_selector_json != "{}";
    if (selects || !policy.ingress_json.empty() || !policy.egress_json.empty() ||
        !policy.policy_types.empty())
      problems.Add("Spec", "", "Spec fields should all be zero-value if stagedAction is Delete");
    return;
  }
  Reader reader(problems);
  PolicySpec spec;
  spec.selector = reader.LabelSelector(Reader::Parsed(policy.pod_selector_json), "spec.podSelector");
  spec.ingress = reader.Rules("spec.ingress", policy.ingress_json, "from");
  spec.egress = reader.Rules("spec.egress", policy.egress_json, "to");
  spec.types = policy.policy_types;
  CheckPolicy(spec, nullptr, problems);
}

}  // namespace calico::model::validate
