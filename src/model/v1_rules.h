// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/rule.h"
#include "model/v1.h"
#include "model/v1_names.h"

// Rules between the v1 and the v3 API (reference datastore-model D.2). v3 has no tags: a tag is a label with
// an empty value, so that tag "web" becomes the selector `web == ''`.
namespace calico::model {

// `(role == 'db') && web == ''`; either part may be empty.
std::string SelectorWithTag(const std::string& selector, const std::string& tag);

struct SelectorAndTag {
  std::string selector;
  std::string tag;  // empty: the selector ends with no tag
  bool operator==(const SelectorAndTag&) const = default;
};
SelectorAndTag SplitTag(const std::string& selector);

// Every "calico/k8s_ns" becomes "projectcalico.org/namespace", and back.
std::string V3LabelNames(std::string selector);
std::string V1LabelNames(std::string selector);

// "10.9.1.7/16" -> "10.9.0.0/16", "10.8.0.1" -> "10.8.0.1/32"; what is no network stays as it is.
std::string MaskedNet(const std::string& text);

// kInvalidArgument if the action is none. With kVerbatim labels keep their names and source networks their
// host bits, as Calico 2.6 stores them.
Result<Rule> V1RuleToV3(const v1::Rule& rule, V1Names names);
// Of a rule that the v1 API can express (v1_convert.h).
v1::Rule V3RuleToV1(const Rule& rule);

}  // namespace calico::model
