// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/metadata.h"
#include "model/workload_endpoint.h"

namespace calico::model {

// Reference datastore-model C.4.9: an interface of a host, named or found by its addresses; "*" = all.
struct HostEndpoint {
  Metadata metadata;
  std::string node;
  std::string interface_name;
  std::vector<std::string> expected_ips;
  std::vector<std::string> profiles;
  std::vector<EndpointPort> ports;  // without host port and address
  UnknownMembers unknown;
  bool operator==(const HostEndpoint&) const = default;
};

}  // namespace calico::model
