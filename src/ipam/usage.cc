// SPDX-License-Identifier: Apache-2.0
#include <cmath>

#include "datastore/resources.h"
#include "ipam/allocator.h"

namespace calico::ipam {
namespace {

Result<std::vector<Pool>> ReadAllPools(datastore::Client& client, const Clock& clock) {
  ASSIGN_OR_RETURN(const datastore::ObjectList list,
                   datastore::Resources(client, clock).List(model::Kind::kIPPool));
  std::vector<model::IPPool> resources;
  for (const datastore::Stored& stored : list.items)
    resources.push_back(std::get<model::IPPool>(stored.object));
  return ParsePools(resources);
}

PoolUsage::BlockUsage UsageOf(const model::IpamBlock& block) {
  const double total = BlockSize(block.cidr);
  return {block.cidr, total, total - FreeCount(block), OwnerOf(block)};
}

}  // namespace

Result<Usage> ReadUsage(datastore::Client& client, const Clock& clock) {
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, ReadAllPools(client, clock));
  Usage usage;
  for (const Pool& pool : pools) {
    PoolUsage entry;
    entry.cidr = pool.cidr;
    entry.total = std::ldexp(1.0, net::Bits(pool.cidr.family()) - pool.cidr.prefix_length());
    usage.pools.push_back(std::move(entry));
  }
  BlockStore store(client, clock);
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const BlockMap blocks, store.ListBlocks(family));
    for (const auto& [cidr, block] : blocks) {
      if (!block.has_value()) continue;
      const PoolUsage::BlockUsage block_usage = UsageOf(block->block);
      bool placed = false;
      for (PoolUsage& pool : usage.pools) {
        if (pool.cidr.family() != family || !pool.cidr.Contains(cidr)) continue;
        pool.in_use += block_usage.in_use;
        pool.blocks.push_back(block_usage);
        placed = true;
        break;
      }
      if (!placed) usage.orphaned.push_back(block_usage);
    }
  }
  return usage;
}

Result<std::optional<model::AllocationAttribute>> ReadAllocation(datastore::Client& client,
                                                                 const Clock& clock, const net::Ip& ip) {
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, ReadAllPools(client, clock));
  BlockStore store(client, clock);
  if (const Pool* pool = PoolOf(pools, ip); pool != nullptr) {
    auto block = store.ReadBlock(BlockOf(ip, pool->block_size));
    if (block.has_value()) return AttributeOf(block->block, ip);
    if (block.error().code() != ErrorCode::kNotFound) return std::move(block).error();
  }
  ASSIGN_OR_RETURN(const BlockMap blocks, store.ListBlocks(ip.family()));
  for (const auto& [cidr, block] : blocks) {
    if (block.has_value() && cidr.Contains(ip)) return AttributeOf(block->block, ip);
  }
  return std::optional<model::AllocationAttribute>();
}

}  // namespace calico::ipam
