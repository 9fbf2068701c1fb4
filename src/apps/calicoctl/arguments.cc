// SPDX-License-Identifier: Apache-2.0
#include "apps/calicoctl/arguments.h"

#include <algorithm>

#include "base/check.h"

namespace calico::calicoctl {

std::string Arguments::Text(const std::string& name) const {
  return Text(name, "");
}

std::string Arguments::Text(const std::string& name, const std::string& fallback) const {
  const std::vector<std::string>& values = All(name);
  return values.empty() ? fallback : values.front();
}

const std::vector<std::string>& Arguments::All(const std::string& name) const {
  static const std::vector<std::string> kNone;
  const auto has_name = [&](const auto& each) { return each.name == name; };
  CHECK(std::any_of(command_->options.begin(), command_->options.end(), has_name) ||
            std::any_of(command_->positionals.begin(), command_->positionals.end(), has_name),
        "the command has no option or positional " + name);
  const auto found = values_.find(name);
  return found == values_.end() ? kNone : found->second;
}

}  // namespace calico::calicoctl
