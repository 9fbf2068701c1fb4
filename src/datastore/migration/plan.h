// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "datastore/client.h"
#include "model/key.h"
#include "model/update.h"

// A store of Calico 2.6 as objects of Calico v3 (reference datastore-model D.1, D.2, D.4): pure.
namespace calico::datastore::migration {

// One object of the source and what it becomes.
struct Step {
  std::string v1_kind;  // "policy", "felixConfig", "ipamBlock"
  std::string v1_name;  // "prod.web"
  model::Key key;
  model::Object object;  // with defaults
  bool renamed = false;
};
// What is left behind, or stands in the way.
struct Remark {
  std::string v1_kind;
  std::string v1_name;
  std::string text;
  bool operator==(const Remark&) const = default;
};
struct Plan {
  std::vector<Step> steps;       // in the order of writing
  std::vector<Remark> skipped;   // their controllers make them again, or v3 has no place for them
  std::vector<Remark> problems;  // nothing may be written while there is one
};

// `source` as a client of dialect kCalico26 lists it: v3 objects under the names of 2.6.
Plan MakePlan(const std::vector<KeyValue>& source);

// A Block, an affinity, a handle or the IPAM configuration.
bool IsIpam(const Step& step);

}  // namespace calico::datastore::migration
