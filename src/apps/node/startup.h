// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

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

// How one address of this host was chosen.
struct AddressChoice {
  net::Family family = net::Family::kV4;
  std::string address;  // with its prefix length; empty: none
  std::string reason;
  std::vector<Detected::PassedOver> passed_over;
  std::string problem;  // what is not as it should be
};
// As a JSON list, for `calicoctl node status`.
std::string ToJson(const std::vector<AddressChoice>& choices);

// What every start does in the store (reference bgp-and-node A4 to A6): addresses, conflict check, our Node,
// default pools, ClusterInformation, the default configurations. Errors are one line that says what to do;
// nothing is written before all checks have passed. Two nodes that start with one address at the same moment
// see each other after they have written: the later one takes its address back and fails.
Result<std::vector<AddressChoice>> RunStartup(const StartupInputs& inputs);

// The same for the addresses of a running agent that IP=autodetect and IP6=autodetect ask for: a changed one
// is written to our Node. An address in use stays while it is there, and also when there is none instead.
Result<std::vector<AddressChoice>> UpdateAddresses(const StartupInputs& inputs);

}  // namespace calico::node
