// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "apps/libnetwork/call.h"
#include "base/result.h"

// The calls of Docker's IPAM driver protocol: request body in, answer body out.
namespace calico::libnetwork {

Result<std::string> RequestPool(const Call& call, const std::string& body);
Result<std::string> RequestAddress(const Call& call, const std::string& body);
Result<std::string> ReleaseAddress(const Call& call, const std::string& body);

}  // namespace calico::libnetwork
