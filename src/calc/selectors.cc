// SPDX-License-Identifier: Apache-2.0
#include "calc/selectors.h"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace calico::calc {
namespace {

using model::Selector;

constexpr char kNamespaceLabel[] = "projectcalico.org/namespace";
constexpr char kServiceAccountLabel[] = "projectcalico.org/serviceaccount";
constexpr char kNamespacePrefix[] = "pcns.";
constexpr char kServiceAccountPrefix[] = "pcsa.";

// Of a text that we made ourselves.
Selector Known(const std::string& text) {
  return *Selector::Parse(text);
}

Selector InNamespace(const std::string& ns) {
  return Known(fmt::format("{} == '{}'", kNamespaceLabel, ns));
}
const Selector& HasNamespace() {
  static const Selector selector = Known(fmt::format("has({})", kNamespaceLabel));
  return selector;
}
const Selector& HasNoNamespace() {
  static const Selector selector = Known(fmt::format("!has({})", kNamespaceLabel));
  return selector;
}
const Selector& HasServiceAccount() {
  static const Selector selector = Known(fmt::format("has({})", kServiceAccountLabel));
  return selector;
}

Result<Selector> WithPrefix(const std::string& text, const char* prefix) {
  ASSIGN_OR_RETURN(const Selector selector, Selector::Parse(text));
  return selector.Rewritten({prefix, nullptr, nullptr});
}

// Names are those of Kubernetes; a quote in one would end the string.
Result<Selector> ServiceAccountNames(const std::vector<std::string>& names) {
  std::string set;
  for (const std::string& name : names) {
    if (name.find('\'') != std::string::npos)
      return Error(ErrorCode::kInvalidArgument, fmt::format("no service account's name: {}", name));
    set += fmt::format("{}'{}'", set.empty() ? "" : ", ", name);
  }
  return Selector::Parse(fmt::format("{} in {{{}}}", kServiceAccountLabel, set));
}

}  // namespace

Result<Selector> PolicySelector(const model::PolicySpec& spec, const model::GlobalPolicySpec* global,
                                const std::string& ns) {
  std::vector<Selector> terms;
  if (!spec.selector.empty()) {
    ASSIGN_OR_RETURN(const Selector own, Selector::Parse(spec.selector));
    terms.push_back(own);
  }
  if (global == nullptr) {
    terms.push_back(InNamespace(ns));
  } else if (!global->namespace_selector.empty()) {
    ASSIGN_OR_RETURN(const Selector of_namespace, WithPrefix(global->namespace_selector, kNamespacePrefix));
    terms.push_back(of_namespace);
    for (Selector& term : terms) term = term.Rewritten({"", &HasNamespace(), nullptr});
  }
  if (!spec.service_account_selector.empty()) {
    ASSIGN_OR_RETURN(const Selector of_account,
                     WithPrefix(spec.service_account_selector, kServiceAccountPrefix));
    terms.push_back(of_account);
    if (global != nullptr) {
      for (Selector& term : terms) term = term.Rewritten({"", &HasServiceAccount(), nullptr});
    }
  }
  return Selector::AllOf(terms);
}

Result<EntitySelectors> SelectorsOf(const model::EntityRule& entity, const std::string& ns) {
  std::vector<Selector> terms;
  if (!entity.selector.empty()) {
    ASSIGN_OR_RETURN(const Selector own, Selector::Parse(entity.selector));
    terms.push_back(own);
  }
  if (!entity.namespace_selector.empty()) {
    ASSIGN_OR_RETURN(const Selector of_namespace, Selector::Parse(entity.namespace_selector));
    terms.push_back(of_namespace.Rewritten({kNamespacePrefix, &HasNamespace(), &HasNoNamespace()}));
  } else if (!ns.empty() &&
             (!entity.selector.empty() || !entity.not_selector.empty() || entity.service_accounts)) {
    terms.push_back(InNamespace(ns));
  }
  if (entity.service_accounts && !entity.service_accounts->names.empty()) {
    ASSIGN_OR_RETURN(const Selector names, ServiceAccountNames(entity.service_accounts->names));
    terms.push_back(names);
  }
  if (entity.service_accounts && !entity.service_accounts->selector.empty()) {
    ASSIGN_OR_RETURN(const Selector of_account,
                     WithPrefix(entity.service_accounts->selector, kServiceAccountPrefix));
    terms.push_back(of_account);
  }
  EntitySelectors out;
  if (!entity.not_selector.empty()) {
    ASSIGN_OR_RETURN(const Selector negative, Selector::Parse(entity.not_selector));
    if (terms.empty())
      out.negative = negative;
    else
      terms.push_back(negative.Negated());
  }
  if (!terms.empty()) out.positive = Selector::AllOf(terms);
  return out;
}

}  // namespace calico::calc
