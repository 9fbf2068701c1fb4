// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>
#include <vector>

#include "model/metadata.h"
#include "model/rule.h"

namespace calico::model {

// Reference datastore-model A.8, C.4.5.
struct Profile {
  Metadata metadata;
  std::vector<Rule> ingress;
  std::vector<Rule> egress;
  std::map<std::string, std::string> labels_to_apply;
  // No member of the document: why the stored value could not be read in full (DecodeToEnforce in
  // codec/json.h); then the profile denies everything.
  std::string unreadable;
  UnknownMembers unknown;
  bool operator==(const Profile&) const = default;
};

// The Calico 2.6 libnetwork profile of one Docker network (reference docker-and-cni A6), in v3 form:
// its containers carry the label <network>, ingress is allowed from that label, egress everywhere.
Profile ProfileOfDockerNetwork(const std::string& network_name);
// Docker allows names that v3 does not (upper case, "_"): they are converted like v1 names (datastore-model
// D.1).
std::string ProfileNameOfDockerNetwork(const std::string& network_name);

}  // namespace calico::model
