// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "datastore/choice.h"

// What both etcd drivers need of TLS.
namespace calico::datastore {

// The PEM texts in use, from files or inline. An absent one is empty.
struct Credentials {
  std::string ca, cert, key;
  std::string ca_name, cert_name, key_name;  // for messages: "etcd CA certificate /etc/calico/ca.pem"
};
// Reads and checks them before the libraries do, which only say "handshake failed": each error names the file
// and the reason (unreadable, no PEM, expired, encrypted, a key that belongs to another certificate).
Result<Credentials> LoadCredentials(const EtcdOptions& options);

// Why no connection to a server comes about.
struct Explanation {
  std::string reason;     // "" when one of our own works
  bool hopeless = false;  // waiting does not help: the two sides of TLS do not accept each other
};
// Finds it out by one connection. `url` is "http://…" or "https://…". Takes at most about twice `timeout`.
Explanation ExplainConnection(const std::string& url, const Credentials& credentials, Duration timeout);

}  // namespace calico::datastore
