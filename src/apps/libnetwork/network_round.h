// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <set>
#include <string>
#include <vector>

#include "apps/libnetwork/docker_api.h"
#include "base/clock.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::libnetwork {

// What a round needs of one host's Docker: DockerApi, or a fake.
class DockerNetworks {
 public:
  virtual ~DockerNetworks() = default;
  virtual Result<std::vector<DockerNetwork>> ListNetworks() = 0;
  virtual Result<std::string> CreateNetwork(const DockerNetwork& network) = 0;
  virtual Status RemoveNetwork(const std::string& id) = 0;
};

// Brings the networks of this host's Docker and those of the store together, once: reads both, decides per
// network (network_plan.h), acts. A lost race is not retried here: `again` says that another round has work.
struct NetworkRound {
  datastore::Client& client;
  const Clock& clock;
  const std::string& node;
  DockerNetworks& docker;

  struct Outcome {
    bool again = false;                 // somebody else was quicker with the same network
    std::vector<std::string> problems;  // "network net1: …", of networks that are not Ready
    std::set<std::string> waiting;      // networks that wait for the last container of this host
  };
  // An error: store or Docker are away. Nothing is half done that the next round would not finish.
  Result<Outcome> Run();
};

}  // namespace calico::libnetwork
