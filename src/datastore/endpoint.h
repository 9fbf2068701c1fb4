// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"

namespace calico::datastore {

struct Endpoint {
  bool tls = false;
  std::string host;  // without brackets
  std::string port;
  std::string Target() const {
    return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port;
  }
};

// "http://10.0.0.1:2379", "https://[fd00::1]:2379"; a missing port is 2379, a missing scheme http.
inline Result<Endpoint> ParseEndpoint(const std::string& url) {
  Endpoint endpoint;
  std::string rest = url;
  if (rest.starts_with("https://")) {
    endpoint.tls = true;
    rest.erase(0, 8);
  } else if (rest.starts_with("http://")) {
    rest.erase(0, 7);
  } else if (rest.find("://") != std::string::npos) {
    return Error(ErrorCode::kInvalidArgument,
                 "etcd endpoint '" + url + "': only http:// and https:// are possible");
  }
  while (rest.ends_with('/')) rest.pop_back();
  const std::size_t bracket = rest.find(']');
  const std::size_t colon = rest.find(':', bracket == std::string::npos ? 0 : bracket);
  endpoint.host = rest.substr(0, colon);
  endpoint.port = colon == std::string::npos ? "2379" : rest.substr(colon + 1);
  if (endpoint.host.starts_with('[') && endpoint.host.ends_with(']')) {
    endpoint.host = endpoint.host.substr(1, endpoint.host.size() - 2);
  }
  const bool numeric =
      !endpoint.port.empty() && endpoint.port.find_first_not_of("0123456789") == std::string::npos;
  if (endpoint.host.empty() || !numeric) {
    return Error(ErrorCode::kInvalidArgument, "etcd endpoint '" + url + "' is not like http://10.0.0.1:2379");
  }
  return endpoint;
}

}  // namespace calico::datastore
