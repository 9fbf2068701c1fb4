// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/metadata.h"

namespace calico::model {

// Reference datastore-model C.4.8. Selected by its labels, like endpoints; an entry may be a bare address.
struct GlobalNetworkSet {
  Metadata metadata;
  std::vector<std::string> nets;
  UnknownMembers unknown;
  bool operator==(const GlobalNetworkSet&) const = default;
};
struct NetworkSet {
  Metadata metadata;
  std::vector<std::string> nets;
  UnknownMembers unknown;
  bool operator==(const NetworkSet&) const = default;
};

}  // namespace calico::model
