// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <optional>
#include <string>

namespace calico {

// A copy of the process environment, passed as a parameter so that tests own it.
class Environment final {
 public:
  static Environment OfProcess();
  explicit Environment(std::map<std::string, std::string> variables) : variables_(std::move(variables)) {}

  // Unset and empty are the same to nearly every Calico variable: both give nullopt.
  std::optional<std::string> Get(const std::string& name) const;
  std::string GetOr(const std::string& name, const std::string& fallback) const;
  // Reference bgp-and-node A1: "false", "0", "no", "n", "f" (any case) are false, any other set value is
  // true.
  bool GetBool(const std::string& name, bool fallback) const;
  const std::map<std::string, std::string>& all() const { return variables_; }

 private:
  std::map<std::string, std::string> variables_;
};

}  // namespace calico
