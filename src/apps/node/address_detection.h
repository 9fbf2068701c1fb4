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

// Where the address comes from, and which others there were.
struct Detected {
  net::Cidr address;
  std::string interface;
  std::string reason;  // "autodetected on eth0, the newest interface with an address (first-found)"
  struct PassedOver {
    std::string interface;
    std::string reason;
    bool operator==(const PassedOver&) const = default;
  };
  std::vector<PassedOver> passed_over;  // those with an address of the family
};
// Reference bgp-and-node A2: first-found, can-reach=, interface=, skip-interface=, cidr=. The result keeps
// its prefix length. Errors say what was looked for and which variable to set. Of several addresses that a
// method allows `preferred` is taken if it is among them: the one that is in use.
Result<Detected> DetectAddress(const HostAddresses& host, net::Family family, const std::string& method,
                               const SourceTowards& source_towards,
                               const std::optional<net::Cidr>& preferred = std::nullopt);

// The prefix length that the host's interface has for this address; nullopt when no interface has it.
std::optional<net::Cidr> AddressOnHost(const HostAddresses& host, const net::Ip& ip);

}  // namespace calico::node
