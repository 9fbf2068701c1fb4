// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

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
  std::string assignment_mode;  // "Automatic", "Manual"
  UnknownMembers unknown;
  bool operator==(const IPPool&) const = default;
};

}  // namespace calico::model
