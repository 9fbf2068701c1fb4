// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "apps/node/dataplane_thread.h"
#include "apps/node/health.h"
#include "base/http_server.h"
#include "base/result.h"
#include "bgp/peer_status.h"

namespace calico::node {

struct ShowSources {
  const std::string& node;
  const std::string& store;
  const std::string& store_reason;
  DataplaneThread& dataplane;
  Health& health;
  std::function<std::vector<std::string>()> policy_problems;  // what is not enforced as it stands
  std::function<std::vector<std::string>()> unreachable;      // other hosts, and why
  std::function<bgp::Speaker::Health()> speaker;
  std::function<Result<std::vector<bgp::PeerStatus>>()> peers;
  std::function<std::vector<std::string>()> address_problems;
  std::function<std::string()> addresses;                     // JSON
  std::function<std::vector<std::string>()> docker_networks;  // that are not as they should be
};
// The agent's side of `calico-node show`: /status, /endpoints, /tables; and of `calicoctl node status`:
// /problems, and as JSON /peers and
// /addresses.
HttpResponse HandleShow(const HttpRequest& request, const ShowSources& sources);

// `calico-node show TOPIC`: asks the running agent over its socket.
Status Show(const std::string& topic, std::ostream& out);

}  // namespace calico::node
