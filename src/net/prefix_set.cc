// SPDX-License-Identifier: Apache-2.0
#include "net/prefix_set.h"

#include <algorithm>

namespace calico::net {

std::vector<Cidr> MinimalCover(std::vector<Cidr> prefixes) {
  for (Cidr& prefix : prefixes) prefix = prefix.Masked();
  // A prefix sorts before everything inside it, so each one is kept unless the last kept one contains it.
  std::sort(prefixes.begin(), prefixes.end());
  std::vector<Cidr> cover;
  for (const Cidr& prefix : prefixes) {
    if (cover.empty() || !cover.back().Contains(prefix)) cover.push_back(prefix);
  }
  return cover;
}

}  // namespace calico::net
