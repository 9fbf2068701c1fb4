// SPDX-License-Identifier: Apache-2.0
#include "ipam/pool_choice.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"

namespace calico::ipam {
namespace {

bool MatchesSelector(const std::string& selector, const model::Labels& labels) {
  const auto parsed = model::Selector::Parse(selector);
  return parsed.has_value() && parsed->Matches(labels);
}

// Absent means workloads and tunnels (reference ipam 3.1).
bool Allows(const model::IPPool& pool, const std::string& use) {
  if (pool.allowed_uses.empty()) return use == "Workload" || use == "Tunnel";
  return std::find(pool.allowed_uses.begin(), pool.allowed_uses.end(), use) != pool.allowed_uses.end();
}

bool IsAutomatic(const model::IPPool& pool) {
  return pool.assignment_mode.empty() || pool.assignment_mode == "Automatic";
}

Result<std::vector<Pool>> Requested(const std::vector<Pool>& pools, const PoolRequest& request) {
  std::vector<Pool> chosen;
  for (const net::Cidr& cidr : request.requested) {
    const auto found = std::find_if(pools.begin(), pools.end(), [&](const Pool& pool) {
      return pool.enabled && pool.cidr == cidr && cidr.family() == request.family;
    });
    if (found == pools.end()) {
      return Error(ErrorCode::kInvalidArgument,
                   fmt::format("the given pool ({}) does not exist, or is not enabled", cidr.ToString()));
    }
    chosen.push_back(*found);
  }
  return chosen;
}

}  // namespace

std::vector<Pool> ParsePools(const std::vector<model::IPPool>& resources) {
  std::vector<Pool> pools;
  for (const model::IPPool& resource : resources) {
    const std::optional<net::Cidr> cidr = net::Cidr::ParsePrefix(resource.cidr);
    if (!cidr.has_value()) {
      LogWarning("ipam", "ignoring IP pool {}: CIDR '{}' does not parse", resource.metadata.name,
                 resource.cidr);
      continue;
    }
    const bool v4 = cidr->family() == net::Family::kV4;
    const int block_size =
        resource.block_size != 0 ? resource.block_size : (v4 ? kDefaultBlockSizeV4 : kDefaultBlockSizeV6);
    // Block sizes outside these do not pass validation; a stored one would overflow a block (reference
    // ipam 3.1).
    if (block_size < (v4 ? 20 : 116) || block_size > net::Bits(cidr->family())) {
      LogWarning("ipam", "ignoring IP pool {}: block size {} is out of range", resource.metadata.name,
                 block_size);
      continue;
    }
    pools.push_back({cidr->Masked(), block_size, !resource.disabled, resource});
  }
  std::sort(pools.begin(), pools.end(),
            [](const Pool& a, const Pool& b) { return a.resource.metadata.name < b.resource.metadata.name; });
  return pools;
}

const Pool* PoolOf(const std::vector<Pool>& pools, const net::Ip& ip) {
  for (const Pool& pool : pools) {
    if (pool.cidr.family() == ip.family() && pool.cidr.Contains(ip)) return &pool;
  }
  return nullptr;
}

bool NeedsNodeLabels(const Pool& pool) {
  const std::string_view text = Trim(pool.resource.node_selector);
  return !text.empty() && text != "all()";
}

bool SelectsNode(const Pool& pool, const model::Labels& node_labels) {
  return !NeedsNodeLabels(pool) || MatchesSelector(pool.resource.node_selector, node_labels);
}

Result<std::vector<Pool>> ChoosePools(const std::vector<Pool>& pools, const PoolRequest& request) {
  std::vector<Pool> chosen;
  if (!request.requested.empty()) {
    ASSIGN_OR_RETURN(chosen, Requested(pools, request));
  } else {
    for (const Pool& pool : pools) {
      if (!pool.enabled || pool.cidr.family() != request.family || !IsAutomatic(pool.resource)) continue;
      if (!SelectsNode(pool, request.node_labels)) continue;
      // Our callers have no namespace: its selector sees no labels.
      const std::string& ns = pool.resource.namespace_selector;
      if (!ns.empty() && !MatchesSelector(ns, {})) continue;
      chosen.push_back(pool);
    }
    if (chosen.empty()) {
      return Error(ErrorCode::kNotFound, fmt::format("no configured Calico pools for node {}", request.host));
    }
  }
  std::vector<Pool> usable;
  for (const Pool& pool : chosen) {
    if (Allows(pool.resource, request.intended_use)) usable.push_back(pool);
  }
  if (usable.empty()) {
    return Error(ErrorCode::kNotFound, fmt::format("no configured Calico pools for node {} allow the use {}",
                                                   request.host, request.intended_use));
  }
  return usable;
}

}  // namespace calico::ipam
