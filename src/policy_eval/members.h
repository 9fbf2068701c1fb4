// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "model/selector/selector.h"
#include "net/cidr.h"
#include "policy_eval/cluster.h"

// Whose address is it: what the selectors and named ports of rules stand for (reference felix 1.5, 2.6).
namespace calico::policy_eval {

// An endpoint or a network set.
struct Member {
  model::Key key;
  model::Labels labels;
  std::vector<net::Cidr> nets;             // of a host endpoint only its expectedIPs
  std::vector<model::EndpointPort> ports;  // network sets have none

  bool Has(const net::Ip& ip) const;
  // "WorkloadEndpoint(ns1/x)"
  std::string Name() const;
};

// All of the cluster.
std::vector<Member> MembersOf(const Cluster& cluster);

// A workload without an interface is no endpoint, nor is one that wants to send from addresses not its own
// where its host does not allow that (reference felix 1.3).
bool IsEndpoint(const Cluster& cluster, const model::WorkloadEndpoint& endpoint);

}  // namespace calico::policy_eval
