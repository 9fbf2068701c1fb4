// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "datastore/client.h"
#include "model/update.h"

namespace calico::calicoctl {

// What each host has written of Docker's networks, to be shown as their status. Empty until Read().
class DockerNetworkHosts {
 public:
  Status Read(datastore::Client& client);
  void AddHosts(model::Object& object);  // nothing to other kinds
  // Networks that hosts still have although they were removed: with a status and no spec. Of those that
  // AddHosts() has not seen.
  std::vector<model::Object> Leftovers() const;

 private:
  std::map<std::string, std::vector<model::DockerNetworkHost>> hosts_;  // by network
};

}  // namespace calico::calicoctl
