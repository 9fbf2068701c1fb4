// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <string>

namespace calico::model {

// JSON members that this version does not know, kept through a read-modify-write: RFC 6901 pointer of
// the member -> its JSON text.
using UnknownMembers = std::map<std::string, std::string>;

// The part of Kubernetes' ObjectMeta that Calico uses (reference datastore-model A.4).
struct Metadata {
  std::string name;
  std::string generate_name;
  std::string ns;  // "namespace"
  std::string uid;
  std::string resource_version;    // decimal revision; never stored
  std::string creation_timestamp;  // RFC 3339; stored as null when empty
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  bool operator==(const Metadata&) const = default;
};

}  // namespace calico::model
