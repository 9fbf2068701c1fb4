// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/call.h"
#include "base/result.h"

// The calls of Docker's network driver protocol: request body in, answer body out.
namespace calico::libnetwork {

// Checks only: for global scope it is called on one host, and the others meet the network in CreateEndpoint.
Result<std::string> CreateNetwork(const Call& call, const std::string& body);
// Idempotent. What this call wrote is undone when a later step fails, except the profile, which other
// endpoints may already use.
Result<std::string> CreateEndpoint(const Call& call, const std::string& body);
Result<std::string> DeleteEndpoint(const Call& call, const std::string& body);
Result<std::string> Join(const Call& call, const std::string& body);
Result<std::string> Leave(const Call& call, const std::string& body);

}  // namespace calico::libnetwork
