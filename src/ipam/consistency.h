// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "ipam/block.h"
#include "ipam/block_store.h"
#include "ipam/pool_choice.h"
#include "net/ip.h"

// What `calicoctl ipam check` compares (reference calicoctl C.1.4): pure.
namespace calico::ipam {

struct Allocation {
  net::Ip ip;
  net::Cidr block;
  std::string block_owner;  // host, or empty
  model::AllocationAttribute attribute;
  std::optional<std::uint64_t> sequence_number;

  std::string Attribute(const std::string& name) const;  // "" when it is absent
  // Its node is not the block's owner.
  bool IsBorrowed() const;
};
// Allocated addresses of a block, in address order.
std::vector<Allocation> AllocationsOf(const model::IpamBlock& block);

// Somebody uses the address: "Node(rack1-host7)", "Workload(shop/web-0)".
struct AddressUse {
  net::Ip ip;
  std::string owner;
};

struct ConsistencyInput {
  std::vector<Allocation> allocations;
  std::vector<Pool> pools;
  std::vector<StoredHandle> handles;
  std::vector<AddressUse> uses;
};
// Everything in address or name order.
struct Consistency {
  std::map<net::Ip, std::vector<std::string>> owners;  // of addresses in use
  std::vector<Allocation> leaked;                      // allocated, not in use
  std::vector<net::Ip> outside_pools;                  // in use, in no enabled pool
  std::vector<net::Ip> not_allocated;                  // in use, in an enabled pool, not allocated
  std::vector<StoredHandle> unused_handles;            // no address has them
  std::vector<std::string> missing_handles;            // addresses have them, but they are not stored

  // Handles that addresses have but that are not stored count as no problem: nothing is lost by them.
  std::size_t problems() const {
    return leaked.size() + outside_pools.size() + not_allocated.size() + unused_handles.size();
  }
};
Consistency Compare(const ConsistencyInput& input);

// Host -> number of its addresses, the largest first.
std::vector<std::pair<std::string, int>> AllocationsPerNode(const std::vector<Allocation>& allocations);

}  // namespace calico::ipam
