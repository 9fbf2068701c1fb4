// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <set>

#include "net/cidr.h"

namespace calico::net {

// The prefixes of a changing collection that are not inside another one of it: what an nf_tables interval
// set, which refuses overlaps, may hold of it. The cost of a change follows the prefixes inside the changed
// one.
class PrefixCover final {
 public:
  // What happened to the cover: `shown` is in it now, or not any more.
  using OnChange = std::function<void(const Cidr& prefix, bool shown)>;

  // Masked; adding one twice or removing one that is not there changes nothing.
  void Add(const Cidr& prefix, const OnChange& on_change);
  void Remove(const Cidr& prefix, const OnChange& on_change);

  bool empty() const { return all_.empty(); }

 private:
  bool Hidden(const Cidr& prefix) const;
  // Those right below `prefix`: in the cover if nothing were above them.
  void ForEachChild(const Cidr& prefix, const std::function<void(const Cidr&)>& visit) const;

  std::set<Cidr> all_;  // a prefix comes right before what is inside it
};

}  // namespace calico::net
