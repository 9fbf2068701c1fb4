// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only: the words of Kubernetes' schema checks (reference datastore-model C.7).

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "model/validate/problems.h"

namespace calico::model::validate {

// Failures of the schema have a path and no value.
class Schema {
 public:
  explicit Schema(Problems& problems) : problems_(problems) {}

  void Add(std::string_view path, std::string_view reason) { problems_.Add(path, "", reason); }
  void Rule(bool broken, std::string_view path, std::string_view message) {
    if (broken) Add(path, message);
  }
  void Required(std::string_view path, std::string_view value) {
    Rule(value.empty(), path, "Required value");
  }
  void Set(std::string_view path, const std::vector<std::string>& list);  // no entry twice
  void AtMost(std::string_view path, std::size_t items, std::size_t most);
  void Longest(std::string_view path, std::string_view text, std::size_t longest);
  void Enum(std::string_view path, std::string_view value, std::initializer_list<std::string_view> allowed);
  template <typename Number>
  void Between(std::string_view path, Number value, Number low, Number high) {
    if (value < low) Add(path, fmt::format("{} in body should be greater than or equal to {}", path, low));
    if (value > high) Add(path, fmt::format("{} in body should be less than or equal to {}", path, high));
  }
  void Pattern(bool matches, std::string_view path, std::string_view pattern) {
    if (!matches) Add(path, fmt::format("{} in body should match '{}'", path, pattern));
  }

 private:
  Problems& problems_;
};

}  // namespace calico::model::validate
