// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace calico::datastore {

struct DnsServer {
  std::string address;  // IPv4
  std::uint16_t port = 53;
};

// The etcd servers that the domain's SRV records name, as URLs: _etcd-client-ssl._tcp gives https://, then
// _etcd-client._tcp http://; each by priority, within one by weight. Asks the servers of /etc/resolv.conf, or
// `server`. kUnavailable: DNS did not answer, another time it may.
Result<std::vector<std::string>> DiscoverEtcd(const std::string& domain,
                                              const std::optional<DnsServer>& server = std::nullopt);

}  // namespace calico::datastore
