// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/result.h"
#include "model/update.h"
#include "model/v1.h"

// What names a resource in the v1 API (reference calicoctl D.3), where `get` and `delete` select by it.
namespace calico::calicoctl {

// Of an object, or of a command line; empty members of the latter are wildcards.
struct V1Identity {
  std::string scope;  // of peers: "global", "node"
  std::string node;   // of endpoints and peers of one node
  std::string orchestrator;
  std::string workload;
  std::string name;  // for a pool its CIDR, for a peer its address

  bool empty() const {
    return scope.empty() && node.empty() && orchestrator.empty() && workload.empty() && name.empty();
  }
  bool operator==(const V1Identity&) const = default;
};

V1Identity V1IdentityOf(const model::Object& object);
V1Identity V1IdentityOf(const model::v1::Resource& resource);
// Whether the object is one of those wanted. Its v3 name is as good as its v1 name.
bool Matches(const model::Object& object, const V1Identity& wanted);
// As Calico 2.6 describes what has the identity, for messages: "HostEndpoint(node=host1, name=eth0)".
std::string DescribeV1(model::Kind kind, const V1Identity& identity);
// kInvalidArgument on an unknown scope.
Status CheckIdentity(const V1Identity& wanted);
// The first identifier that is missing to name one resource of the kind, "" if none is.
std::string MissingIdentifier(model::Kind kind, const V1Identity& wanted);

}  // namespace calico::calicoctl
