// SPDX-License-Identifier: Apache-2.0
#pragma once

// Inside model/validate only.

#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "model/v1.h"
#include "model/validate/problems.h"

namespace calico::model::validate {

// Problems of one document of the v1 API, and where the first one is.
class V1Problems {
 public:
  void Add(const std::string& pointer, const std::string& field, const std::string& value,
           const std::string& reason) {
    if (pointer_.empty()) pointer_ = pointer;
    problems_.Add(field, value, reason);
  }
  Status Summary() const { return problems_.Summary(); }
  const std::string& pointer() const { return pointer_; }

 private:
  Problems problems_;
  std::string pointer_;
};

// Forms that several kinds share (reference datastore-model C.10). An empty value passes.
void CheckV1Name(const std::string& at, const std::string& field, const std::string& value,
                 V1Problems& problems);
void CheckV1NamespacedName(const std::string& at, const std::string& field, const std::string& value,
                           V1Problems& problems);
void CheckV1Labels(const std::map<std::string, std::string>& labels, V1Problems& problems);
void CheckV1Selector(const std::string& at, const std::string& field, const std::string& value,
                     V1Problems& problems);

// `at`: the pointer of the rule.
void CheckV1Rule(const v1::Rule& rule, const std::string& at, V1Problems& problems);

}  // namespace calico::model::validate
