// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "model/update.h"

namespace calico::calicoctl {

// One column of `get` (reference calicoctl B.3 and D.5).
struct Column {
  std::string heading;
  // `global_as`: the AS number of nodes that have none of their own, as text.
  std::function<std::string(const model::Object&, const std::string& global_as)> cell;
};

// The table of one kind.
struct KindTable {
  std::vector<Column> columns;  // every column there is, for custom-columns
  std::vector<std::string> headings;
  std::vector<std::string> wide;

  const Column* Find(std::string_view heading) const;
};

const KindTable& TableOf(model::Kind kind);    // of v3
const KindTable* V1TableOf(model::Kind kind);  // of v1; nullptr: Calico 2.6 has no such kind

// "1.5", "1e+06": a number as Go's %v writes it.
std::string GoFloat(double value);
std::string JoinedCells(const std::vector<std::string>& parts);

}  // namespace calico::calicoctl
