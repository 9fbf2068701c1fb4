// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "policy_eval/path.h"

namespace calico::calicoctl {

// All objects of a store that policy depends on, as an agent takes them: of what does not decode, policies
// and profiles deny everything and the rest counts as absent.
Result<policy_eval::Cluster> ReadCluster(datastore::Client& client);

// One end of a packet's way, as somebody names it.
struct TraceEnd {
  policy_eval::Place place;
  std::vector<net::Ip> addresses;  // of both families; of an outside address just that
  std::string name;                // "workload ns1/web on host-a", "host host-a", "203.0.113.7"
};
// By a workload endpoint's name, namespace/name, node/container (or its pod or workload), a host
// ("host:<node>", a node's or a host endpoint's name), or an address. kNotFound with what may have been
// meant; kConflict with the candidates if it is ambiguous.
Result<TraceEnd> FindEnd(const policy_eval::Cluster& cluster, const std::string& text);

}  // namespace calico::calicoctl
