// SPDX-License-Identifier: Apache-2.0
// Allocator: finding a block that can be claimed (reference ipam 5.3, 5.4), and repair of half-done claims.
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "ipam/allocator.h"
#include "ipam/block_order.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam {
namespace {

constexpr auto kReclaimAge = std::chrono::minutes(1);

// True if a block of another size lies in or around `candidate` (a pool made again with another block size).
bool OverlapsOther(const BlockMap& blocks, const net::Cidr& candidate) {
  const auto above = blocks.lower_bound(net::Cidr(candidate.ip(), 0));
  if (above != blocks.end() && above->first.family() == candidate.family() &&
      candidate.Contains(above->first.ip())) {
    return true;
  }
  return above != blocks.begin() && std::prev(above)->first.Overlaps(candidate);
}

struct Candidates {
  std::optional<net::Cidr> unclaimed;  // does not exist, or is this host's own with a free address
  std::vector<StoredBlock> empty;      // owned by others, in walking order
};

Candidates FindCandidates(const BlockMap& blocks, const std::vector<Pool>& pools, const std::string& host,
                          std::uint64_t time_seed) {
  Candidates found;
  for (const Pool& pool : pools) {
    // Blocks of one address: every host would keep colliding at its start, so upstream seeds with the time.
    const bool single = pool.block_size == net::Bits(pool.cidr.family());
    BlockOrder order(pool.cidr, pool.block_size,
                     single ? static_cast<std::uint32_t>(time_seed) : HostSeed(host));
    while (const std::optional<net::Cidr> cidr = order.Next()) {
      const auto existing = blocks.find(*cidr);
      if (existing == blocks.end()) {
        if (OverlapsOther(blocks, *cidr)) continue;
        found.unclaimed = cidr;
        return found;
      }
      if (!existing->second.has_value()) continue;
      const model::IpamBlock& block = existing->second->block;
      if (FreeCount(block) == 0) continue;
      const std::string owner = OwnerOf(block);
      if (owner == host) {
        found.unclaimed = cidr;
        return found;
      }
      if (!owner.empty() && IsEmpty(block)) found.empty.push_back(*existing->second);
    }
  }
  return found;
}

}  // namespace

// nullopt: no block is left in any of the pools.
Result<std::optional<StoredBlock>> Allocator::ClaimUsableBlock(const std::vector<Pool>& pools) {
  if (pools.empty()) return std::optional<StoredBlock>();
  for (int round = 0; round < kMaxAttempts; ++round) {
    ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(pools.front().cidr.family()));
    const auto seed = static_cast<std::uint64_t>(UnixNanos(clock_.WallNow()));
    const Candidates found = FindCandidates(blocks, pools, host_, seed);
    std::optional<StoredBlock> block;
    if (found.unclaimed.has_value()) {
      ASSIGN_OR_RETURN(block, store_.Claim(host_, *found.unclaimed));
    } else {
      ASSIGN_OR_RETURN(block, ReclaimEmptyBlock(found.empty));
      if (!block.has_value()) return block;
    }
    if (block.has_value()) return block;
    // Another host was faster; it is in the next listing.
  }
  return Error(ErrorCode::kUnavailable, "Max retries hit - excessive concurrent IPAM requests");
}

// Takes an empty block from a host that has had it for a while. Keeps small pools from stranding.
Result<std::optional<StoredBlock>> Allocator::ReclaimEmptyBlock(const std::vector<StoredBlock>& candidates) {
  // Times are stored as RFC 3339 in UTC with whole seconds: they order as text. Absent = claimed long ago.
  const std::string newest = FormatRfc3339(clock_.WallNow() - kReclaimAge);
  for (const StoredBlock& candidate : candidates) {
    if (candidate.block.affinity_claim_time > newest) continue;
    const std::string owner = OwnerOf(candidate.block);
    ASSIGN_OR_RETURN(
        const bool released,
        store_.ReleaseAffinity(owner, candidate.block.cidr,
                               {.require_empty = true, .sequence_number = candidate.block.sequence_number}));
    if (!released) continue;
    LogInfo("ipam", "took the empty block {} over from {}", candidate.block.cidr.ToString(), owner);
    ASSIGN_OR_RETURN(std::optional<StoredBlock> block, store_.Claim(host_, candidate.block.cidr));
    if (block.has_value()) return block;
  }
  return std::optional<StoredBlock>();
}

Result<net::Cidr> Allocator::EnsureBlock(const model::IPPool& resource) {
  const std::vector<Pool> pools = ParsePools({resource});
  if (pools.empty()) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("IP pool {} is unusable", resource.metadata.name));
  }
  const Pool& pool = pools.front();
  ASSIGN_OR_RETURN(const std::vector<StoredAffinity> affinities,
                   store_.ListAffinities(host_, pool.cidr.family()));
  for (const StoredAffinity& affinity : affinities) {
    if (!pool.cidr.Contains(affinity.cidr)) continue;
    ASSIGN_OR_RETURN(const std::optional<StoredBlock> block, store_.Claim(host_, affinity.cidr));
    if (block.has_value()) return affinity.cidr;
  }
  ASSIGN_OR_RETURN(const std::optional<StoredBlock> block, ClaimUsableBlock(pools));
  if (block.has_value()) return block->block.cidr;
  return Error(ErrorCode::kNotFound, fmt::format("IP pool {} has no free block", pool.cidr.ToString()));
}

Status Allocator::RepairAffinities() {
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const std::vector<StoredAffinity> affinities, store_.ListAffinities(host_, family));
    for (const StoredAffinity& affinity : affinities) RETURN_IF_ERROR(RepairAffinity(affinity));
    RETURN_IF_ERROR(AdoptUnannouncedBlocks(family));
  }
  return Ok();
}

Status Allocator::RepairAffinity(const StoredAffinity& affinity) {
  auto block = store_.ReadBlock(affinity.cidr);
  if (!block.has_value() && block.error().code() != ErrorCode::kNotFound) return std::move(block).error();
  if (block.has_value() && OwnerOf(block->block) == host_) {
    if (affinity.state == model::AffinityState::kConfirmed) return Ok();
    LogInfo("ipam", "finishing the claim of block {}", affinity.cidr.ToString());
    ASSIGN_OR_RETURN(const std::optional<StoredBlock> claimed, store_.Claim(host_, affinity.cidr));
    static_cast<void>(claimed);
    return Ok();
  }
  // Pending without a block may be a claim that another process of this host is making right now: it notices
  // that its key went and starts again.
  LogInfo("ipam", "removing the affinity for block {}: {}", affinity.cidr.ToString(),
          block.has_value() ? "another host owns it" : "it does not exist");
  return store_.RemoveAffinity(host_, affinity);
}

// Own blocks without an affinity key would never be announced.
Status Allocator::AdoptUnannouncedBlocks(net::Family family) {
  ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(family));
  ASSIGN_OR_RETURN(const std::vector<StoredAffinity> affinities, store_.ListAffinities(host_, family));
  std::map<net::Cidr, bool> announced;
  for (const StoredAffinity& affinity : affinities) announced[affinity.cidr] = true;
  for (const auto& [cidr, block] : blocks) {
    if (!block.has_value() || OwnerOf(block->block) != host_ || announced.count(cidr) != 0) continue;
    auto now = store_.ReadBlock(cidr);  // it may have been released since the listing
    if (!now.has_value() || OwnerOf(now->block) != host_) continue;
    ASSIGN_OR_RETURN(const std::optional<StoredBlock> claimed, store_.Claim(host_, cidr));
    static_cast<void>(claimed);
  }
  return Ok();
}

Result<std::vector<Allocation>> Allocator::ListAllocations() {
  std::vector<Allocation> found;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(family));
    for (const auto& [cidr, block] : blocks) {
      if (!block.has_value()) continue;
      const std::vector<Allocation> of_block = AllocationsOf(block->block);
      found.insert(found.end(), of_block.begin(), of_block.end());
    }
  }
  return found;
}

Result<std::map<std::string, datastore::Revision>> Allocator::SweepHandles(
    const std::string& prefix, const std::map<std::string, datastore::Revision>& seen) {
  // Handles first: one that is raised before its block is written must not look unused later than it looks
  // raised.
  const std::string path = model::ToPath(model::Key::Handle(prefix));
  ASSIGN_OR_RETURN(const datastore::ListResult handles, client_.List(path));
  std::map<std::string, datastore::Revision> unused;
  for (const datastore::KeyValue& kv : handles.items) {
    const auto key = model::ParsePath(kv.key);
    if (key.has_value() && key->kind == model::Kind::kIpamHandle) unused.emplace(key->name, kv.revision);
  }
  if (unused.empty()) return unused;
  for (const net::Family family : {net::Family::kV4, net::Family::kV6}) {
    ASSIGN_OR_RETURN(const BlockMap blocks, store_.ListBlocks(family));
    for (const auto& [cidr, block] : blocks) {
      if (!block.has_value()) return std::map<std::string, datastore::Revision>{};  // could hold any of them
      for (const model::AllocationAttribute& attribute : block->block.attributes)
        unused.erase(HandleOf(attribute));
    }
  }
  for (const auto& [id, revision] : unused) {
    const auto before = seen.find(id);
    if (before == seen.end() || before->second != revision) continue;
    const Status deleted = client_.Delete(model::ToPath(model::Key::Handle(id)), revision);
    if (deleted.has_value()) LogInfo("ipam", "removed handle {} that holds no address", id);
  }
  return unused;
}

}  // namespace calico::ipam
