// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "net/address_port.h"
#include "net/cidr.h"

namespace calico::dataplane_api {

// Members of both families; the dataplane splits them. Sorted, without duplicates. A set has either addresses
// and prefixes, which may overlap, or named ports.
struct IpSet {
  std::vector<net::Cidr> members;
  std::vector<net::AddressPort> ports;
  bool of_ports = false;  // which of the two it has, also when it is empty
  bool operator==(const IpSet&) const = default;
};
struct IpSetDelta {
  IpSet added, removed;  // nothing is in both
  bool empty() const {
    return added.members.empty() && added.ports.empty() && removed.members.empty() && removed.ports.empty();
  }
};

// The set after the delta.
IpSet Apply(const IpSet& set, const IpSetDelta& delta);
// One delta that does what the two do one after the other.
IpSetDelta Combine(const IpSetDelta& first, const IpSetDelta& second);

}  // namespace calico::dataplane_api
