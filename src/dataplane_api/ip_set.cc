// SPDX-License-Identifier: Apache-2.0
#include "dataplane_api/ip_set.h"

#include <algorithm>
#include <iterator>

namespace calico::dataplane_api {
namespace {

template <typename T>
std::vector<T> Without(const std::vector<T>& from, const std::vector<T>& what) {
  std::vector<T> out;
  std::set_difference(from.begin(), from.end(), what.begin(), what.end(), std::back_inserter(out));
  return out;
}
template <typename T>
std::vector<T> Union(const std::vector<T>& a, const std::vector<T>& b) {
  std::vector<T> out;
  std::set_union(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(out));
  return out;
}
IpSet Without(const IpSet& from, const IpSet& what) {
  return {Without(from.members, what.members), Without(from.ports, what.ports), from.of_ports};
}
IpSet Union(const IpSet& a, const IpSet& b) {
  return {Union(a.members, b.members), Union(a.ports, b.ports), a.of_ports};
}

}  // namespace

IpSet Apply(const IpSet& set, const IpSetDelta& delta) {
  return Union(Without(set, delta.removed), delta.added);
}

// What the second takes back of the first has not happened.
IpSetDelta Combine(const IpSetDelta& first, const IpSetDelta& second) {
  return {Union(Without(first.added, second.removed), Without(second.added, first.removed)),
          Union(Without(first.removed, second.added), Without(second.removed, first.added))};
}

}  // namespace calico::dataplane_api
