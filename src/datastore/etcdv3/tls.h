// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/choice.h"

namespace calico::datastore::etcdv3 {

// The PEM texts in use, from files or inline.
struct Credentials {
  std::string ca, cert, key;
};
// Reads and checks them before gRPC, which only says "handshake failed": each error names the file and the
// reason (unreadable, no PEM, expired, key and certificate that do not belong together).
Result<Credentials> LoadCredentials(const EtcdOptions& options);

// Why TLS with that server fails, by one handshake of our own; "" when it works or the server is not
// reachable. `endpoint` is "https://host:port".
std::string ExplainHandshake(const std::string& endpoint, const Credentials& credentials, Duration timeout);

}  // namespace calico::datastore::etcdv3
