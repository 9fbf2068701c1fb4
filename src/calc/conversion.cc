// SPDX-License-Identifier: Apache-2.0
#include "calc/conversion.h"

#include <utility>

#include <fmt/format.h>

#include "model/codec/json.h"

namespace calico::calc {
namespace {

class NoSets final : public SetsInUse {
 public:
  std::string Addresses(const model::Selector&) override { return {}; }
  std::string NamedPort(const model::Selector&, const std::string&) override { return {}; }
};

void DenyAll(dataplane_api::Rules& rules) {
  dataplane_api::Rule deny;
  deny.action = dataplane_api::RuleAction::kDeny;
  rules.ingress = rules.egress = {deny};
}

// Both directions; `owner` says in problems whose rule it is.
void Convert(const std::vector<model::Rule>& ingress, const std::vector<model::Rule>& egress,
             const std::string& ns, const std::string& owner, SetsInUse& sets, Converted& out) {
  const auto convert = [&](const std::vector<model::Rule>& rules, const char* direction) {
    std::vector<std::string> found;
    auto converted = ConvertRules(rules, ns, sets, found);
    for (const std::string& problem : found)
      out.problems.push_back(fmt::format("{} {} {}", owner, direction, problem));
    return converted;
  };
  out.rules.ingress = convert(ingress, "ingress");
  out.rules.egress = convert(egress, "egress");
}

}  // namespace

Converted ConvertPolicy(const model::Key& key, const model::Object& policy, const PolicySelection& selection,
                        SetsInUse& sets) {
  Converted out;
  const PolicyRules from = RulesOf(policy);
  out.rules.staged = from.staged;
  if (selection.problems.empty())
    Convert(from.ingress, from.egress, key.ns, model::Describe(key), sets, out);
  else
    DenyAll(out.rules);
  return out;
}

Converted ConvertProfile(const std::string& name, const model::Profile* profile, SetsInUse& sets) {
  Converted out;
  if (profile != nullptr && profile->unreadable.empty()) {
    Convert(profile->ingress, profile->egress, "", "profile " + name, sets, out);
    return out;
  }
  DenyAll(out.rules);
  if (profile != nullptr) {
    out.problems.push_back(
        fmt::format("profile {} cannot be read and denies everything: {}", name, profile->unreadable));
  }
  return out;
}

std::vector<std::string> ProblemsOf(const std::shared_ptr<const model::Object>& object) {
  NoSets sets;
  if (const auto* profile = std::get_if<model::Profile>(object.get()))
    return ConvertProfile(profile->metadata.name, profile, sets).problems;
  if (!model::IsTieredPolicy(static_cast<model::Kind>(object->index()))) return {};
  const model::Key key = model::KeyOf(*object);
  const auto policy = AsCalicoPolicy(object);
  PolicySelection selection = SelectionOf(key, *policy);
  Converted converted = ConvertPolicy(key, *policy, selection, sets);
  std::move(converted.problems.begin(), converted.problems.end(), std::back_inserter(selection.problems));
  return std::move(selection.problems);
}

}  // namespace calico::calc
