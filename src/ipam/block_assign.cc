// SPDX-License-Identifier: Apache-2.0
// Assigning and releasing inside one stored block, with the handle's count (reference ipam 5.5 to 8).
#include <map>
#include <utility>

#include <fmt/format.h>

#include "base/log.h"
#include "ipam/block_store.h"
#include "ipam/retry.h"
#include "model/codec/json.h"
#include "model/key.h"

namespace calico::ipam {

using model::Key;

namespace {

bool MayUse(const model::IpamBlock& block, const std::string& required_owner) {
  return required_owner.empty() || OwnerOf(block) == required_owner;
}

// Keeps a handle's count at or above what is being written to one block, and takes back the surplus at the
// end. Under contention the count is raised once and not once per attempt.
class HandleCount final {
 public:
  HandleCount(BlockStore& store, std::string handle_id, const net::Cidr& block)
      : store_(store), handle_id_(std::move(handle_id)), block_(block) {}

  Status RaiseTo(int count) {
    if (handle_id_.empty() || count <= counted_) return Ok();
    RETURN_IF_ERROR(store_.IncrementHandle(handle_id_, block_, count - counted_));
    counted_ = count;
    return Ok();
  }
  // Failure leaves a count that is too high, which a release by handle removes.
  void LowerTo(int count) {
    if (handle_id_.empty() || count >= counted_) return;
    const Status lowered = store_.DecrementHandle(handle_id_, block_, counted_ - count);
    if (!lowered.has_value()) {
      LogWarning("ipam", "handle {} keeps a count too high: {}", handle_id_, lowered.error().message());
    }
    counted_ = count;
  }

 private:
  BlockStore& store_;
  const std::string handle_id_;
  const net::Cidr block_;
  int counted_ = 0;
};

}  // namespace

Result<std::vector<net::Ip>> BlockStore::AutoAssign(StoredBlock start, const AssignOptions& options) {
  const net::Cidr cidr = start.block.cidr;
  HandleCount count(*this, options.owner.handle_id, cidr);
  bool reread = false;
  auto assigned = RetryConflicts([&]() -> Result<std::vector<net::Ip>> {
    if (reread) {
      auto block = ReadBlock(cidr);
      if (!block.has_value()) {
        if (block.error().code() == ErrorCode::kNotFound) return std::vector<net::Ip>();
        return std::move(block).error();
      }
      start = std::move(*block);
    }
    reread = true;
    if (!MayUse(start.block, options.required_owner)) return std::vector<net::Ip>();
    std::vector<net::Ip> ips = ipam::AutoAssign(start.block, options.count, options.owner, {});
    if (ips.empty()) return ips;
    RETURN_IF_ERROR(count.RaiseTo(static_cast<int>(ips.size())));
    RETURN_IF_ERROR(AsConflict(UpdateBlock(start)));
    return ips;
  });
  if (assigned.has_value()) {
    count.LowerTo(static_cast<int>(assigned->size()));
  } else if (assigned.error().code() != ErrorCode::kUnavailable) {
    count.LowerTo(0);
  }
  // kUnavailable: the block may have been written, so the count stays; too high is harmless, too low is not.
  return assigned;
}

Status BlockStore::AssignIp(const net::Cidr& cidr, const net::Ip& ip, const AssignOptions& options) {
  HandleCount count(*this, options.owner.handle_id, cidr);
  bool gone = false;
  auto assigned = RetryConflicts([&]() -> Status {
    auto block = ReadBlock(cidr);
    if (!block.has_value()) {
      gone = block.error().code() == ErrorCode::kNotFound;
      return std::move(block).error();
    }
    if (!MayUse(block->block, options.required_owner)) {
      return Error(ErrorCode::kInvalidArgument, "Block host affinity does not match");
    }
    RETURN_IF_ERROR(Assign(block->block, ip, options.owner));
    RETURN_IF_ERROR(count.RaiseTo(1));
    return AsConflict(UpdateBlock(*block));
  });
  if (!assigned.has_value() && assigned.error().code() != ErrorCode::kUnavailable) count.LowerTo(0);
  if (gone) return Error(ErrorCode::kConflict, fmt::format("block {} is gone", cidr.ToString()));
  return assigned;
}

// After the block has been written. Failure is only logged: counts that are too high are harmless.
void BlockStore::ForgetReleased(const net::Cidr& cidr, const Released& released) {
  std::map<std::string, int> counts;
  for (const auto& [ip, handle] : released.addresses) {
    if (!handle.empty()) ++counts[handle];
  }
  for (const auto& [handle, n] : counts) {
    const Status lowered = DecrementHandle(handle, cidr, n);
    if (!lowered.has_value()) {
      LogWarning("ipam", "handle {} keeps a count too high: {}", handle, lowered.error().message());
    }
  }
}

template <typename Change>
Result<Released> BlockStore::ReleaseFromBlock(const net::Cidr& cidr, Change change) {
  auto released = RetryConflicts([&]() -> Result<Released> {
    auto block = ReadBlock(cidr);
    if (!block.has_value()) {
      if (block.error().code() == ErrorCode::kNotFound) return Released{};
      return std::move(block).error();
    }
    ASSIGN_OR_RETURN(Released freed, Result<Released>(change(block->block)));
    if (freed.addresses.empty()) return freed;
    RETURN_IF_ERROR(AsConflict(WriteOrDelete(*block)));
    return freed;
  });
  if (released.has_value()) ForgetReleased(cidr, *released);
  return released;
}

Result<Released> BlockStore::Release(const net::Cidr& cidr, const std::vector<net::Ip>& ips) {
  return ReleaseFromBlock(cidr, [&](model::IpamBlock& block) { return ipam::Release(block, ips); });
}

Result<Released> BlockStore::ReleaseMatching(const net::Cidr& cidr,
                                             const std::vector<ReleaseCondition>& conditions) {
  return ReleaseFromBlock(cidr, [&](model::IpamBlock& block) -> Result<Released> {
    auto released = ipam::ReleaseMatching(block, conditions);
    if (released.has_value()) return released;
    // Not kConflict: trying again would find the same.
    return Error(ErrorCode::kInvalidArgument, released.error().message());
  });
}

Status BlockStore::ReleaseByHandle(const std::string& handle_id) {
  const Key key = Key::Handle(handle_id);
  for (int attempt = 0; attempt < kMaxAttempts; ++attempt) {
    auto kv = client_.Get(model::ToPath(key));
    if (!kv.has_value()) {
      if (kv.error().code() == ErrorCode::kNotFound && attempt > 0) return Ok();
      return std::move(kv).error();
    }
    ASSIGN_OR_RETURN(const model::Object object, model::DecodeValue(key, kv->value));
    bool found = false;
    for (const auto& [text, count] : std::get<model::IpamHandle>(object).blocks) {
      const std::optional<net::Cidr> cidr = net::Cidr::ParsePrefix(text);
      if (!cidr.has_value()) continue;
      ASSIGN_OR_RETURN(const Released released, ReleaseFromBlock(*cidr, [&](model::IpamBlock& block) {
                         return ipam::ReleaseByHandle(block, handle_id);
                       }));
      found = found || !released.addresses.empty();
    }
    if (found) continue;
    // Every block it names holds nothing of it: a count left too high by a crash. Upstream leaks such
    // handles.
    auto deleted = DeleteObject(key, kv->revision);
    if (deleted.has_value()) return Ok();
    if (!IsLostRace(deleted.error())) return deleted;
  }
  return Error(ErrorCode::kUnavailable, "Max retries hit - excessive concurrent IPAM requests");
}

Status BlockStore::SetOwner(const net::Cidr& cidr, const net::Ip& ip, const Owner& owner) {
  HandleCount count(*this, owner.handle_id, cidr);
  std::string old_handle;
  bool written = false;
  auto changed = RetryConflicts([&]() -> Status {
    ASSIGN_OR_RETURN(StoredBlock stored, ReadBlock(cidr));
    const std::optional<model::AllocationAttribute> before = AttributeOf(stored.block, ip);
    old_handle = before.has_value() ? HandleOf(*before) : "";
    written = !(before.has_value() && old_handle == owner.handle_id && before->secondary == owner.attributes);
    if (!written) return Ok();
    RETURN_IF_ERROR(ipam::SetOwner(stored.block, ip, owner));
    if (old_handle != owner.handle_id) RETURN_IF_ERROR(count.RaiseTo(1));
    return AsConflict(UpdateBlock(stored));
  });
  if (!changed.has_value()) {
    if (changed.error().code() != ErrorCode::kUnavailable) count.LowerTo(0);
    return changed;
  }
  if (!written) count.LowerTo(0);
  if (written && !old_handle.empty() && old_handle != owner.handle_id) {
    ForgetReleased(cidr, Released{.addresses = {{ip, old_handle}}});
  }
  return Ok();
}

Status BlockStore::IncrementHandle(const std::string& handle_id, const net::Cidr& block, int count) {
  const Key key = Key::Handle(handle_id);
  return RetryConflicts([&]() -> Status {
    model::IpamHandle handle;
    handle.blocks[block.ToString()] = count;
    auto created =
        CreateObject(key, handle);  // first, because nearly every handle is new: one exchange saved
    if (created.has_value()) return Ok();
    if (created.error().code() != ErrorCode::kAlreadyExists) return std::move(created).error();
    ASSIGN_OR_RETURN(const datastore::KeyValue kv, AsConflict(client_.Get(model::ToPath(key))));
    ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv.value));
    std::get<model::IpamHandle>(object).blocks[block.ToString()] += count;
    RETURN_IF_ERROR(AsConflict(UpdateObject(key, object, kv.revision)));
    return Ok();
  });
}

Status BlockStore::DecrementHandle(const std::string& handle_id, const net::Cidr& block, int count) {
  const Key key = Key::Handle(handle_id);
  return RetryConflicts([&]() -> Status {
    auto kv = client_.Get(model::ToPath(key));
    if (!kv.has_value()) {
      if (kv.error().code() == ErrorCode::kNotFound) return Ok();
      return std::move(kv).error();
    }
    ASSIGN_OR_RETURN(model::Object object, model::DecodeValue(key, kv->value));
    auto& blocks = std::get<model::IpamHandle>(object).blocks;
    const auto entry = blocks.find(block.ToString());
    if (entry == blocks.end()) return Ok();
    entry->second -= count;
    if (entry->second <= 0) blocks.erase(entry);
    if (blocks.empty()) return AsConflict(DeleteObject(key, kv->revision));
    RETURN_IF_ERROR(AsConflict(UpdateObject(key, object, kv->revision)));
    return Ok();
  });
}

}  // namespace calico::ipam
