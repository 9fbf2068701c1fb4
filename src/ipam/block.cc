// SPDX-License-Identifier: Apache-2.0
#include "ipam/block.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/check.h"
#include "base/text.h"

namespace calico::ipam {
namespace {

constexpr std::string_view kHostPrefix = "host:";

// Ordinal of `ip` in the block, or nullopt when it is outside.
std::optional<int> OrdinalOf(const model::IpamBlock& block, const net::Ip& ip) {
  if (ip.family() != block.cidr.family() || !block.cidr.Contains(ip)) return std::nullopt;
  return static_cast<int>(ip.DistanceFrom(block.cidr.ip()));
}

const std::optional<int>& SlotOf(const model::IpamBlock& block, int ordinal) {
  return block.allocations.at(static_cast<std::size_t>(ordinal));
}

// Equal handle and attributes share one entry (reference ipam 2.2).
int IndexOfAttribute(model::IpamBlock& block, const Owner& owner) {
  model::AllocationAttribute wanted;
  if (!owner.handle_id.empty()) wanted.handle_id = owner.handle_id;
  wanted.secondary = owner.attributes;
  const auto found = std::find(block.attributes.begin(), block.attributes.end(), wanted);
  if (found != block.attributes.end()) return static_cast<int>(found - block.attributes.begin());
  block.attributes.push_back(std::move(wanted));
  return static_cast<int>(block.attributes.size()) - 1;
}

void Occupy(model::IpamBlock& block, int ordinal, int attribute) {
  block.allocations.at(static_cast<std::size_t>(ordinal)) = attribute;
  // The number before the increment of the write that stores it (reference ipam 9).
  block.sequence_number_for_allocation[std::to_string(ordinal)] = block.sequence_number;
}

// Drops attributes that nothing refers to and renumbers the others, keeping their order.
void RemoveUnusedAttributes(model::IpamBlock& block) {
  std::vector<bool> used(block.attributes.size(), false);
  for (const auto& slot : block.allocations) {
    if (slot.has_value()) used.at(static_cast<std::size_t>(*slot)) = true;
  }
  std::vector<int> new_index(used.size(), -1);
  std::vector<model::AllocationAttribute> kept;
  for (std::size_t i = 0; i < used.size(); ++i) {
    if (!used[i]) continue;
    new_index[i] = static_cast<int>(kept.size());
    kept.push_back(std::move(block.attributes[i]));
  }
  block.attributes = std::move(kept);
  for (auto& slot : block.allocations) {
    if (slot.has_value()) slot = new_index[static_cast<std::size_t>(*slot)];
  }
}

// The caller removes unused attributes once for all ordinals.
std::string Free(model::IpamBlock& block, int ordinal) {
  std::optional<int>& slot = block.allocations.at(static_cast<std::size_t>(ordinal));
  std::string handle = HandleOf(block.attributes.at(static_cast<std::size_t>(*slot)));
  slot.reset();
  block.unallocated.push_back(ordinal);  // at the end: a released address is used again last
  block.sequence_number_for_allocation.erase(std::to_string(ordinal));
  return handle;
}

bool IsReserved(const std::vector<net::Cidr>& reserved, const net::Ip& ip) {
  return std::any_of(reserved.begin(), reserved.end(), [&](const net::Cidr& cidr) {
    return cidr.family() == ip.family() && cidr.Contains(ip);
  });
}

}  // namespace

int BlockSize(const net::Cidr& cidr) {
  const int host_bits = net::Bits(cidr.family()) - cidr.prefix_length();
  CHECK(host_bits >= 0 && host_bits <= 12, "block sizes are /20 to /32 and /116 to /128");
  return 1 << host_bits;
}

net::Ip AddressAt(const model::IpamBlock& block, int ordinal) {
  return block.cidr.ip().Plus(static_cast<std::uint64_t>(ordinal));
}

net::Cidr BlockOf(const net::Ip& ip, int prefix_length) {
  return net::Cidr(ip, prefix_length).Masked();
}

model::IpamBlock NewBlock(const net::Cidr& cidr, const std::string& host, WallTime now) {
  model::IpamBlock block;
  block.cidr = cidr;
  block.affinity = std::string(kHostPrefix) + host;
  block.affinity_claim_time = FormatRfc3339(now);
  const int size = BlockSize(cidr);
  block.allocations.resize(static_cast<std::size_t>(size));
  block.unallocated.reserve(static_cast<std::size_t>(size));
  for (int ordinal = 0; ordinal < size; ++ordinal) block.unallocated.push_back(ordinal);
  block.sequence_number = static_cast<std::uint64_t>(UnixNanos(now));
  return block;
}

std::string OwnerOf(const model::IpamBlock& block) {
  if (!block.affinity.has_value() || block.affinity->rfind(kHostPrefix, 0) != 0) return {};
  return block.affinity->substr(kHostPrefix.size());
}

bool IsEmpty(const model::IpamBlock& block) {
  return std::all_of(block.allocations.begin(), block.allocations.end(), [&](const std::optional<int>& slot) {
    if (!slot.has_value()) return true;
    const auto& attribute = block.attributes.at(static_cast<std::size_t>(*slot));
    return EqualsIgnoreCase(HandleOf(attribute), kWindowsReservedHandle);
  });
}

int FreeCount(const model::IpamBlock& block) {
  return static_cast<int>(block.unallocated.size());
}

std::vector<net::Ip> AutoAssign(model::IpamBlock& block, int count, const Owner& owner,
                                const std::vector<net::Cidr>& reserved) {
  std::vector<net::Ip> taken;
  std::vector<int> still_free;
  still_free.reserve(block.unallocated.size());
  int attribute = -1;
  for (const int ordinal : block.unallocated) {
    const net::Ip ip = AddressAt(block, ordinal);
    if (static_cast<int>(taken.size()) >= count || IsReserved(reserved, ip)) {
      still_free.push_back(ordinal);
      continue;
    }
    if (attribute < 0) attribute = IndexOfAttribute(block, owner);
    Occupy(block, ordinal, attribute);
    taken.push_back(ip);
  }
  block.unallocated = std::move(still_free);
  return taken;
}

Status Assign(model::IpamBlock& block, const net::Ip& ip, const Owner& owner) {
  const std::optional<int> ordinal = OrdinalOf(block, ip);
  CHECK(ordinal.has_value(), "the caller picked the block by the address");
  if (SlotOf(block, *ordinal).has_value()) {
    return Error(
        ErrorCode::kAlreadyExists,
        fmt::format("resource already exists: {}: Address already assigned in block", ip.ToString()));
  }
  block.unallocated.erase(std::remove(block.unallocated.begin(), block.unallocated.end(), *ordinal),
                          block.unallocated.end());
  Occupy(block, *ordinal, IndexOfAttribute(block, owner));
  return Ok();
}

Released Release(model::IpamBlock& block, const std::vector<net::Ip>& ips) {
  Released released;
  for (const net::Ip& ip : ips) {
    const std::optional<int> ordinal = OrdinalOf(block, ip);
    if (!ordinal.has_value() || !SlotOf(block, *ordinal).has_value()) continue;
    released.addresses.emplace_back(ip, Free(block, *ordinal));
  }
  RemoveUnusedAttributes(block);
  return released;
}

std::optional<std::uint64_t> SequenceNumberOf(const model::IpamBlock& block, const net::Ip& ip) {
  if (!IsAllocated(block, ip)) return std::nullopt;
  const auto found = block.sequence_number_for_allocation.find(std::to_string(*OrdinalOf(block, ip)));
  if (found == block.sequence_number_for_allocation.end()) return std::nullopt;
  return found->second;
}

Result<Released> ReleaseMatching(model::IpamBlock& block, const std::vector<ReleaseCondition>& conditions) {
  std::vector<net::Ip> ips;
  for (const ReleaseCondition& condition : conditions) {
    const std::optional<model::AllocationAttribute> attribute = AttributeOf(block, condition.ip);
    if (!attribute.has_value()) continue;
    if (!condition.handle_id.empty() && HandleOf(*attribute) != condition.handle_id) {
      return Error(ErrorCode::kConflict,
                   fmt::format("the given handle ({}) does not match ({}) when attempting to release IP",
                               condition.handle_id, HandleOf(*attribute)));
    }
    // An allocation without a number has the number 0 for upstream.
    const std::uint64_t number = SequenceNumberOf(block, condition.ip).value_or(0);
    if (condition.sequence_number.has_value() && *condition.sequence_number != number) {
      return Error(
          ErrorCode::kConflict,
          fmt::format("the given sequence number ({}) does not match ({}) when attempting to release IP",
                      *condition.sequence_number, number));
    }
    ips.push_back(condition.ip);
  }
  return Release(block, ips);
}

Released ReleaseByHandle(model::IpamBlock& block, const std::string& handle_id) {
  std::vector<net::Ip> ips;
  for (std::size_t i = 0; i < block.allocations.size(); ++i) {
    const std::optional<int>& slot = block.allocations[i];
    if (!slot.has_value()) continue;
    if (HandleOf(block.attributes.at(static_cast<std::size_t>(*slot))) != handle_id) continue;
    ips.push_back(AddressAt(block, static_cast<int>(i)));
  }
  return Release(block, ips);
}

Status SetOwner(model::IpamBlock& block, const net::Ip& ip, const Owner& owner) {
  if (!IsAllocated(block, ip)) {
    return Error(ErrorCode::kNotFound, fmt::format("address {} is not assigned", ip.ToString()));
  }
  const int ordinal = *OrdinalOf(block, ip);
  block.allocations.at(static_cast<std::size_t>(ordinal)) = IndexOfAttribute(block, owner);
  RemoveUnusedAttributes(block);
  return Ok();
}

bool IsAllocated(const model::IpamBlock& block, const net::Ip& ip) {
  const std::optional<int> ordinal = OrdinalOf(block, ip);
  return ordinal.has_value() && SlotOf(block, *ordinal).has_value();
}

std::string HandleOf(const model::AllocationAttribute& attribute) {
  const std::string handle = attribute.handle_id.value_or("");
  return handle.substr(0, handle.find('\r'));
}

void BumpSequence(model::IpamBlock& block) {
  ++block.sequence_number;
}

std::optional<model::AllocationAttribute> AttributeOf(const model::IpamBlock& block, const net::Ip& ip) {
  if (!IsAllocated(block, ip)) return std::nullopt;
  const std::optional<int>& slot = SlotOf(block, *OrdinalOf(block, ip));
  return block.attributes.at(static_cast<std::size_t>(*slot));
}

Status CheckConsistent(const model::IpamBlock& block) {
  const auto broken = [&](std::string_view what) {
    return Error(ErrorCode::kInvalidArgument, fmt::format("block {}: {}", block.cidr.ToString(), what));
  };
  const int host_bits = net::Bits(block.cidr.family()) - block.cidr.prefix_length();
  if (host_bits < 0 || host_bits > 12 || !block.cidr.IsMasked()) return broken("is no block CIDR");
  const auto size = static_cast<std::size_t>(BlockSize(block.cidr));
  if (block.allocations.size() != size) return broken("has a wrong number of allocations");
  std::vector<bool> is_free(size, false);
  for (const int ordinal : block.unallocated) {
    if (ordinal < 0 || static_cast<std::size_t>(ordinal) >= size) return broken("ordinal out of range");
    if (is_free[static_cast<std::size_t>(ordinal)]) return broken("ordinal twice in the free list");
    is_free[static_cast<std::size_t>(ordinal)] = true;
  }
  for (std::size_t i = 0; i < size; ++i) {
    const std::optional<int>& slot = block.allocations[i];
    if (slot.has_value() == is_free[i]) return broken("free list and allocations differ");
    if (!slot.has_value()) continue;
    if (*slot < 0 || static_cast<std::size_t>(*slot) >= block.attributes.size()) {
      return broken("attribute out of range");
    }
  }
  return Ok();
}

}  // namespace calico::ipam
