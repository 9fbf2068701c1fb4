// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/node/address_detection.h"
#include "base/clock.h"
#include "base/environment.h"
#include "base/result.h"
#include "datastore/client.h"

namespace calico::node {

struct StartupInputs {
  const Environment& environment;
  datastore::Client& client;
  const Clock& clock;
  const HostAddresses& host;
  SourceTowards source_towards;
  std::string node_name;
  std::string version;   // of this program, for ClusterInformation
  bool has_ipv6 = true;  // the kernel's
};

// What every start does in the store (reference bgp-and-node A4 to A6): addresses, conflict check, our Node,
// default pools, ClusterInformation, the default configurations. Errors are one line that says what to do;
// nothing is written before all checks have passed.
Status RunStartup(const StartupInputs& inputs);

}  // namespace calico::node
