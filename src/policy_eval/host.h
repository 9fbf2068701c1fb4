// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "net/cidr.h"
#include "net/ip.h"
#include "policy_eval/cluster.h"

namespace calico::policy_eval {

struct FailsafePort {
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
  std::optional<net::Cidr> net;  // the other side's address
  bool operator==(const FailsafePort&) const = default;
};

// What one host adds to the objects: the parameters of its agent that policy depends on, and its interfaces.
struct Host {
  std::string node;
  std::map<std::string, std::vector<net::Ip>> interfaces;
  std::vector<std::string> interface_prefixes;
  std::vector<std::string> interface_exclude;
  std::string endpoint_to_host;  // "Drop", "Return", "Accept"
  std::vector<FailsafePort> failsafe_inbound;
  std::vector<FailsafePort> failsafe_outbound;
  bool drop_invalid = true;
  bool any_source = false;  // workloads may send from their allowSpoofedSourcePrefixes
  bool vxlan_from_workloads = false;
  bool ipip_from_workloads = false;
  std::uint16_t vxlan_port = 0;
  std::vector<net::Cidr> service_addresses;  // empty: no prevention of service loops

  bool IsWorkloadInterface(const std::string& name) const;
  bool IsExcludedInterface(const std::string& name) const;
  // The interface that holds the node's own address. When its interfaces are not known, the one that its host
  // endpoints name; "(uplink)", which only a host endpoint "*" covers, if they do not.
  std::string uplink;
};

// From the FelixConfigurations (reference felix 4.1: node.<name>, then one whose nodeSelector matches, then
// default, then what is built in), the BGPConfiguration and the Node.
Host HostOf(const Cluster& cluster, const std::string& node);

}  // namespace calico::policy_eval
