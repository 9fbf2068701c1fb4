// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
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
struct IpNat {
  std::string internal_ip;
  std::string external_ip;
  bool operator==(const IpNat&) const = default;
};
// Bandwidths in bit/s, bursts in bits, rates in packets/s; 0 = unset. Ranges: reference datastore-model A.8.
struct QosControls {
  std::int64_t ingress_bandwidth = 0, ingress_burst = 0, ingress_peakrate = 0, ingress_minburst = 0;
  std::int64_t egress_bandwidth = 0, egress_burst = 0, egress_peakrate = 0, egress_minburst = 0;
  std::int64_t ingress_packet_rate = 0, ingress_packet_burst = 0;
  std::int64_t egress_packet_rate = 0, egress_packet_burst = 0;
  std::int64_t ingress_max_connections = 0, egress_max_connections = 0;
  std::string dscp;  // a number's text 0 to 63, or a name such as "AF11"
  bool operator==(const QosControls&) const = default;
};
// Reference datastore-model A.8, A.9, C.4.10.
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
  std::vector<IpNat> ip_nats;
  std::string ipv4_gateway;
  std::string ipv6_gateway;
  std::vector<std::string> profiles;
  std::string interface_name;
  std::string mac;
  std::vector<EndpointPort> ports;
  std::vector<std::string> allow_spoofed_source_prefixes;
  std::optional<QosControls> qos_controls;
  UnknownMembers unknown;
  bool operator==(const WorkloadEndpoint&) const = default;
};

// The name that the identifying fields give: segments joined by "-", dashes inside doubled (A.9).
// kInvalidArgument names the missing or malformed segment.
Result<std::string> WorkloadEndpointName(const WorkloadEndpoint& endpoint);

}  // namespace calico::model
