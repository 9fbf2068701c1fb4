// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"
#include "net/cidr.h"

namespace calico::model {

// Reference ipam 2.2, datastore-model A.10.3.
struct AllocationAttribute {
  std::optional<std::string> handle_id;
  std::map<std::string, std::string> secondary;
  std::string alternate_owner_attrs_json;  // kept as text; empty = absent
  bool operator==(const AllocationAttribute&) const = default;
};
struct IpamBlock {
  net::Cidr cidr;
  std::optional<std::string> affinity;          // "host:<name>"; nullopt = JSON null
  std::string affinity_claim_time;              // RFC 3339; empty = absent
  std::vector<std::optional<int>> allocations;  // ordinal -> index into attributes
  std::vector<int> unallocated;                 // free ordinals in allocation order
  std::vector<AllocationAttribute> attributes;
  std::uint64_t sequence_number = 0;
  std::map<std::string, std::uint64_t> sequence_number_for_allocation;  // key: decimal ordinal
  bool deleted = false;
  UnknownMembers unknown;
  bool operator==(const IpamBlock&) const = default;
};

enum class AffinityState { kPending, kConfirmed, kPendingDeletion };
// Reference ipam 2.3. The key holds host and CIDR.
struct BlockAffinity {
  AffinityState state = AffinityState::kConfirmed;  // an empty stored state reads as confirmed
  bool deleted = false;
  UnknownMembers unknown;
  bool operator==(const BlockAffinity&) const = default;
};

// Reference ipam 2.4. The key holds the handle id.
struct IpamHandle {
  std::map<std::string, int> blocks;  // block CIDR -> number of addresses
  bool deleted = false;
  UnknownMembers unknown;
  bool operator==(const IpamHandle&) const = default;
};

// Reference ipam 2.5.
struct IpamConfig {
  bool strict_affinity = false;
  bool auto_allocate_blocks = true;  // absent in an existing object means false
  int max_blocks_per_host = 0;
  UnknownMembers unknown;
  bool operator==(const IpamConfig&) const = default;
};

}  // namespace calico::model
