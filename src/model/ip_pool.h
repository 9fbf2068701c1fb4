// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

// A Kubernetes condition: what a controller says about the object.
struct Condition {
  std::string type;    // "Allocatable"
  std::string status;  // "True", "False", "Unknown"
  std::optional<std::int64_t> observed_generation;
  std::string last_transition_time;  // RFC 3339
  std::string reason;
  std::string message;
  bool operator==(const Condition&) const = default;
};
// Reference datastore-model A.8, C.4.7. Text fields hold what is stored; validation has checked them.
struct IPPool {
  Metadata metadata;
  std::string cidr;
  std::string vxlan_mode;  // "Never", "Always", "CrossSubnet"
  std::string ipip_mode;
  bool nat_outgoing = false;
  bool disabled = false;
  bool disable_bgp_export = false;
  int block_size = 0;  // prefix length of a block
  std::string node_selector;
  std::string namespace_selector;
  std::vector<std::string> allowed_uses;
  std::string assignment_mode;        // "Automatic", "Manual"
  std::vector<Condition> conditions;  // in status
  UnknownMembers unknown;
  bool operator==(const IPPool&) const = default;
};

}  // namespace calico::model
