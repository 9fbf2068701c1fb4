// SPDX-License-Identifier: Apache-2.0
// The claim and release protocol of block affinities, reference ipam 4. The letters A1 to A3 and R1 to R7 in
// the comments are the steps there.
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "ipam/block_store.h"
#include "ipam/retry.h"
#include "model/key.h"

namespace calico::ipam {

using model::AffinityState;
using model::Key;

Result<std::optional<StoredBlock>> BlockStore::Claim(const std::string& host, const net::Cidr& cidr) {
  auto claimed = RetryConflicts([&] { return TryClaim(host, cidr); });
  if (!claimed.has_value()) {
    return std::move(claimed).error().WithContext(fmt::format("claiming block {}", cidr.ToString()));
  }
  return claimed;
}

// A1.
Result<StoredAffinity> BlockStore::PendingUnlessConfirmed(const std::string& host, const net::Cidr& cidr) {
  model::BlockAffinity pending;
  pending.state = AffinityState::kPending;
  auto created = CreateObject(Key::Affinity(host, cidr), pending);
  if (created.has_value()) return StoredAffinity{cidr, AffinityState::kPending, *created};
  if (created.error().code() != ErrorCode::kAlreadyExists) return std::move(created).error();
  ASSIGN_OR_RETURN(StoredAffinity affinity, AsConflict(ReadAffinity(host, cidr)));
  // A key that is pending already stays as it is: two processes of the host that bumped it in turn could push
  // each other back for ever, and a releaser can not hold its revision (it holds that of pendingDeletion).
  if (affinity.state == AffinityState::kPendingDeletion) {
    RETURN_IF_ERROR(AsConflict(SetAffinity(host, affinity, AffinityState::kPending)));
  }
  return affinity;
}

Result<std::optional<StoredBlock>> BlockStore::TryClaim(const std::string& host, const net::Cidr& cidr) {
  ASSIGN_OR_RETURN(StoredAffinity affinity, PendingUnlessConfirmed(host, cidr));
  auto block = ReadBlock(cidr);  // A2
  if (!block.has_value()) {
    if (block.error().code() == ErrorCode::kNotFound) return CreateClaimed(host, affinity);
    return std::move(block).error();
  }
  if (OwnerOf(block->block) != host) {
    RETURN_IF_ERROR(RemoveAffinity(host, affinity));
    return std::optional<StoredBlock>();
  }
  if (affinity.state != AffinityState::kConfirmed) {
    // Rewriting the block takes it from a releaser that read it before and is about to delete it.
    RETURN_IF_ERROR(AsConflict(UpdateBlock(*block)));
    RETURN_IF_ERROR(Confirm(host, affinity));
  }
  return std::optional<StoredBlock>(std::move(*block));
}

Result<std::optional<StoredBlock>> BlockStore::CreateClaimed(const std::string& host,
                                                             StoredAffinity& affinity) {
  if (affinity.state == AffinityState::kConfirmed) {
    RETURN_IF_ERROR(AsConflict(SetAffinity(host, affinity, AffinityState::kPending)));
  }
  StoredBlock stored{NewBlock(affinity.cidr, host, clock_.WallNow()), 0};
  auto created = CreateObject(Key::Block(affinity.cidr), stored.block);
  if (created.has_value()) {
    stored.revision = *created;
  } else if (created.error().code() == ErrorCode::kAlreadyExists) {
    ASSIGN_OR_RETURN(stored, AsConflict(ReadBlock(affinity.cidr)));
    if (OwnerOf(stored.block) != host) {
      RETURN_IF_ERROR(RemoveAffinity(host, affinity));
      return std::optional<StoredBlock>();
    }
    // Ours: another process of this host won the race; both may use the block.
  } else {
    return std::move(created).error();
  }
  RETURN_IF_ERROR(Confirm(host, affinity));
  return std::optional<StoredBlock>(std::move(stored));
}

// A3. A conflict is fine when another process of the host has confirmed.
Status BlockStore::Confirm(const std::string& host, StoredAffinity& affinity) {
  auto confirmed = SetAffinity(host, affinity, AffinityState::kConfirmed);
  if (confirmed.has_value()) return Ok();
  if (!IsLostRace(confirmed.error())) return confirmed;
  ASSIGN_OR_RETURN(const StoredAffinity now, AsConflict(ReadAffinity(host, affinity.cidr)));
  if (now.state == AffinityState::kConfirmed) return Ok();
  return Error(ErrorCode::kConflict, "the affinity changed while it was being confirmed");
}

Result<bool> BlockStore::ReleaseAffinity(const std::string& host, const net::Cidr& cidr,
                                         const ReleaseOptions& options) {
  auto affinity = ReadAffinity(host, cidr);  // R1
  if (!affinity.has_value()) {
    if (affinity.error().code() == ErrorCode::kNotFound) return false;
    return std::move(affinity).error();
  }
  auto block = ReadBlock(cidr);
  if (!block.has_value()) {
    if (block.error().code() != ErrorCode::kNotFound) return std::move(block).error();
    RETURN_IF_ERROR(RemoveAffinity(host, *affinity));
    return true;
  }
  if (options.sequence_number.has_value() && *options.sequence_number != block->block.sequence_number) {
    return false;  // R2
  }
  if (OwnerOf(block->block) != host) {  // R3
    RETURN_IF_ERROR(RemoveAffinity(host, *affinity));
    return false;
  }
  const bool empty = IsEmpty(block->block);
  if (options.require_empty && !empty) return false;  // R4
  const AffinityState before = affinity->state;
  auto marked = SetAffinity(host, *affinity, AffinityState::kPendingDeletion);  // R5
  if (!marked.has_value()) {
    if (IsLostRace(marked.error())) return false;
    return std::move(marked).error();
  }
  Status written;
  if (empty) {  // R6
    written = DeleteObject(Key::Block(cidr), block->revision);
  } else {
    block->block.affinity.reset();
    block->block.affinity_claim_time.clear();
    written = UpdateBlock(*block);
  }
  if (!written.has_value()) {
    if (!IsLostRace(written.error())) return std::move(written).error();
    // The block is in use after all. Putting the key back keeps its route announced: upstream leaves it in
    // pendingDeletion until the owner's next claim. Best effort, the owner repairs the rest.
    const Status restored = SetAffinity(host, *affinity, before);
    if (!restored.has_value()) {
      LogWarning("ipam", "affinity of {} for {} stays in pendingDeletion: {}", host, cidr.ToString(),
                 restored.error().message());
    }
    return false;
  }
  RETURN_IF_ERROR(RemoveAffinity(host, *affinity));  // R7
  return true;
}

}  // namespace calico::ipam
