// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "model/metadata.h"

namespace calico::model {

// Reference datastore-model A.8, A.13; always named "default".
struct ClusterInformation {
  Metadata metadata;
  std::string cluster_guid;
  std::string cluster_type;
  std::string calico_version;
  std::optional<bool> datastore_ready;
  std::string variant;
  UnknownMembers unknown;
  bool operator==(const ClusterInformation&) const = default;
};

}  // namespace calico::model
