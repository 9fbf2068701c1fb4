// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "apps/calicoctl/command_spec.h"

namespace calico::calicoctl {

// The values of one command line, checked against the command's specification. Names are those of the
// specification; asking for one that it lacks is a mistake of this program.
class Arguments final {
 public:
  explicit Arguments(const Command& command) : command_(&command) {}

  bool Has(const std::string& name) const { return !All(name).empty(); }
  // The value of an option or positional; "" if it was not given.
  std::string Text(const std::string& name) const;
  std::string Text(const std::string& name, const std::string& fallback) const;
  // Every value of a repeatable option or a repeated positional, in order.
  const std::vector<std::string>& All(const std::string& name) const;

  void Add(const std::string& name, std::string value) { values_[name].push_back(std::move(value)); }
  const Command& command() const { return *command_; }

 private:
  const Command* command_;
  std::map<std::string, std::vector<std::string>> values_;
};

}  // namespace calico::calicoctl
