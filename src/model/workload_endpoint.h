// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "model/metadata.h"

namespace calico::model {

struct EndpointPort {
  std::string name;
  std::string protocol;
  int port = 0;
  int host_port = 0;
  std::string host_ip;
  bool operator==(const EndpointPort&) const = default;
};
// Reference datastore-model A.8, A.9, C.4.10. Members of later issues live in `unknown`.
struct WorkloadEndpoint {
  Metadata metadata;
  std::string orchestrator;  // "libnetwork", "cni", "k8s", …
  std::string workload;
  std::string node;
  std::string container_id;
  std::string pod;
  std::string endpoint;
  std::string service_account_name;
  std::vector<std::string> ip_networks;  // "10.0.0.1/32"
  std::string ipv4_gateway;
  std::string ipv6_gateway;
  std::vector<std::string> profiles;
  std::string interface_name;
  std::string mac;
  std::vector<EndpointPort> ports;
  UnknownMembers unknown;
  bool operator==(const WorkloadEndpoint&) const = default;
};

// The name that the identifying fields give: segments joined by "-", dashes inside doubled (A.9).
// kInvalidArgument names the missing or malformed segment.
Result<std::string> WorkloadEndpointName(const WorkloadEndpoint& endpoint);

}  // namespace calico::model
