// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

namespace calico::calicoctl {

using Row = std::vector<std::string>;

// `get`: columns padded with blanks, an empty line at the end (reference calicoctl B.3).
std::string PaddedTable(const Row& headings, const std::vector<Row>& rows);

// `ipam show` and `node status`: boxes (reference calicoctl C.1.1). Cells wider than 30 characters are
// wrapped between words.
std::string BoxTable(const Row& headings, const std::vector<Row>& rows);

}  // namespace calico::calicoctl
