// SPDX-License-Identifier: Apache-2.0
#include "net/prefix_cover.h"

namespace calico::net {

bool PrefixCover::Hidden(const Cidr& prefix) const {
  for (int length = prefix.prefix_length() - 1; length >= 0; --length) {
    if (all_.contains(Cidr(prefix.ip(), length).Masked())) return true;
  }
  return false;
}

void PrefixCover::ForEachChild(const Cidr& prefix, const std::function<void(const Cidr&)>& visit) const {
  for (auto at = all_.upper_bound(prefix); at != all_.end() && prefix.Contains(*at);) {
    const Cidr child = *at;
    visit(child);
    // Past everything inside it.
    at = all_.upper_bound(Cidr(child.Last(), Bits(child.family())));
  }
}

void PrefixCover::Add(const Cidr& prefix, const OnChange& on_change) {
  if (!all_.insert(prefix).second || Hidden(prefix)) return;
  ForEachChild(prefix, [&](const Cidr& child) { on_change(child, false); });
  on_change(prefix, true);
}

void PrefixCover::Remove(const Cidr& prefix, const OnChange& on_change) {
  if (all_.erase(prefix) == 0 || Hidden(prefix)) return;
  on_change(prefix, false);
  ForEachChild(prefix, [&](const Cidr& child) { on_change(child, true); });
}

}  // namespace calico::net
