// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "model/metadata.h"

namespace calico::model {

// Ours: the name of a Docker network, by its ID. Docker never sends the name to a driver.
// Key /calico/docker/v1/network/<id>, value {"name":"net1"}.
struct DockerNetwork {
  std::string name;
  UnknownMembers unknown;
  bool operator==(const DockerNetwork&) const = default;
};

}  // namespace calico::model
