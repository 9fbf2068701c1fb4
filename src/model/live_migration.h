// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "model/metadata.h"

// Reference datastore-model A.8 (LiveMigration): a workload that moves between two hosts.
namespace calico::model {

struct WorkloadEndpointIdentifier {
  std::string hostname;
  std::string orchestrator_id;
  std::string workload_id;
  std::string endpoint_id;
  bool operator==(const WorkloadEndpointIdentifier&) const = default;
};
// Exactly one is set: `workload` only in a source, `selector` only in a target.
struct LiveMigrationSide {
  std::string workload_json;  // as it is in JSON; empty = absent
  std::string selector;
  std::optional<WorkloadEndpointIdentifier> workload_endpoint;
  bool operator==(const LiveMigrationSide&) const = default;
};
struct LiveMigration {
  Metadata metadata;
  LiveMigrationSide source;
  LiveMigrationSide target;
  UnknownMembers unknown;
  bool operator==(const LiveMigration&) const = default;
};

}  // namespace calico::model
