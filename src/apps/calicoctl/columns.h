// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/update.h"

namespace calico::calicoctl {

// The columns of `get` (reference calicoctl B.3).
struct Column {
  std::string heading;
  // `global_as`: the AS number of nodes that have none of their own, as text.
  std::function<std::string(const model::Object&, const std::string& global_as)> cell;
};

// Every column that a kind has, for custom-columns.
const std::vector<Column>& ColumnsOf(model::Kind kind);
const Column* FindColumn(model::Kind kind, std::string_view heading);
std::vector<std::string> DefaultHeadings(model::Kind kind);
std::vector<std::string> WideHeadings(model::Kind kind);

}  // namespace calico::calicoctl
