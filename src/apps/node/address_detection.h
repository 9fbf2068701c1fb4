// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "kernel/rtnetlink.h"
#include "net/cidr.h"

namespace calico::node {

// The host's interfaces and addresses, as values.
struct HostAddresses {
  std::vector<kernel::Link> links;
  std::vector<kernel::Address> addresses;
};
// The source address that the kernel would use towards a destination (an address or a name). No packet is
// sent.
using SourceTowards = std::function<Result<net::Ip>(const std::string& destination, net::Family family)>;
Result<net::Ip> KernelSourceTowards(const std::string& destination, net::Family family);

// Reference bgp-and-node A2: first-found, can-reach=, interface=, skip-interface=, cidr=. The result keeps
// its prefix length. Errors say what was looked for and which variable to set.
Result<net::Cidr> DetectAddress(const HostAddresses& host, net::Family family, const std::string& method,
                                const SourceTowards& source_towards);

// The prefix length that the host's interface has for this address; nullopt when no interface has it.
std::optional<net::Cidr> AddressOnHost(const HostAddresses& host, const net::Ip& ip);

}  // namespace calico::node
