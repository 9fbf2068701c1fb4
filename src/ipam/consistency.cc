// SPDX-License-Identifier: Apache-2.0
#include "ipam/consistency.h"

#include <algorithm>
#include <set>

#include "base/text.h"

namespace calico::ipam {
namespace {

// Windows hosts keep the first and last addresses of their blocks for themselves.
constexpr char kWindowsOwner[] = "Reserved for Windows";

bool IsInEnabledPool(const std::vector<Pool>& pools, const net::Ip& ip) {
  return std::any_of(pools.begin(), pools.end(), [&](const Pool& pool) {
    return pool.enabled && pool.cidr.family() == ip.family() && pool.cidr.Contains(ip);
  });
}

void CompareHandles(const ConsistencyInput& input, Consistency& result) {
  std::set<std::string> used, stored;
  for (const Allocation& allocation : input.allocations) {
    const std::string handle = HandleOf(allocation.attribute);
    if (!handle.empty()) used.insert(handle);
  }
  for (const StoredHandle& handle : input.handles) {
    stored.insert(handle.id);
    if (used.count(handle.id) == 0) result.unused_handles.push_back(handle);
  }
  std::set_difference(used.begin(), used.end(), stored.begin(), stored.end(),
                      std::back_inserter(result.missing_handles));
}

}  // namespace

std::string Allocation::Attribute(const std::string& name) const {
  const auto found = attribute.secondary.find(name);
  return found == attribute.secondary.end() ? "" : found->second;
}

bool Allocation::IsBorrowed() const {
  const std::string node = Attribute("node");
  return !node.empty() && node != block_owner;
}

std::vector<Allocation> AllocationsOf(const model::IpamBlock& block) {
  std::vector<Allocation> allocations;
  for (std::size_t i = 0; i < block.allocations.size(); ++i) {
    const std::optional<int>& slot = block.allocations[i];
    if (!slot.has_value()) continue;
    const net::Ip ip = AddressAt(block, static_cast<int>(i));
    allocations.push_back({ip, block.cidr, OwnerOf(block),
                           block.attributes.at(static_cast<std::size_t>(*slot)),
                           SequenceNumberOf(block, ip)});
  }
  return allocations;
}

Consistency Compare(const ConsistencyInput& input) {
  Consistency result;
  for (const AddressUse& use : input.uses) result.owners[use.ip].push_back(use.owner);
  std::map<net::Ip, const Allocation*> allocated;
  for (const Allocation& allocation : input.allocations) {
    allocated[allocation.ip] = &allocation;
    if (EqualsIgnoreCase(HandleOf(allocation.attribute), kWindowsReservedHandle)) {
      result.owners[allocation.ip].push_back(kWindowsOwner);
    }
  }
  for (const auto& [ip, allocation] : allocated) {
    if (result.owners.count(ip) == 0) result.leaked.push_back(*allocation);
  }
  for (const auto& [ip, owners] : result.owners) {
    if (!IsInEnabledPool(input.pools, ip)) {
      result.outside_pools.push_back(ip);
    } else if (allocated.count(ip) == 0) {
      result.not_allocated.push_back(ip);
    }
  }
  CompareHandles(input, result);
  return result;
}

std::vector<std::pair<std::string, int>> AllocationsPerNode(const std::vector<Allocation>& allocations) {
  std::map<std::string, int> counts;
  for (const Allocation& allocation : allocations) {
    const std::string node = allocation.Attribute("node");
    if (!node.empty()) ++counts[node];
  }
  std::vector<std::pair<std::string, int>> nodes(counts.begin(), counts.end());
  std::stable_sort(nodes.begin(), nodes.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  return nodes;
}

}  // namespace calico::ipam
