// SPDX-License-Identifier: Apache-2.0
#include "ipam/allocator.h"

#include <algorithm>
#include <set>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "base/text.h"
#include "datastore/resources.h"
#include "ipam/block_order.h"
#include "ipam/retry.h"

namespace calico::ipam {
namespace {

constexpr int kDefaultMaxBlocksPerHost = 20;  // per family, reference ipam 5.2

std::string NamesOf(const std::vector<Pool>& pools) {
  std::vector<std::string> names;
  for (const Pool& pool : pools) names.push_back(pool.cidr.ToString());
  return Join(names, ", ");
}

bool AnyContains(const std::vector<Pool>& pools, const net::Cidr& block) {
  return std::any_of(pools.begin(), pools.end(), [&](const Pool& pool) { return pool.cidr.Contains(block); });
}

}  // namespace

struct Allocator::Search {
  Request request;
  std::vector<Pool> all_pools;
  std::vector<Pool> pools;          // chosen, in order of preference
  std::vector<StoredAffinity> own;  // of this host, inside the chosen pools
  model::IpamConfig config;
  model::Labels node_labels;
  int owned = 0;
  std::vector<net::Ip> ips;
  std::vector<std::string> reasons;
  bool may_borrow = true;

  int missing() const { return request.count - static_cast<int>(ips.size()); }
};

Allocator::Allocator(datastore::Client& client, const Clock& clock, std::string host)
    : client_(client), clock_(clock), host_(std::move(host)), store_(client, clock) {}

Result<std::vector<Pool>> Allocator::ReadPools() {
  ASSIGN_OR_RETURN(const datastore::ObjectList list,
                   datastore::Resources(client_, clock_).List(model::Kind::kIPPool));
  std::vector<model::IPPool> resources;
  for (const datastore::Stored& stored : list.items)
    resources.push_back(std::get<model::IPPool>(stored.object));
  return ParsePools(resources);
}

// The Node's labels, when a pool asks for them. A missing Node has none: `all()` must still match, because
// `calicoctl` may delete a Node while its host goes on attaching containers.
Result<model::Labels> Allocator::NodeLabelsFor(const std::vector<Pool>& pools) {
  if (std::none_of(pools.begin(), pools.end(), NeedsNodeLabels)) return model::Labels{};
  auto node = datastore::Resources(client_, clock_).Get(model::Key::Resource(model::Kind::kNode, host_));
  if (node.has_value()) return std::get<model::Node>(node->object).metadata.labels;
  if (node.error().code() == ErrorCode::kNotFound) return model::Labels{};
  return std::move(node).error();
}

Result<std::vector<model::IPPool>> Allocator::UsablePools(net::Family family,
                                                          const std::string& intended_use) {
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, ReadPools());
  ASSIGN_OR_RETURN(model::Labels labels, NodeLabelsFor(pools));
  auto chosen = ChoosePools(pools, {.family = family,
                                    .requested = {},
                                    .intended_use = intended_use,
                                    .host = host_,
                                    .node_labels = std::move(labels)});
  std::vector<model::IPPool> resources;
  if (!chosen.has_value()) {
    if (chosen.error().code() == ErrorCode::kNotFound) return resources;
    return std::move(chosen).error();
  }
  for (Pool& pool : *chosen) resources.push_back(std::move(pool.resource));
  return resources;
}

Result<Allocator::Search> Allocator::StartSearch(const Request& request) {
  Search search;
  search.request = request;
  ASSIGN_OR_RETURN(search.all_pools, ReadPools());
  ASSIGN_OR_RETURN(search.node_labels, NodeLabelsFor(search.all_pools));
  ASSIGN_OR_RETURN(search.pools, ChoosePools(search.all_pools, {.family = request.family,
                                                                .requested = request.pools,
                                                                .intended_use = request.intended_use,
                                                                .host = host_,
                                                                .node_labels = search.node_labels}));
  ASSIGN_OR_RETURN(search.config, store_.ReadConfig());
  ASSIGN_OR_RETURN(const std::vector<StoredAffinity> affinities,
                   store_.ListAffinities(host_, request.family));
  for (const StoredAffinity& affinity : affinities) {
    if (AnyContains(search.pools, affinity.cidr)) {
      search.own.push_back(affinity);
    } else {
      ReleaseUnselected(search, affinity);
    }
  }
  search.owned = static_cast<int>(search.own.size());
  return search;
}

// A block of a pool that selects this node no more is given back once it is empty (reference ipam 5.2, step
// 2).
void Allocator::ReleaseUnselected(const Search& search, const StoredAffinity& affinity) {
  const Pool* pool = PoolOf(search.all_pools, affinity.cidr.ip());
  if (pool == nullptr || !pool->enabled || SelectsNode(*pool, search.node_labels)) return;
  const auto released = store_.ReleaseAffinity(host_, affinity.cidr, {});
  if (!released.has_value()) {
    LogWarning("ipam", "block {} stays with {}: {}", affinity.cidr.ToString(), host_,
               released.error().message());
  }
}

Status Allocator::TakeFrom(Search& search, StoredBlock block, const std::string& required_owner) {
  ASSIGN_OR_RETURN(const std::vector<net::Ip> ips,
                   store_.AutoAssign(std::move(block), {.count = search.missing(),
                                                        .owner = search.request.owner,
                                                        .required_owner = required_owner}));
  search.ips.insert(search.ips.end(), ips.begin(), ips.end());
  return Ok();
}

Status Allocator::FillFromOwnBlocks(Search& search) {
  for (const StoredAffinity& affinity : search.own) {
    if (search.missing() <= 0) break;
    std::optional<StoredBlock> block;
    if (affinity.state == model::AffinityState::kConfirmed) {
      auto read = store_.ReadBlock(affinity.cidr);
      if (read.has_value() && OwnerOf(read->block) == host_) block = std::move(*read);
    }
    if (!block.has_value()) {  // half-made, gone or foreign: the claim finds out and finishes or removes it
      auto claimed = store_.Claim(host_, affinity.cidr);
      if (!claimed.has_value()) {
        if (claimed.error().code() == ErrorCode::kUnavailable) return std::move(claimed).error();
        LogWarning("ipam", "{}", claimed.error().message());
        continue;
      }
      block = std::move(*claimed);
    }
    if (!block.has_value()) {
      --search.owned;
      continue;
    }
    RETURN_IF_ERROR(TakeFrom(search, std::move(*block), host_));
  }
  return Ok();
}

Status Allocator::FillFromNewBlocks(Search& search) {
  const int limit =
      search.config.max_blocks_per_host > 0 ? search.config.max_blocks_per_host : kDefaultMaxBlocksPerHost;
  for (int round = 0; search.missing() > 0 && round < kMaxAttempts; ++round) {
    if (search.owned >= limit) {
      search.may_borrow = false;  // upstream borrows nothing after this, reference ipam 5.2
      search.reasons.push_back(fmt::format(
          "Need to allocate an IPAM block but could not - limit of {} blocks reached for this node", limit));
      return Ok();
    }
    if (!search.config.auto_allocate_blocks) {
      search.reasons.push_back("failed to find or claim a block");
      return Ok();
    }
    ASSIGN_OR_RETURN(std::optional<StoredBlock> block, ClaimUsableBlock(search.pools));
    if (!block.has_value()) return Ok();
    ++search.owned;
    RETURN_IF_ERROR(TakeFrom(search, std::move(*block), host_));
  }
  return Ok();
}

Status Allocator::FillFromForeignBlocks(Search& search) {
  if (search.missing() <= 0 || !search.may_borrow) return Ok();
  if (search.config.strict_affinity) {
    search.reasons.push_back("No more free affine blocks and strict affinity enabled");
    return Ok();
  }
  ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(search.request.family));
  for (const Pool& pool : search.pools) {
    const BlockOrder order(pool.cidr, pool.block_size, HostSeed(host_));
    std::map<std::uint64_t, StoredBlock> in_order;
    for (const auto& [cidr, block] : blocks) {
      if (!block.has_value() || !pool.cidr.Contains(cidr) || FreeCount(block->block) == 0) continue;
      if (cidr.prefix_length() == pool.block_size) in_order.emplace(order.DistanceOf(cidr), *block);
    }
    for (auto& [distance, block] : in_order) {
      if (search.missing() <= 0) return Ok();
      RETURN_IF_ERROR(TakeFrom(search, block, {}));
    }
  }
  return Ok();
}

Result<Allocator::Assigned> Allocator::AutoAssign(const Request& request) {
  ASSIGN_OR_RETURN(Search search, StartSearch(request));
  Status filled = FillFromOwnBlocks(search);
  if (filled.has_value()) filled = FillFromNewBlocks(search);
  if (filled.has_value()) filled = FillFromForeignBlocks(search);
  if (!filled.has_value()) {
    // All or an error: what was taken before goes back. With the store away that fails too, and the handle
    // leads a later release to it.
    if (!search.ips.empty()) {
      const auto released = ReleaseIps(search.ips);
      if (!released.has_value()) LogWarning("ipam", "addresses leaked: {}", released.error().message());
    }
    return std::move(filled).error();
  }
  Assigned assigned{std::move(search.ips), {}};
  if (static_cast<int>(assigned.ips.size()) < request.count) {
    search.reasons.insert(search.reasons.begin(), "no address left in pools: " + NamesOf(search.pools));
    assigned.reason = Join(search.reasons, "; ");
  }
  return assigned;
}

Status Allocator::AssignIp(const net::Ip& ip, const Owner& owner) {
  ASSIGN_OR_RETURN(std::vector<Pool> pools, ReadPools());
  pools.erase(std::remove_if(pools.begin(), pools.end(), [](const Pool& pool) { return !pool.enabled; }),
              pools.end());
  const Pool* pool = PoolOf(pools, ip);
  if (pool == nullptr) {
    // Upstream's text ends with a newline; kept because scripts match it (reference ipam 6).
    return Error(ErrorCode::kInvalidArgument, "The provided IP address is not in a configured pool\n");
  }
  ASSIGN_OR_RETURN(const model::IpamConfig config, store_.ReadConfig());
  const net::Cidr cidr = BlockOf(ip, pool->block_size);
  return RetryConflicts([&]() -> Status {
    auto block = store_.ReadBlock(cidr);
    if (!block.has_value()) {
      if (block.error().code() != ErrorCode::kNotFound) return std::move(block).error();
      ASSIGN_OR_RETURN(const std::optional<StoredBlock> claimed, store_.Claim(host_, cidr));
      if (!claimed.has_value()) return Error(ErrorCode::kConflict, "another host claimed the block first");
    }
    return store_.AssignIp(
        cidr, ip, {.count = 1, .owner = owner, .required_owner = config.strict_affinity ? host_ : ""});
  });
}

Result<std::optional<StoredBlock>> Allocator::LocateBlock(const std::vector<Pool>& pools, const net::Ip& ip) {
  if (const Pool* pool = PoolOf(pools, ip); pool != nullptr) {
    auto block = store_.ReadBlock(BlockOf(ip, pool->block_size));
    if (block.has_value()) return std::optional<StoredBlock>(std::move(*block));
    if (block.error().code() != ErrorCode::kNotFound) return std::move(block).error();
  }
  // The pool was deleted, or made again with another block size: look at every block.
  ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(ip.family()));
  for (const auto& [cidr, block] : blocks) {
    if (block.has_value() && cidr.Contains(ip)) return block;
  }
  return std::optional<StoredBlock>();
}

Result<std::vector<net::Ip>> Allocator::ReleaseIps(const std::vector<net::Ip>& ips) {
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, ReadPools());
  std::map<net::Cidr, std::vector<net::Ip>> by_block;
  for (const net::Ip& ip : ips) {
    ASSIGN_OR_RETURN(const std::optional<StoredBlock> block, LocateBlock(pools, ip));
    if (block.has_value()) by_block[block->block.cidr].push_back(ip);
  }
  std::vector<net::Ip> released;
  for (const auto& [cidr, addresses] : by_block) {
    ASSIGN_OR_RETURN(const Released freed, store_.Release(cidr, addresses));
    for (const auto& [ip, handle] : freed.addresses) released.push_back(ip);
  }
  return released;
}

Allocator::ConditionalRelease Allocator::ReleaseMatching(const std::vector<ReleaseCondition>& conditions) {
  ConditionalRelease outcome;
  const auto fail = [&](const Error& error) {
    if (!outcome.error.has_value()) outcome.error = error;
  };
  const auto pools = ReadPools();
  if (!pools.has_value()) {
    fail(pools.error());
    return outcome;
  }
  std::map<net::Cidr, std::vector<ReleaseCondition>> by_block;
  for (const ReleaseCondition& condition : conditions) {
    const auto block = LocateBlock(*pools, condition.ip);
    if (!block.has_value()) {
      fail(block.error());
    } else if (block->has_value()) {
      by_block[(*block)->block.cidr].push_back(condition);
    } else {
      outcome.not_allocated.push_back(condition.ip);
    }
  }
  for (const auto& [cidr, wanted] : by_block) {
    const auto freed = store_.ReleaseMatching(cidr, wanted);
    if (!freed.has_value()) {
      fail(freed.error());
      continue;
    }
    std::set<net::Ip> gone;
    for (const auto& [ip, handle] : freed->addresses) gone.insert(ip);
    outcome.released.insert(outcome.released.end(), gone.begin(), gone.end());
    for (const ReleaseCondition& condition : wanted) {
      if (gone.count(condition.ip) == 0) outcome.not_allocated.push_back(condition.ip);
    }
  }
  return outcome;
}

Status Allocator::ReleaseByHandle(const std::string& handle_id) {
  return store_.ReleaseByHandle(handle_id);
}

Status Allocator::SetOwner(const net::Ip& ip, const Owner& owner) {
  ASSIGN_OR_RETURN(const std::vector<Pool> pools, ReadPools());
  ASSIGN_OR_RETURN(const std::optional<StoredBlock> block, LocateBlock(pools, ip));
  if (!block.has_value()) {
    return Error(ErrorCode::kNotFound, fmt::format("address {} is not assigned", ip.ToString()));
  }
  return store_.SetOwner(block->block.cidr, ip, owner);
}

}  // namespace calico::ipam
