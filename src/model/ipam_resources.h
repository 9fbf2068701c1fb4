// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

// Resources about address management. The allocator's own objects are in model/ipam.h; with etcd the two are
// not linked (reference datastore-model A.7.5), except that IPReservation is obeyed.
namespace calico::model {

// Addresses that are not handed out (reference datastore-model C.4.8).
struct IPReservation {
  Metadata metadata;
  std::vector<std::string> reserved_cidrs;
  UnknownMembers unknown;
  bool operator==(const IPReservation&) const = default;
};

struct IpamConfigurationSpec {
  bool strict_affinity = false;
  bool auto_allocate_blocks = true;
  int max_blocks_per_host = 0;
  std::string kube_virt_vm_address_persistence;  // "Enabled", "Disabled"
  bool operator==(const IpamConfigurationSpec&) const = default;
};
// Since v3.32; named "default".
struct IPAMConfiguration {
  Metadata metadata;
  IpamConfigurationSpec spec;
  UnknownMembers unknown;
  bool operator==(const IPAMConfiguration&) const = default;
};
// The same up to v3.31, kind IPAMConfig.
struct IPAMConfigResource {
  Metadata metadata;
  IpamConfigurationSpec spec;
  UnknownMembers unknown;
  bool operator==(const IPAMConfigResource&) const = default;
};

// Kind BlockAffinity as a resource.
struct BlockAffinityResource {
  Metadata metadata;
  std::string state;
  std::string node;
  std::string type;  // "host", "virtual"
  std::string cidr;
  std::string deleted;  // a boolean, stored as text
  UnknownMembers unknown;
  bool operator==(const BlockAffinityResource&) const = default;
};

}  // namespace calico::model
