// SPDX-License-Identifier: Apache-2.0
#include "model/profile.h"

#include "model/v1_names.h"

namespace calico::model {

std::string ProfileNameOfDockerNetwork(const std::string& network_name) {
  return GeneralName(network_name);
}

Profile ProfileOfDockerNetwork(const std::string& network_name) {
  Profile profile;
  profile.metadata.name = ProfileNameOfDockerNetwork(network_name);
  // A Docker name is a valid label key up to 63 characters; a longer one is told by its profile's name.
  const std::string& label = network_name.size() <= 63 ? network_name : profile.metadata.name.substr(0, 63);
  profile.labels_to_apply[label] = "";
  Rule from_same_network;
  from_same_network.action = "Allow";
  from_same_network.source.selector = "has(" + label + ")";
  profile.ingress.push_back(from_same_network);
  Rule anywhere;
  anywhere.action = "Allow";
  profile.egress.push_back(anywhere);
  return profile;
}

}  // namespace calico::model
