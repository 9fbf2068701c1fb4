// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "apps/calicoctl/session.h"
#include "apps/calicoctl/v1_identity.h"
#include "base/result.h"
#include "datastore/resources.h"
#include "model/codec/document.h"

namespace calico::calicoctl {

// All resources of --filename: a file, stdin, or the YAML and JSON files of a directory in lexical order.
// Everything is parsed before anything is returned. For a store of Calico 2.6 names of v1 documents stay as
// they are.
Result<std::vector<model::Document>> ReadDocuments(const Session& session);

// The kind that somebody typed. In the v1 API "policy" is what v3 calls a GlobalNetworkPolicy. The error says
// "resource type 'x' is not supported", and what was probably meant.
Result<model::Kind> ParseKind(const std::string& typed, model::ApiVersion dialect);

// --namespace and --all-namespaces.
struct NamespaceFlags {
  std::string ns;
  bool all = false;  // only `get` has it
};
NamespaceFlags NamespaceFlagsOf(const Arguments& arguments);

// The namespace of one resource (reference calicoctl A.6): what the resource says, --namespace and
// --all-namespaces together. `named`: one resource is meant, not a list.
Result<std::string> ResolveNamespace(model::Kind kind, const std::string& in_resource, bool named,
                                     const NamespaceFlags& flags);

// --scope, --node, --orchestrator and --workload of the v1 API, without a name.
std::vector<Option> V1IdentityOptions();
// In a store of Calico 2.6 "-n" is a node, as it was there.
V1Identity V1IdentityOfArguments(const Session& session);

// Finds what is stored under a name that somebody typed or wrote into a file. An IP pool may be named by its
// CIDR; names of the v1 API that v3 does not allow are converted.
class Identities final {
 public:
  explicit Identities(const Session& session);

  // Fills in the namespace. In v1 a pool's CIDR is its identity: a v1 document of a pool that exists under
  // another name takes that name.
  Status Resolve(model::Document& document);
  Result<model::Key> Named(model::Kind kind, const std::string& typed);
  // After a pool was written: the next question reads the pools again.
  void ForgetPools() { pools_.reset(); }

 private:
  Result<std::string> StoredName(model::Kind kind, const std::string& typed);
  Result<std::string> PoolWithCidr(const std::string& cidr);

  datastore::Resources resources_;
  const NamespaceFlags flags_;
  const model::ApiVersion dialect_;
  std::optional<std::vector<std::pair<std::string, std::string>>> pools_;  // CIDR and name
};

// Whose resources the store of this session holds.
model::ApiVersion DialectOf(const Session& session);

}  // namespace calico::calicoctl
