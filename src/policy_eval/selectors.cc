// SPDX-License-Identifier: Apache-2.0
#include "policy_eval/selectors.h"

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"

namespace calico::policy_eval {
namespace {

using model::Selector;

bool IsWord(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '.' ||
         c == '/' || c == '-';
}

// Walks the canonical text of a selector, in which a label stands either alone in has() or in front of a
// space, an operator and its values.
class Rewriter {
 public:
  Rewriter(std::string_view canonical, const Rewriting& rewriting)
      : rest_(canonical), rewriting_(rewriting) {}

  std::string Run() {
    while (!rest_.empty()) {
      if (IsWord(rest_.front()))
        Operand();
      else
        Copy(1);  // parentheses, !, &&, ||, spaces
    }
    return out_;
  }

 private:
  void Copy(std::size_t count) {
    out_ += rest_.substr(0, count);
    rest_.remove_prefix(count);
  }
  std::string_view Word() {
    std::size_t length = 0;
    while (length < rest_.size() && IsWord(rest_[length])) ++length;
    const std::string_view word = rest_.substr(0, length);
    rest_.remove_prefix(length);
    return word;
  }
  bool Take(std::string_view text) {
    if (!rest_.starts_with(text)) return false;
    rest_.remove_prefix(text.size());
    return true;
  }
  void Label() {
    out_ += rewriting_.label_prefix;
    out_ += Word();
  }

  void Operand() {
    if (Take("all()")) {
      out_ += rewriting_.all.empty() ? "all()" : rewriting_.all;
    } else if (Take("global()")) {
      out_ += rewriting_.global.empty() ? "global()" : rewriting_.global;
    } else if (Take("has(")) {
      out_ += "has(";
      Label();
    } else {
      Label();
      CopyUntil("\"'{");  // " == ", " not in ", …
      if (rest_.starts_with('{')) {
        while (!rest_.starts_with('}')) {
          CopyUntil("\"'}");
          if (!rest_.starts_with('}')) CopyString();
        }
      } else {
        CopyString();
      }
    }
  }
  void CopyUntil(std::string_view stops) { Copy(std::min(rest_.find_first_of(stops), rest_.size())); }
  void CopyString() { Copy(std::min(rest_.find(rest_.front(), 1), rest_.size() - 1) + 1); }

  std::string_view rest_;
  const Rewriting& rewriting_;
  std::string out_;
};

std::string Has(const char* label) {
  return fmt::format("has({})", label);
}
// Strings of selectors have no escapes (2.8). One that no quotes can hold makes the selector unparsable.
std::string Quoted(const std::string& value) {
  const char quote = value.find('"') == std::string::npos ? '"' : '\'';
  return value.find(quote) == std::string::npos ? quote + value + quote : "'";
}
std::string OfNamespace(const std::string& ns) {
  return fmt::format("{} == {}", kNamespaceLabel, Quoted(ns));
}

// Terms that must all hold.
class Conjunction {
 public:
  void Add(const std::string& term) {
    if (!term.empty()) terms_.push_back("(" + term + ")");
  }
  bool empty() const { return terms_.empty(); }
  std::string text() const { return Join(terms_, " && "); }

 private:
  std::vector<std::string> terms_;
};

Result<std::string> WithNamespaces(const std::string& selector, const std::string& namespaces) {
  ASSIGN_OR_RETURN(const std::string prefixed, Rewritten(namespaces, {kNamespacePrefix, {}, {}}));
  Conjunction both;
  both.Add(selector);
  both.Add(prefixed);
  // In the policy's own selector as well: so one that says all() is for no host endpoint, while one that
  // says nothing can be.
  return Rewritten(both.text(), {{}, Has(kNamespaceLabel), {}});
}

Result<std::string> WithServiceAccounts(const std::string& selector, const std::string& accounts) {
  ASSIGN_OR_RETURN(const std::string prefixed, Rewritten(accounts, {kServiceAccountPrefix, {}, {}}));
  Conjunction both;
  both.Add(selector);
  both.Add(prefixed);
  return both.text();
}

Result<Selector> GlobalPolicySelector(const model::PolicySpec& spec, const model::GlobalPolicySpec& global) {
  std::string text = spec.selector;
  if (!global.namespace_selector.empty()) {
    ASSIGN_OR_RETURN(text, WithNamespaces(text, global.namespace_selector));
  }
  if (!spec.service_account_selector.empty()) {
    ASSIGN_OR_RETURN(text, WithServiceAccounts(text, spec.service_account_selector));
    ASSIGN_OR_RETURN(text, Rewritten(text, {{}, Has(kServiceAccountLabel), {}}));
  }
  return Selector::Parse(text);
}

Result<Selector> NamespacedPolicySelector(const model::PolicySpec& spec, const std::string& ns) {
  Conjunction all;
  all.Add(spec.selector);
  all.Add(OfNamespace(ns));
  std::string text = all.text();
  if (!spec.service_account_selector.empty()) {  // all() in it restricts nothing here
    ASSIGN_OR_RETURN(text, WithServiceAccounts(text, spec.service_account_selector));
  }
  return Selector::Parse(text);
}

Result<std::string> NamespaceTerm(const model::EntityRule& entity, const std::string& ns) {
  if (!entity.namespace_selector.empty()) {
    return Rewritten(entity.namespace_selector,
                     {kNamespacePrefix, Has(kNamespaceLabel), "!" + Has(kNamespaceLabel)});
  }
  const bool about_endpoints =
      !entity.selector.empty() || !entity.not_selector.empty() || entity.service_accounts.has_value();
  return !ns.empty() && about_endpoints ? OfNamespace(ns) : std::string();
}

Result<std::string> ServiceAccountTerm(const std::optional<model::ServiceAccountMatch>& accounts) {
  Conjunction all;
  if (!accounts) return std::string();
  if (!accounts->names.empty()) {
    std::vector<std::string> quoted;
    for (const std::string& name : accounts->names) quoted.push_back(Quoted(name));
    all.Add(fmt::format("{} in {{{}}}", kServiceAccountLabel, Join(quoted, ", ")));
  }
  if (!accounts->selector.empty()) {
    ASSIGN_OR_RETURN(const std::string prefixed,
                     Rewritten(accounts->selector, {kServiceAccountPrefix, {}, {}}));
    all.Add(prefixed);
  }
  return all.text();
}

}  // namespace

Result<std::string> Rewritten(const std::string& selector, const Rewriting& rewriting) {
  ASSIGN_OR_RETURN(const Selector parsed, Selector::Parse(selector));
  return Rewriter(parsed.text(), rewriting).Run();
}

Result<Selector> PolicySelector(const model::PolicySpec& spec, const model::GlobalPolicySpec& global,
                                const std::string& ns) {
  // Alone, so that no part can end inside another one's parentheses.
  RETURN_IF_ERROR(Selector::Parse(spec.selector));
  return ns.empty() ? GlobalPolicySelector(spec, global) : NamespacedPolicySelector(spec, ns);
}

Result<EntitySelectors> RuleSelectors(const model::EntityRule& entity, const std::string& ns) {
  RETURN_IF_ERROR(Selector::Parse(entity.selector));
  RETURN_IF_ERROR(Selector::Parse(entity.not_selector));
  ASSIGN_OR_RETURN(const std::string namespaces, NamespaceTerm(entity, ns));
  ASSIGN_OR_RETURN(const std::string accounts, ServiceAccountTerm(entity.service_accounts));
  Conjunction wanted;
  wanted.Add(entity.selector);
  wanted.Add(accounts);
  wanted.Add(namespaces);
  EntitySelectors selectors;
  if (!wanted.empty()) {
    if (!entity.not_selector.empty()) wanted.Add("!(" + entity.not_selector + ")");
    ASSIGN_OR_RETURN(selectors.wanted, Selector::Parse(wanted.text()));
  } else if (!entity.not_selector.empty()) {
    ASSIGN_OR_RETURN(selectors.unwanted, Selector::Parse(entity.not_selector));
  }
  return selectors;
}

}  // namespace calico::policy_eval
