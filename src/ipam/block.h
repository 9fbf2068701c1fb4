// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "model/ipam.h"
#include "net/cidr.h"

// Arithmetic inside one block (reference ipam 2.2, 5.5, 6, 7): pure, no clock, no store.
namespace calico::ipam {

inline constexpr char kWindowsReservedHandle[] = "windows-reserved-ipam-handle";

int BlockSize(const net::Cidr& cidr);  // number of addresses, at most 4096
// The address at an ordinal (0 is the first).
net::Ip AddressAt(const model::IpamBlock& block, int ordinal);
// The block of `prefix_length` that holds `ip`.
net::Cidr BlockOf(const net::Ip& ip, int prefix_length);
model::IpamBlock NewBlock(const net::Cidr& cidr, const std::string& host, WallTime now);

// Owner's host name, or empty.
std::string OwnerOf(const model::IpamBlock& block);
bool IsEmpty(const model::IpamBlock& block);  // no allocation but windows-reserved ones
int FreeCount(const model::IpamBlock& block);

struct Owner {
  std::string handle_id;  // empty = none
  std::map<std::string, std::string> attributes;
};
// Takes up to `count` free addresses in allocation order, skipping reserved ones. Bumps nothing else.
std::vector<net::Ip> AutoAssign(model::IpamBlock& block, int count, const Owner& owner,
                                const std::vector<net::Cidr>& reserved);
// kAlreadyExists if taken.
Status Assign(model::IpamBlock& block, const net::Ip& ip, const Owner& owner);
// Releases what is allocated; returns the handle (if any) of each released address.
struct Released {
  std::vector<std::pair<net::Ip, std::string>> addresses;  // address, handle id or ""
};
Released Release(model::IpamBlock& block, const std::vector<net::Ip>& ips);
// An address and what it must still be: another owner may have got it since the caller looked.
struct ReleaseCondition {
  net::Ip ip;
  std::string handle_id;                         // empty = any
  std::optional<std::uint64_t> sequence_number;  // of the allocation; nullopt = any
};
// Releases all of them, or nothing: kConflict names the first that is something else now (reference
// datastore-model A.16). Addresses that are not allocated are no error.
Result<Released> ReleaseMatching(model::IpamBlock& block, const std::vector<ReleaseCondition>& conditions);
// The sequence number that an allocated address got; nullopt for blocks of before there were any.
std::optional<std::uint64_t> SequenceNumberOf(const model::IpamBlock& block, const net::Ip& ip);
Released ReleaseByHandle(model::IpamBlock& block, const std::string& handle_id);
// Gives an allocated address another handle and other attributes; kNotFound if it is not allocated.
Status SetOwner(model::IpamBlock& block, const net::Ip& ip, const Owner& owner);
bool IsAllocated(const model::IpamBlock& block, const net::Ip& ip);
// The handle of an attribute, cut at the first carriage return (migrated data has garbage after it); "" if
// none.
std::string HandleOf(const model::AllocationAttribute& attribute);
// Ok, or what makes the block unusable (invariants S3 to S5 of reference ipam 21). A stored block is only
// handed to the functions above after this; unused attributes, which an upstream defect leaves, are
// tolerated.
Status CheckConsistent(const model::IpamBlock& block);
// Before each write of a block: sequenceNumber + 1.
void BumpSequence(model::IpamBlock& block);
std::optional<model::AllocationAttribute> AttributeOf(const model::IpamBlock& block, const net::Ip& ip);

}  // namespace calico::ipam
