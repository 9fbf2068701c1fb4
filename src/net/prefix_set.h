// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "net/cidr.h"

namespace calico::net {

// The same addresses without duplicates and without prefixes inside others, sorted: nf_tables interval sets
// refuse members that overlap.
std::vector<Cidr> MinimalCover(std::vector<Cidr> prefixes);

}  // namespace calico::net
