// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "apps/calicoctl/go_template/value.h"
#include "base/result.h"

// A subset of the template language of Go's text/template: docs/reference/calicoctl/go-template.md says
// which.
namespace calico::calicoctl::go_template {

struct Block;  // syntax.h

// What a template may ask its surroundings for.
struct Environment {
  // `config "asnumber"`.
  std::function<Result<std::string>(const std::string& name)> config;
};

// A parsed template. Cheap to copy.
class Template final {
 public:
  // kInvalidArgument: "template: line 1, column 8: …". Nesting is limited.
  static Result<Template> Parse(std::string_view text);

  // The text for `data`. An error names the place in the template.
  Result<std::string> Execute(const Value& data, const Environment& environment) const;

 private:
  std::shared_ptr<const Block> block_;
};

}  // namespace calico::calicoctl::go_template
