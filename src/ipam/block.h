// SPDX-License-Identifier: Apache-2.0
#pragma once

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

int BlockSize(const net::Cidr& cidr);                        // number of addresses, at most 4096
model::IpamBlock NewBlock(const net::Cidr& cidr, const std::string& host, WallTime now);

// Owner's host name, or empty.
std::string OwnerOf(const model::IpamBlock& block);
bool IsEmpty(const model::IpamBlock& block);                 // no allocation but windows-reserved ones
int FreeCount(const model::IpamBlock& block);

struct Owner {
  std::string handle_id;                                     // empty = none
  std::map<std::string, std::string> attributes;
};
// Takes up to `count` free addresses in allocation order, skipping reserved ones. Bumps nothing else.
std::vector<net::Ip> AutoAssign(model::IpamBlock& block, int count, const Owner& owner,
                                const std::vector<net::Cidr>& reserved);
// kAlreadyExists if taken.
Status Assign(model::IpamBlock& block, const net::Ip& ip, const Owner& owner);
// Releases what is allocated; returns the handle (if any) of each released address.
struct Released {
  std::vector<std::pair<net::Ip, std::string>> addresses;    // address, handle id or ""
};
Released Release(model::IpamBlock& block, const std::vector<net::Ip>& ips);
Released ReleaseByHandle(model::IpamBlock& block, const std::string& handle_id);
// Before each write of a block: sequenceNumber + 1.
void BumpSequence(model::IpamBlock& block);
std::optional<model::AllocationAttribute> AttributeOf(const model::IpamBlock& block, const net::Ip& ip);

}  // namespace calico::ipam
